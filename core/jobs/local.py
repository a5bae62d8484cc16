"""The executor that starts processes on this machine.

A worker trains run after run. Importing TensorFlow takes seconds, so only the first run of a worker waits for
the import. A worker reads the queue itself, so the executor sends nothing to it. A worker does not end with
the server. An idle worker exits after some minutes, or when no process attends the folder any more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

from core.jobs import turns
from core.jobs.places import Places
from core.settings import Settings

PROJECT = Path(__file__).parents[2]


class Started(Protocol):
    """A process that was started."""

    pid: int

    def poll(self) -> int | None:
        """Return the exit code of the process, or None while the process runs."""


# The operator's settings that are passed to a worker.
TOLD = {"runs", "slots", "warm_minutes", "worker_runs", "worker_megabytes"}

Spawn = Callable[[str, Sequence[str], int | IO[bytes]], Started]


def spawn(module: str, words: Sequence[str], output: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """Start ``python -m`` with a module, in a session of its own.

    So the new process does not end with this process.

    Args:
        words: the arguments of the module.
        output: where the standard output and the errors go, as for `subprocess.Popen`.
    """
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=PROJECT,
        env=os.environ | environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        **detached,
    )
    # Without this wait, the ended process would remain as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def environment() -> dict[str, str]:
    """The environment variables that a process with TensorFlow needs in addition to those of this process."""
    variables = {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"}
    if home := os.environ.get("KERAS_HOME"):
        # The worker runs in another folder than the process that started it.
        variables["KERAS_HOME"] = str(Path(home).absolute())
    return variables


class Local:
    """The executor that starts processes on this machine.

    Args:
        attends: whether idle workers wait for further runs as long as this process lives.
        start: starts a process.
    """

    def __init__(self, *, attends: bool = True, start: Spawn = spawn) -> None:
        self._attends = attends
        self._start = start
        self._lock = threading.Lock()
        self._attended: dict[Path, IO[bytes]] = {}
        # The workers that are starting. Each deletes its file, the key, when it has started.
        self._coming: dict[Path, Started] = {}

    def serve(self, settings: Settings, run: Path | None = None) -> None:
        places = self._places(settings)
        places.ring()
        with self._lock, places.door:
            stands_by = places.taken() >= settings.slots and places.has_stand_by()
            if self._ready(places) < len(turns.line(settings.runs).waiting) and not stands_by:
                self._hire(places, settings, run / "log.txt" if run else Path(os.devnull))

    def prepare(self, settings: Settings) -> None:
        if not settings.warm_minutes:
            return
        # Whoever submits a run is told why the folder cannot be written to.
        with suppress(OSError):
            places = self._places(settings)
            with self._lock, places.door:
                if not self._ready(places) and places.taken() < settings.slots:
                    self._hire(places, settings, Path(os.devnull))

    def free(self, settings: Settings) -> int:
        if not Places.exist(settings.runs):
            return 0  # and none are made: nothing was trained here yet
        return self._places(settings).idle()

    def dismiss(self) -> None:
        with self._lock:
            while self._attended:
                self._attended.popitem()[1].close()

    def _ready(self, places: Places) -> int:
        """The number of workers that are idle or are starting."""
        for file, worker in list(self._coming.items()):
            if worker.poll() is not None:
                file.unlink(missing_ok=True)  # the worker ended before it could delete the file
            if not file.exists():
                del self._coming[file]
        coming = sum(places.is_of(file) for file in self._coming)
        return places.idle() + coming

    def _places(self, settings: Settings) -> Places:
        """Return the places of the folder. This process attends the folder from now on."""
        root = settings.runs.absolute()
        places = Places(root, settings.slots)
        with self._lock:
            if self._attends and root not in self._attended:
                with suppress(OSError):  # then no worker waits there
                    self._attended[root] = places.attend()
        return places

    def _hire(self, places: Places, settings: Settings, log: Path) -> None:
        """Start another worker."""
        told = settings.model_copy(update={"runs": settings.runs.absolute()}).model_dump_json(include=TOLD)
        coming = places.expect()
        with log.open("ab") as output:
            self._coming[coming] = self._start("core.worker", [told, str(coming)], output)

    def conclude(self, run: Path) -> None:
        with (run / "log.txt").open("ab") as log:
            self._start("core.worker", ["--conclude", str(run.absolute())], log)

    def start(self, task: str, folder: Path) -> Started:
        with (folder / "log.txt").open("ab") as log:
            return self._start(task, [str(folder.absolute())], log)

    def convert(self, words: Sequence[str], seconds: float) -> tuple[int, str]:
        command = [sys.executable, "-m", "core.worker.convert", *words]
        try:
            done = subprocess.run(
                command, cwd=PROJECT, env=os.environ | environment(), capture_output=True, text=True,
                timeout=seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error
        return done.returncode, done.stdout
