"""The places of the workers that train the runs of a folder.

A worker holds one of the places for as long as it lives. The places are file locks. The system frees a lock
when its process dies, so a place is not lost with its worker. Another worker may stand by. If a worker dies
while runs wait, the worker that stands by takes its place. A process that submits runs attends the folder.
While a process attends the folder, idle workers wait for the next run.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import IO

import portalocker
from filelock import FileLock, Timeout
from portalocker import LockException, LockFlags

from core.runs import run_folder

_FOLDER = ".slots"
_IDLE = ".idle"


class Place:
    """The place of one worker.

    Attributes:
        idle: held while the worker has no run.
    """

    def __init__(self, file: Path) -> None:
        self._taken = FileLock(file)
        self.idle = FileLock(file.with_suffix(_IDLE))

    def take(self) -> bool:
        """Take the place, if it is free, for a worker that has no run yet. Returns whether it was free."""
        try:
            self._taken.acquire(blocking=False)
        except Timeout:
            return False
        self.idle.acquire()
        return True

    def release(self) -> None:
        """Free the place for another worker."""
        self.idle.release(force=True)
        self._taken.release()


class Places:
    """The places for workers in a folder of runs.

    Args:
        root: the folder. It is created if it does not exist.
        number: the number of places, at least 1.

    Attributes:
        door: the lock for a worker that is about to exit, and for a process that checks whether another
            worker is needed. So no run waits for a worker that has just decided to exit.
        stand_by: the lock of the worker that stands by.

    Raises:
        OSError: the folder cannot be written to.
    """

    def __init__(self, root: Path, number: int) -> None:
        self._folder = root / _FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files = [self._folder / f"{place}.lock" for place in range(number)]
        self._bell = self._folder / "bell"
        self._attended = self._folder / "attended.lock"
        self.door = FileLock(self._folder / "door.lock")
        self.stand_by = FileLock(self._folder / "stand-by.lock")

    @staticmethod
    def exist(root: Path) -> bool:
        """Whether a folder of runs has places already."""
        return (root / _FOLDER).is_dir()

    def take(self) -> Place | None:
        """Take a free place. Returns None if all places are taken."""
        return next((place for place in map(Place, self._files) if place.take()), None)

    def taken(self) -> int:
        """The number of places that living workers hold."""
        return sum(run_folder.is_held(file) for file in self._files)

    def idle(self) -> int:
        """The number of living workers that have no run."""
        return sum(run_folder.is_held(file.with_suffix(_IDLE)) for file in self._files)

    def has_stand_by(self) -> bool:
        """Whether a worker stands by."""
        return run_folder.is_held(self._folder / "stand-by.lock")

    def ring(self) -> None:
        """Wake the idle workers."""
        self._bell.write_bytes(b"")

    def rung(self) -> int:
        """The time of the last call of `ring`, in nanoseconds since 1970; 0 if there was no call."""
        try:
            return self._bell.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def expect(self) -> Path:
        """Create a file for a worker that is about to start. The worker deletes it when it has started."""
        file = self._folder / f"coming-{secrets.token_hex(4)}"
        file.touch()
        return file

    def is_of(self, coming: Path) -> bool:
        """Whether a file that was returned by `expect` belongs to these places."""
        return coming.parent == self._folder

    def attend(self) -> IO[bytes]:
        """Attend the folder: idle workers wait for runs while the returned file is open."""
        file = self._attended.open("a+b")
        portalocker.lock(file, LockFlags.SHARED)
        return file

    def are_attended(self) -> bool:
        """Whether a living process attends the folder."""
        with self._attended.open("a+b") as file:
            try:
                portalocker.lock(file, LockFlags.EXCLUSIVE | LockFlags.NON_BLOCKING)
            except LockException:
                return True
            portalocker.unlock(file)
        return False
