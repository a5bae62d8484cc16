"""Have the work done by processes on this machine.

A worker trains run after run: to import TensorFlow takes seconds, which only its first run has to wait for.
It finds the waiting runs itself, so nothing has to be told to it. It does not end with the server. A worker
that has nothing to do ends after some minutes, or when nobody attends the folder any more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
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
        """Its exit code; None while it runs."""


# What a worker is told of the operator's settings.
TOLD = {"runs", "slots", "warm_minutes", "worker_runs", "worker_megabytes"}

Spawn = Callable[[str, Sequence[str], int | IO[bytes]], Started]


def spawn(module: str, words: Sequence[str], output: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """Start ``python -m MODULE WORDS`` in a session of its own, so that it outlives this process."""
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
    """Environment variables for a process that imports TensorFlow, besides those of this process."""
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
        # The workers that were started, by the files that they delete when they have come.
        self._coming: dict[Path, Started] = {}

    def serve(self, settings: Settings, run: Path | None = None) -> None:
        places = self._places(settings)
        places.ring()
        with self._lock, places.door:
            line = turns.line(settings.runs)
            ready = self._ready(places, line)
            stands_by = places.taken() >= settings.slots and places.has_stand_by()
            if ready < len(line.waiting) and not stands_by:
                self._hire(places, settings, run / "log.txt" if run else Path(os.devnull))

    def prepare(self, settings: Settings) -> None:
        if not settings.warm_minutes:
            return
        places = self._places(settings)
        with self._lock, places.door:
            ready = self._ready(places, turns.line(settings.runs))
            if not ready and places.taken() < settings.slots:
                self._hire(places, settings, Path(os.devnull))

    def free(self, settings: Settings) -> int:
        if not settings.runs.is_dir():
            return 0
        return max(0, self._places(settings).taken() - len(turns.line(settings.runs).training))

    def dismiss(self) -> None:
        with self._lock:
            while self._attended:
                self._attended.popitem()[1].close()

    def _ready(self, places: Places, line: turns.Line) -> int:
        """How many workers could take a run now, or will have come in a moment."""
        for file, worker in list(self._coming.items()):
            if worker.poll() is not None:
                file.unlink(missing_ok=True)  # it has ended before it came
            if not file.exists():
                del self._coming[file]
        coming = sum(places.is_of(file) for file in self._coming)
        return places.taken() + coming - len(line.training)

    def _places(self, settings: Settings) -> Places:
        """The places of the folder, which this process attends from now on."""
        root = settings.runs.absolute()
        places = Places(root, settings.slots)
        with self._lock:
            if self._attends and root not in self._attended:
                self._attended[root] = places.attend()
        return places

    def _hire(self, places: Places, settings: Settings, log: Path) -> None:
        """Start one more worker."""
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
