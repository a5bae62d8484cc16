"""The training process, started by `core.jobs.local`. It does not end with the server.

``python -m core.worker SETTINGS COMING`` trains the waiting runs of a folder one after the other. SETTINGS is
JSON: the operator's settings (`core.settings.Settings`) that are named in `core.jobs.local.TOLD`. COMING is a
file that the worker deletes when it has started.

``python -m core.worker --conclude RUN_DIR`` exports the model of a run that was asked to stop. This process
takes no place.
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
from core.jobs.places import Place, Places
from core.runs import run_folder
from core.runs.run_folder import Action, Ask
from core.settings import Settings
from core.worker.recorder import Journal

_PATIENCE = 20  # seconds to wait for another worker of the same run to exit
_GLANCES = 0.2  # seconds within which a process that only tests a lock has released it
_BETWEEN = 0.3  # seconds between two checks of a worker that stands by
_POLL = 0.05  # seconds between two checks of the bell
_UNRUNG = 1.0  # seconds after which an idle worker reads the queue, even if the bell was not rung

# Set by SIGTERM, with which the system or the container asks every process to end.
_leaving = threading.Event()

# Imports TensorFlow in a worker without a run. The worker may get a run before this thread has ended.
_warming: threading.Thread | None = None


def heed_sigterm() -> None:
    """Let SIGTERM pause the current run and end this process."""
    signal.signal(signal.SIGTERM, lambda *_signal: _leaving.set())


def main(settings: Settings, coming: Path, local: Local) -> None:
    """Train the waiting runs of the folder ``settings.runs``, until there is a reason to exit.

    Args:
        coming: the file that is deleted when this worker has a place, stands by, or is not needed.
        local: starts further workers. It must not attend the folder.
    """
    heed_sigterm()
    places = Places(settings.runs, settings.slots)
    place = _take_place(places, settings.runs, coming)
    coming.unlink(missing_ok=True)
    if place:
        Worker(places, place, settings, local).work()


def _take_place(places: Places, root: Path, coming: Path) -> Place | None:
    """Take a place. If all are taken, stand by while runs wait, unless another worker stands by.

    Returns:
        The lock of the place, or None if this worker is not needed.
    """
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
        places: the places of the folder.
        place: the worker's place. It is released when the worker exits.
        settings: the operator's settings.
        local: starts further workers.

    Attributes:
        trained: the number of runs that the worker has worked on.
    """

    def __init__(self, places: Places, place: Place, settings: Settings, local: Local) -> None:
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
        """Train the waiting runs, and wait for further runs, until there is a reason to exit."""
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
            self._local.serve(self._settings)  # starts another worker if runs wait

    def _is_worn_out(self) -> bool:
        """Whether another process should train the next run."""
        megabytes = psutil.Process().memory_info().rss / 1e6
        return (
            not self._is_sound
            or self.trained >= self._settings.worker_runs
            or (self.trained > 0 and megabytes > self._settings.worker_megabytes)
        )

    def _take(self) -> tuple[Path, FileLock] | None:
        """Take the run that has waited longest. Returns the run and its lock, or None if no run waits."""
        for run in turns.line(self._settings.runs).waiting:
            lock = run_folder.worker_lock(run)
            try:
                if _is_wanted(run):
                    lock.acquire(timeout=_GLANCES, poll_interval=0.01)
            except (Timeout, OSError):
                continue  # another worker has the run, or the run has just been deleted
            if _is_wanted(run):
                return run, lock
            lock.release()
        return None

    def _train(self, run: Path, lock: FileLock) -> None:
        self.trained += 1
        if turns.line(self._settings.runs).waiting[1:]:
            self._local.serve(self._settings)  # another worker, in case this process is killed
        with suppress(OSError):
            print_to(run / "log.txt")
        self._place.idle.release()
        try:
            self._is_sound = work_on(run)
        finally:
            lock.release()
        self._place.idle.acquire()
        print_to(Path(os.devnull))
        self._idle_since = time.monotonic()

    def _has_nothing_to_wait_for(self) -> bool:
        idle = time.monotonic() - self._idle_since
        return idle >= 60 * self._settings.warm_minutes or not self._places.are_attended()

    def _leave(self) -> bool:
        """Release the place, unless a run waits. Returns whether the place was released."""
        with self._places.door:
            if turns.line(self._settings.runs).waiting:
                return False
            self._place.release()
            return True

    def _rest(self, rung: int) -> None:
        """Wait until the bell is rung, or a second has passed.

        Args:
            rung: the time of the last ring that the worker knows, see `Places.rung`.
        """
        end = time.monotonic() + _UNRUNG
        while self._places.rung() == rung and time.monotonic() < end and not _leaving.is_set():
            time.sleep(_POLL)


def print_to(file: Path) -> None:
    """Append the output of this process to a file, from now on. Raises OSError if it cannot be opened."""
    with file.open("ab") as opened:
        os.dup2(opened.fileno(), sys.stdout.fileno())
        os.dup2(opened.fileno(), sys.stderr.fileno())


def attempt(run: Path) -> None:
    """Work on a waiting run. If another process works on the run, wait some seconds until it has exited."""
    if not _is_wanted(run):
        return  # the lock would make the folder of a run that has been deleted
    with suppress(Timeout), run_folder.worker_lock(run).acquire(timeout=_PATIENCE):
        if _is_wanted(run):
            work_on(run)


def _is_wanted(run: Path) -> bool:
    """Whether the run still waits. Another worker may have worked on the run until a moment ago."""
    try:
        return run_folder.written_status(run).state == "queued"
    except run_folder.UnknownRun:
        return False  # the run has just been deleted


def work_on(run: Path) -> bool:
    """Train, pause or stop a run, as requested. This process must hold the lock of the run.

    Returns:
        Whether this process may train another run: False if the run has failed.
    """
    journal = Journal(run)

    def action() -> Action:
        return "pause" if _leaving.is_set() else run_folder.request(run).action

    try:
        _take_turn(run, journal, action)
    except Exception as error:  # noqa: BLE001
        # This is the outermost function that knows the run: the page of the run shows any error.
        if not run.exists():
            return True  # the error of a deleted run is expected
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
    began = time.monotonic()
    if _warming:
        _warming.join()  # it uses the same random generators as the training
    # Imported here, because the import takes seconds and not every request needs it.
    from core.worker.training import train

    journal.imported(time.monotonic() - began)
    train(run, journal, action)


def _warm_up() -> None:
    """Start the import of TensorFlow, in a thread of its own."""
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
    os._exit(0)  # at once, even during an import
