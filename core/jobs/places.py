"""The places of the workers that train the runs of a folder.

A worker holds one of the places for as long as it lives. They are file locks, which the system frees when a
process dies, so that no place is lost with a worker. One more worker may stand by: it takes the place of one
that dies while runs are waiting. A process that has runs trained attends the folder: so long, idle workers
wait for the next run.
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


class Places:
    """The places for workers in a folder of runs.

    Args:
        root: the folder. It is made if it is not there.
        number: how many places there are, at least 1.

    Attributes:
        door: held by a worker that leaves, and by whoever looks whether one more is needed. So no run waits
            for a worker that has just decided to leave.
        stand_by: held by the worker that stands by.
    """

    def __init__(self, root: Path, number: int) -> None:
        self._folder = root / _FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files = [self._folder / f"{place}.lock" for place in range(number)]
        self._bell = self._folder / "bell"
        self._attended = self._folder / "attended.lock"
        self.door = FileLock(self._folder / "door.lock")
        self.stand_by = FileLock(self._folder / "stand-by.lock")

    def take(self) -> FileLock | None:
        """Take a free place. Returns its lock, or None if there is none."""
        for file in self._files:
            lock = FileLock(file)
            try:
                lock.acquire(blocking=False)
                return lock
            except Timeout:
                continue
        return None

    def taken(self) -> int:
        """How many workers live."""
        return sum(run_folder.is_held(file) for file in self._files)

    def has_stand_by(self) -> bool:
        """Whether a worker stands by."""
        return run_folder.is_held(self._folder / "stand-by.lock")

    def ring(self) -> None:
        """Wake the workers that have nothing to do."""
        self._bell.write_bytes(b"")

    def rung(self) -> int:
        """When somebody rang last, in nanoseconds; 0 if nobody has."""
        try:
            return self._bell.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def expect(self) -> Path:
        """Note that a worker was started. Returns the file that it deletes when it has come."""
        file = self._folder / f"coming-{secrets.token_hex(4)}"
        file.touch()
        return file

    def is_of(self, coming: Path) -> bool:
        """Whether a file that `expect` returned belongs to these places."""
        return coming.parent == self._folder

    def attend(self) -> IO[bytes]:
        """Keep idle workers waiting for runs while the returned file is open."""
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
