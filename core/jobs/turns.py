"""The queue: the runs that train, and the runs that wait, in the order of their turns.

There is no scheduler. The workers read the queue and take the run that has waited longest.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from core.runs import run_folder


def active(root: Path) -> list[Path]:
    """The runs that train or wait, newest first."""
    return [run for run, _written in _going_on(root)]


def _going_on(root: Path) -> Iterator[tuple[Path, run_folder.Status]]:
    """The runs that train or wait, newest first, with the status that is in their files."""
    for run in run_folder.every(root):
        try:
            # The file is read first, because testing whether a worker lives takes longer.
            written = run_folder.written_status(run)
            if (
                written.state not in run_folder.RESTING
                and run_folder.status(run).state not in run_folder.RESTING
            ):
                yield run, written
        except run_folder.UnknownRun:
            continue  # the run is being created or deleted


class Line(NamedTuple):
    """The runs that train, and the runs that wait.

    Attributes:
        training: the runs that train now, newest first.
        waiting: the runs that wait. The run that has waited longest comes first.
    """

    training: list[Path]
    waiting: list[Path]

    def ahead(self, run: Path) -> list[Path]:
        """The runs that wait ahead of this run. The run that trains next comes first."""
        return list(takewhile(lambda other: other.name != run.name, self.waiting))


def line(root: Path) -> Line:
    """The queue of the runs in this folder."""
    going_on = list(_going_on(root))
    waiting = sorted((written.queued, run) for run, written in going_on if written.state == "queued")
    return Line(
        [run for run, written in going_on if written.state != "queued"], [run for _queued, run in waiting]
    )


def place_in_line(run: Path) -> int:
    """The number of runs that wait ahead of this run."""
    return len(line(run.parent).ahead(run))
