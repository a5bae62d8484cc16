"""Who does the work: the one place from which processes are started.

The queue and the pages ask the executor, and do not know where a run is trained. `core.jobs.local` trains on
this machine. Tests pass an executor of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

from core.jobs import local
from core.jobs.local import Started
from core.settings import Settings

Task = Literal["core.sweeps.runner", "core.evaluation.robustness"]


class Executor(Protocol):
    """What it takes to have runs trained, and other work done outside the server."""

    def serve(self, settings: Settings, run: Path | None = None) -> None:
        """Have the waiting runs of the folder ``settings.runs`` trained, each in its turn.

        Args:
            run: the one that has just come, in whose log a new worker writes first.

        Raises:
            OSError: the folder cannot be written to.
        """

    def conclude(self, run: Path) -> None:
        """Have the model of a run that is to stop written from its checkpoint, without waiting for a turn."""

    def prepare(self, settings: Settings) -> None:
        """See to it that a worker is ready for the next run, unless all places are taken."""

    def free(self, settings: Settings) -> int:
        """How many workers are ready for a run now."""

    def dismiss(self) -> None:
        """Let idle workers end: this process will ask for no more runs."""

    def start(self, task: Task, folder: Path) -> Started:
        """Start the process of a sweep, or of a measurement, in its folder. It outlives this process."""

    def convert(self, words: Sequence[str], seconds: float) -> tuple[int, str]:
        """Write a model in another format, and wait for that: ``python -m core.worker.convert WORDS``.

        Returns:
            The exit code, and what was printed.

        Raises:
            TimeoutError: it took longer than this.
        """


_current: Executor = local.Local()


def current() -> Executor:
    """The executor of this process."""
    return _current


@contextmanager
def using(other: Executor) -> Iterator[None]:
    """While this holds, work is given to another executor, by all threads of this process."""
    global _current
    before, _current = _current, other
    try:
        yield
    finally:
        _current = before
