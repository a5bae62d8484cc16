"""Temporary runs: they were started automatically, by the change of a setting on the Train page.

They are hidden in lists, and deleted after a day, unless somebody pins them or writes notes about them. They
cannot be restored then: nobody asked for them, and there may be hundreds.
"""

from __future__ import annotations

import time
from pathlib import Path

from filelock import Timeout

from core.runs import notes, run_folder, trash

KEPT = 24 * 3600.0  # seconds
_PAUSE = 3600.0  # seconds between two times of clearing
# When this process has cleared a folder the last time, in seconds of the monotonic clock.
_cleared: dict[Path, float] = {}


def clear(root: Path, now: float, kept: float = KEPT) -> list[str]:
    """Delete the temporary runs of a folder that have rested for some time. Returns their names.

    Args:
        now: the current time, in seconds since 1970.
        kept: for how many seconds a run is kept after its end, or after its creation if it has no end.
    """
    return [run.name for run in run_folder.every(root) if _is_over(run, now - kept) and _delete(run)]


def clear_hourly(root: Path) -> None:
    """Like `clear`, but only if this process has not done so within an hour. It is called often."""
    now = time.monotonic()
    if now - _cleared.get(root, -_PAUSE) >= _PAUSE:
        _cleared[root] = now
        clear(root, time.time())


def _is_over(run: Path, latest: float) -> bool:
    """Whether the run is temporary, and has rested since this moment. False if it cannot be read."""
    if not notes.is_temporary(run):
        return False
    try:
        status = run_folder.status(run)
    except run_folder.UnknownRun:
        return False
    return status.state in run_folder.RESTING and max(status.created, status.ended) <= latest


def _delete(run: Path) -> bool:
    """Delete a resting run, unless a worker or a person has come back to it. Returns whether it is gone."""
    try:
        before = run_folder.written_status(run)
        with run_folder.worker_lock(run).acquire(blocking=False):
            if run_folder.written_status(run) != before or not notes.is_temporary(run):
                return False
            trash.remove(run)
    except (Timeout, OSError, run_folder.UnknownRun):
        return False
    return True
