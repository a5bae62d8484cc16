"""All runs as a table: their settings, their accuracy, and their size."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from core.config import RunConfig
from core.data.specs import DatasetSpec
from core.network import architectures
from core.network.architectures import ImpossibleNetwork
from core.runs import notes, records, run_folder, warm_start
from core.runs.naming import Subject
from core.runs.notes import Labels


class Entry(NamedTuple):
    """One run.

    Attributes:
        run: the run's directory.
        config: the settings, with the latest request.
        status: the status.
        labels: the notes of people.
        parameters: the number of parameters of the network.
        megabytes: the size of the files, in MB.
        curve: the accuracy after each epoch, 0 to 1, on the validation images if there are any.
    """

    run: Path
    config: RunConfig
    status: run_folder.Status
    labels: Labels
    parameters: int
    megabytes: float
    curve: tuple[float, ...]

    @property
    def subject(self) -> Subject:
        """The properties from which the name of the run is made."""
        return Subject(self.run.name, self.config, self.labels.name, warm_start.has(self.run))


def entries(root: Path) -> list[Entry]:
    """The runs that can be read, newest first."""
    return read(root)[0]


def read(root: Path) -> tuple[list[Entry], list[Path]]:
    """The runs that can be read, and the runs that cannot be read, both newest first."""
    readable, damaged = [], []
    for run in run_folder.every(root):
        try:
            readable.append(entry(run))
        except run_folder.UnknownRun:
            damaged.append(run)
    return readable, damaged


def entry(run: Path) -> Entry:
    """Read one run. Raises UnknownRun."""
    config = _config(run)
    return Entry(
        run,
        config,
        run_folder.status(run),
        notes.read(run),
        _parameters(config, records.spec(run)),
        _bytes(run) / 1e6,
        _curve(run),
    )


def _config(run: Path) -> RunConfig:
    return records.plan(run) if (run / "request.json").exists() else records.config(run)


@lru_cache(maxsize=4096)
def _parameters(config: RunConfig, spec: DatasetSpec) -> int:
    try:
        return architectures.parameters(architectures.layers(config, spec))
    except ImpossibleNetwork:
        return 0


def _bytes(run: Path) -> int:
    """The size of a run. Computed again only when a file was created or deleted, and when the run ends."""
    try:
        return _size(run, run.stat().st_mtime_ns)
    except OSError:
        return 0


@lru_cache(maxsize=16_384)
def _size(run: Path, _modified: int) -> int:
    return run_folder.size(run)


def _curve(run: Path) -> tuple[float, ...]:
    try:
        return run_folder.settled(_read_curve, run / "metrics.jsonl")
    except OSError:
        return ()


def _read_curve(file: Path) -> tuple[float, ...]:
    rows = records.metrics(file.parent)
    name = "val_accuracy" if rows and "val_accuracy" in rows[-1] else "accuracy"
    return tuple(row[name] for row in rows if isinstance(row.get(name), float))


def differences(configs: Sequence[RunConfig]) -> dict[str, list[object]]:
    """The settings that differ, by name, each with its value in every run."""
    values = [config.model_dump(mode="json") for config in configs]
    by_setting = {name: [settings[name] for settings in values] for name in type(configs[0]).model_fields}
    return {name: row for name, row in by_setting.items() if any(value != row[0] for value in row)}


def groups(runs: Sequence[Entry]) -> dict[RunConfig, list[Entry]]:
    """Group the runs that differ only in their seed, by their settings with the seed 0."""
    by_config: dict[RunConfig, list[Entry]] = {}
    for run in runs:
        by_config.setdefault(without_seed(run.config), []).append(run)
    return by_config


def without_seed(config: RunConfig) -> RunConfig:
    """The common settings of a group."""
    return config.model_copy(update={"seed": 0})


def siblings(root: Path, run: Entry) -> list[Entry]:
    """This run, and the runs that differ from it only in the seed, newest first."""
    group, common = [], without_seed(run.config)
    for other in run_folder.every(root):
        with suppress(run_folder.UnknownRun):
            # The settings are compared first, because the other files of all runs take long to read.
            if without_seed(_config(other)) == common:
                group.append(entry(other))
    return group or [run]


def has_seeds(group: Sequence[Entry]) -> bool:
    """Whether the runs have several seeds. Two runs with the same seed count once."""
    return len({run.config.seed for run in group}) > 1


def accuracies(group: Sequence[Entry]) -> list[float]:
    """The known test accuracies, 0 to 1, one for each seed."""
    by_seed = {
        entry.config.seed: entry.status.test_accuracy
        for entry in group
        if entry.status.test_accuracy is not None
    }
    return list(by_seed.values())


def pareto(costs: Sequence[float], gains: Sequence[float]) -> list[bool]:
    """Which points are on the Pareto front: no other costs at most as much, gains at least as much, and is
    better in one of both.
    """
    best, front = float("-inf"), [False] * len(costs)
    order = sorted(range(len(costs)), key=lambda place: (costs[place], -gains[place]))
    for place, nth in enumerate(order):
        before = order[place - 1] if place else None
        # Equal points are either all on the front, or none of them is.
        equal = before is not None and (costs[before], gains[before]) == (costs[nth], gains[nth])
        front[nth] = front[before] if equal and before is not None else gains[nth] > best
        best = max(best, gains[nth])
    return front
