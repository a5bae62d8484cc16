"""Ask the process of a run or a sweep to pause, to stop or to continue.

The request is a file in its folder, see `core.runs.run_folder`; who works there reads it. A process is
started only where there is none, or where the one that is there may be about to leave.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import Timeout

from core.runs import run_folder


def pause(folder: Path) -> None:
    """Ask to pause. Changes nothing if the run or sweep has ended, is paused or is interrupted."""
    with run_folder.changing_request(folder) as change:
        if run_folder.status(folder).state not in run_folder.RESTING:
            change(action="pause")


def stop(folder: Path, wake: Callable[[], None]) -> None:
    """Ask to end. Changes nothing where it has ended.

    Args:
        wake: called if it rests, when no process would see the request.
    """
    with run_folder.changing_request(folder) as change:
        state = run_folder.status(folder).state
        if state in run_folder.ENDED:
            return
        change(action="stop")
        if state in run_folder.RESTING:
            wake()


def go_on(
    folder: Path,
    check: Callable[[run_folder.State], None],
    wake: Callable[[run_folder.State], None],
    **changes: Any,
) -> None:
    """Ask to go on.

    Args:
        check: called first, with the state; what it raises leaves everything as it was.
        wake: called with the state where it rests, or is about to.
        changes: of the request, besides.
    """
    with run_folder.changing_request(folder) as change:
        state = run_folder.status(folder).state
        check(state)
        change(action="run", **changes)
        if state not in ("queued", "running"):
            wake(state)


def queue(folder: Path, **changes: Any) -> None:
    """Write the status of a run or sweep that waits for a process, with these other changes."""
    run_folder.keep_room(folder)
    write_in_its_place(folder, state="queued", phase="", queued=time.time(), pid=0, failure=None, **changes)


def write_in_its_place(folder: Path, **changes: Any) -> None:
    """Write the status if no process works on it; a process that does writes the status itself."""
    with suppress(Timeout), run_folder.worker_lock(folder).acquire(timeout=1, poll_interval=0.01):
        run_folder.write_status(folder, run_folder.written_status(folder).model_copy(update=changes))
