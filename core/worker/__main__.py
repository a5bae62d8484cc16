"""The training process, started by `core.jobs.local`. It does not end with the server.

``python -m core.worker SETTINGS COMING`` trains the waiting runs of a folder one after the other. SETTINGS is
JSON, the part of the operator's `core.settings.Settings` that is named in `core.jobs.local.TOLD`. COMING is a
file that is deleted when the worker has come.
``python -m core.worker --conclude RUN_DIR`` works on one run that is to stop, and takes no place.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from core.failures import Failure
from core.jobs import turns
from core.jobs.local import Local
from core.jobs.places import Places
from core.runs import run_folder
from core.runs.run_folder import Action, Ask
from core.settings import Settings
from core.worker.recorder import Journal

_PATIENCE = 20  # seconds to wait for another worker of the same run to leave
_GLANCES = 0.2  # seconds in which those who only look at a lock let it go
_BETWEEN = 0.3  # seconds between two looks of a worker that stands by
_POLL = 0.05  # seconds between two looks at the bell
_UNRUNG = 1.0  # seconds after which an idle worker looks at the line, whether or not the bell was rung

# Set by SIGTERM, with which the system or the container asks every process to end.
_leaving = threading.Event()

# What a worker without a run does first; it takes a run on before it is done with that.
_warming: threading.Thread | None = None


def heed_sigterm() -> None:
    """Have SIGTERM pause the run in hand and end this process."""
    signal.signal(signal.SIGTERM, lambda *_signal: _leaving.set())


def main(settings: Settings, coming: Path, local: Local) -> None:
    """Train the waiting runs of the folder ``settings.runs``, until there is a reason to leave.

    Args:
        coming: is deleted when this worker has a place, stands by for one, or is not needed.
        local: starts further workers. It does not keep them waiting for runs.
    """
    heed_sigterm()
    places = Places(settings.runs, settings.slots)
    place = _take_place(places, settings.runs, coming)
    coming.unlink(missing_ok=True)
    if place:
        Worker(places, place, settings, local).work()


def _take_place(places: Places, root: Path, coming: Path) -> FileLock | None:
    """Take a place; stand by for one while runs are waiting, unless another worker does so."""
    if place := places.take():
        return place
    with suppress(Timeout), places.stand_by.acquire(blocking=False):
        coming.unlink(missing_ok=True)
        while not _leaving.is_set():
            if place := places.take():
                return place
            with places.door:
                if not turns.line(root).waiting:
                    places.stand_by.release()
                    break
            time.sleep(_BETWEEN)
    return None


class Worker:
    """Trains run after run.

    Args:
        place: its lock, which is freed when the worker leaves.

    Attributes:
        trained: how many runs it has worked on.
    """

    def __init__(self, places: Places, place: FileLock, settings: Settings, local: Local) -> None:
        self.trained = 0
        self._places = places
        self._place = place
        self._settings = settings
        self._local = local
        self._is_sound = True
        self._idle_since = time.monotonic()
        if settings.warm_minutes and not turns.line(settings.runs).waiting:
            _warm_up()

    def work(self) -> None:
        """Train the runs whose turn it is, and wait for more, until there is a reason to leave."""
        while not _leaving.is_set() and not self._is_worn_out():
            rung = self._places.rung()
            if taken := self._take():
                self._train(*taken)
            elif self._has_nothing_to_wait_for() and self._leave():
                return
            else:
                self._rest(rung)
        with self._places.door:
            self._place.release()
        if not _leaving.is_set():
            self._local.serve(self._settings)  # by another worker

    def _is_worn_out(self) -> bool:
        """Whether another process should train the next run."""
        megabytes = psutil.Process().memory_info().rss / 1e6
        return (
            not self._is_sound
            or self.trained >= self._settings.worker_runs
            or (self.trained > 0 and megabytes > self._settings.worker_megabytes)
        )

    def _take(self) -> tuple[Path, FileLock] | None:
        """The run whose turn it is, and its lock."""
        for run in turns.line(self._settings.runs).waiting:
            lock = run_folder.worker_lock(run)
            try:
                lock.acquire(timeout=_GLANCES, poll_interval=0.01)
            except (Timeout, OSError):
                continue  # another worker has it, or it was deleted just now
            if _is_wanted(run):
                return run, lock
            lock.release()
        return None

    def _train(self, run: Path, lock: FileLock) -> None:
        self.trained += 1
        if turns.line(self._settings.runs).waiting[1:]:
            self._local.serve(self._settings)  # the others, should this process be killed
        with suppress(OSError):
            print_to(run / "log.txt")
        try:
            self._is_sound = work_on(run)
        finally:
            lock.release()
        print_to(Path(os.devnull))
        self._idle_since = time.monotonic()

    def _has_nothing_to_wait_for(self) -> bool:
        idle = time.monotonic() - self._idle_since
        return idle >= 60 * self._settings.warm_minutes or not self._places.are_attended()

    def _leave(self) -> bool:
        """Give the place up, unless a run has come meanwhile. Returns whether it was given up."""
        with self._places.door:
            if turns.line(self._settings.runs).waiting:
                return False
            self._place.release()
            return True

    def _rest(self, rung: int) -> None:
        """Wait until the bell is rung, or some time has passed."""
        end = time.monotonic() + _UNRUNG
        while self._places.rung() == rung and time.monotonic() < end and not _leaving.is_set():
            time.sleep(_POLL)


def print_to(file: Path) -> None:
    """Have what this process prints written to the end of a file."""
    with file.open("ab") as opened:
        os.dup2(opened.fileno(), sys.stdout.fileno())
        os.dup2(opened.fileno(), sys.stderr.fileno())


def attempt(run: Path) -> None:
    """Work on this run if it waits, once no other process works on it."""
    with suppress(Timeout), run_folder.worker_lock(run).acquire(timeout=_PATIENCE):
        if _is_wanted(run):
            work_on(run)


def _is_wanted(run: Path) -> bool:
    """Whether the run still waits: another worker may have had it until a moment ago."""
    try:
        return run_folder.written_status(run).state == "queued"
    except run_folder.UnknownRun:
        return False  # it was deleted just now


def work_on(run: Path) -> bool:
    """Do what is wanted of a run whose lock this process holds.

    Returns:
        Whether this process can be trusted with another run.
    """
    journal = Journal(run)

    def action() -> Action:
        return "pause" if _leaving.is_set() else run_folder.request(run).action

    try:
        _take_turn(run, journal, action)
    except Exception as error:  # noqa: BLE001
        # The worker's edge: whatever went wrong is what the run's page has to show.
        if not run.exists():
            return True  # it was deleted, which ends it as well
        lost = isinstance(error, run_folder.CannotGoOn)
        journal.end("failed", failure=Failure.from_exception(error), can_resume=not lost)
        with suppress(OSError):  # the log is on the same disk
            traceback.print_exc()
        return False
    return True


def _take_turn(run: Path, journal: Journal, action: Ask) -> None:
    wanted = action()
    if wanted == "pause" and journal.pause(action):
        return
    if wanted == "stop" and not run_folder.has_checkpoint(run) and journal.stop(action):
        return
    journal.begin()
    if _warming:
        _warming.join()  # it draws from the random generators that the training is to have for itself
    # Here and not above: it takes seconds, and a waiting run needs none of it.
    from core.worker.training import train

    train(run, journal, action)


def _warm_up() -> None:
    """Import TensorFlow, in a thread of its own."""
    global _warming
    _warming = threading.Thread(target=_rehearse, daemon=True)
    _warming.start()


def _rehearse() -> None:
    from core.worker.training import rehearse

    rehearse()


if __name__ == "__main__":
    if sys.argv[1] == "--conclude":
        heed_sigterm()
        attempt(Path(sys.argv[2]))
    else:
        main(Settings.model_validate_json(sys.argv[1]), Path(sys.argv[2]), Local(attends=False))
    sys.stdout.flush()
    os._exit(0)  # at once, whatever is being imported
