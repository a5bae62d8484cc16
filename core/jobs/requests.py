"""Ask the process of a run or a sweep to pause, to stop or to continue.

The request is a file in its folder, see `core.runs.run_folder`. The process that works there reads it. Where
none does, the request takes effect at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import Timeout

from core.runs import run_folder

_PATIENCE = 20  # seconds in which a process that has written its last status leaves


def pause(folder: Path) -> None:
    """Ask to pause. Changes nothing if the run or sweep has ended, is paused or is interrupted."""
    with run_folder.changing_request(folder) as change:
        if run_folder.status(folder).state not in run_folder.RESTING:
            change(action="pause")
            if _only_waits(folder):
                write_in_its_place(folder, state="paused", ended=time.time())


def stop(folder: Path, wake: Callable[[], None]) -> None:
    """Ask to end. Changes nothing where it has ended.

    Args:
        wake: called if it rests or waits, when no process would see the request.
    """
    with run_folder.changing_request(folder) as change:
        state = run_folder.status(folder).state
        if state in run_folder.ENDED:
            return
        change(action="stop")
        if state in run_folder.RESTING or _only_waits(folder):
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
        wake: called with the state where it rests. A process that is about to leave reads the request once
            more under the same lock, and stays.
        changes: of the request, besides.
    """
    with run_folder.changing_request(folder) as change:
        state = run_folder.status(folder).state
        check(state)
        change(action="run", **changes)
        if state in run_folder.RESTING:
            wake(state)


def _only_waits(folder: Path) -> bool:
    """Whether it waits for a process."""
    return run_folder.written_status(folder).state == "queued" and not run_folder.worker_is_alive(folder)


def queue(folder: Path, **changes: Any) -> None:
    """Write the status of a run or sweep that waits for a process, with these other changes."""
    run_folder.keep_room(folder)
    write_in_its_place(folder, state="queued", phase="", queued=time.time(), pid=0, failure=None, **changes)


def write_in_its_place(folder: Path, **changes: Any) -> None:
    """Write the status if no process works on it; a process that does writes the status itself."""
    with suppress(Timeout), run_folder.worker_lock(folder).acquire(timeout=_PATIENCE, poll_interval=0.01):
        run_folder.write_status(folder, run_folder.written_status(folder).model_copy(update=changes))
