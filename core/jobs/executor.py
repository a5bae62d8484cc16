"""The executor: the only place from which processes are started.

The queue and the pages call the executor. They do not know where a run is trained. `core.jobs.local` trains
on this machine. Tests use executors of their own.
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
    """The interface for training runs, and for other work outside the server process."""

    def serve(self, settings: Settings, run: Path | None = None) -> None:
        """Have the waiting runs of the folder ``settings.runs`` trained, in the order of the queue.

        Args:
            run: the run that was just put into the queue. A new worker begins its output in this run's log.

        Raises:
            OSError: the folder cannot be written to.
        """

    def conclude(self, run: Path) -> None:
        """Export the model of a run that was asked to stop, from its checkpoint, without a slot.

        Raises:
            OSError: the folder of the run cannot be written to.
        """

    def prepare(self, settings: Settings) -> None:
        """Start a worker for the next run, unless a worker is ready or all places are taken.

        Raises:
            OSError: the folder ``settings.runs`` cannot be written to.
        """

    def free(self, settings: Settings) -> int:
        """The number of workers that do not train now, from 0."""

    def dismiss(self) -> None:
        """Let idle workers exit, because this process will submit no more runs."""

    def start(self, task: Task, folder: Path) -> Started:
        """Start the process of a sweep or of a measurement. It does not end with this process.

        Args:
            task: the module that the process runs.
            folder: the folder of the sweep or of the measured run. The process appends to its ``log.txt``.

        Raises:
            OSError: the folder cannot be written to.
        """

    def convert(self, words: Sequence[str], seconds: float) -> tuple[int, str]:
        """Convert a model to another format, and wait for the result.

        Args:
            words: the arguments of ``python -m core.worker.convert``.
            seconds: the longest time that the conversion may take.

        Returns:
            The exit code of the process, and its standard output.

        Raises:
            TimeoutError: the conversion took longer than that.
        """


_current: Executor = local.Local()


def current() -> Executor:
    """The executor of this process."""
    return _current


@contextmanager
def using(other: Executor) -> Iterator[None]:
    """Replace the executor of this process, for all threads, until the block ends."""
    global _current
    before, _current = _current, other
    try:
        yield
    finally:
        _current = before
