"""Ask the process of a run or a sweep to pause, to stop or to continue.

The request is a file in the folder of the run or sweep, see `core.runs.run_folder`. The process that works
there reads the file. If there is no such process, the request takes effect at once.

`pause`, `stop` and `go_on` raise FileNotFoundError if the folder has been deleted, UnknownRun if its status
cannot be read, and OSError if the folder cannot be written to.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import Timeout

from core.runs import run_folder

_PATIENCE = 20  # seconds within which a process that has written its last status exits


def pause(folder: Path) -> None:
    """Ask to pause. Changes nothing if the run or sweep has ended, is paused or is interrupted."""
    with run_folder.changing_request(folder) as change:
        if run_folder.status(folder).state not in run_folder.RESTING:
            change(action="pause")
            if _only_waits(folder):
                write_in_its_place(folder, state="paused", ended=time.time())


def stop(folder: Path, wake: Callable[[], None]) -> None:
    """Ask to stop. Changes nothing if the run or sweep has ended.

    Args:
        wake: called if the run or sweep is paused, interrupted or waiting, because no process reads the
            request then.
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
    """Ask to continue.

    Args:
        check: called first, with the state. If it raises an error, nothing changes.
        wake: called with the state if the run or sweep has ended, is paused or is interrupted. A process
            that is about to exit reads the request again under the same lock, and continues.
        changes: other changes of the request.
    """
    with run_folder.changing_request(folder) as change:
        state = run_folder.status(folder).state
        check(state)
        change(action="run", **changes)
        if state in run_folder.RESTING:
            wake(state)


def _only_waits(folder: Path) -> bool:
    """Whether the run or sweep waits for a process."""
    return run_folder.written_status(folder).state == "queued" and not run_folder.worker_is_alive(folder)


def queue(folder: Path, **changes: Any) -> None:
    """Write that a run or sweep waits for a process, with these other changes of its status."""
    run_folder.keep_room(folder)
    write_in_its_place(folder, state="queued", phase="", queued=time.time(), pid=0, failure=None, **changes)


def write_in_its_place(folder: Path, **changes: Any) -> None:
    """Change the status if no process works. A process that works writes the status itself."""
    with suppress(Timeout), run_folder.worker_lock(folder).acquire(timeout=_PATIENCE, poll_interval=0.01):
        run_folder.write_status(folder, run_folder.written_status(folder).model_copy(update=changes))
