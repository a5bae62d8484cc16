"""The worker within the test's own process, where the process is not the point, and what it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from core import runs
from core.config import RunConfig
from core.jobs import Ask
from core.runs import Action, Status
from core.worker.journal import Journal
from core.worker.training import train

# Three calls of the compiled function in each epoch: of 16, 16 and 8 steps.
SMALL = RunConfig(hidden_units=(8,), training_images=200, batch_size=4, epochs=3)
CALLS = 3


def go_on() -> Action:
    return "run"


def after(calls: int, wanted: Action = "pause") -> Ask:
    """Wants something else after so many calls of the compiled function."""
    asked = count()
    return lambda: wanted if next(asked) >= calls else "run"


def meanwhile(*what: tuple[int, Callable[[], object]], then: Ask = go_on) -> Ask:
    """Does something after so many calls, and has the training go on."""
    asked = count()

    def action() -> Action:
        now = next(asked)
        for calls, do in what:
            if calls == now:
                do()
        return then()

    return action


def work(run: Path, action: Ask = go_on) -> Status:
    """Train the run as its worker would."""
    journal = Journal(run)
    journal.begin()
    train(run, journal, action)
    return runs.status(run)


def trained(root: Path, config: RunConfig) -> Path:
    run = runs.create(root, config)
    status = work(run)
    assert status.state == "finished", status.error
    return run


def left(run: Path) -> dict[str, Any]:
    """All that a run has learned and written down, to the bit, but for the time it took."""
    arrays = arrays_in(run / "checkpoint.npz")
    progress = json.loads(str(np.load(run / "checkpoint.npz")["progress"]))
    del arrays["progress"], progress["seconds"]
    return {
        "progress": progress,
        "checkpoint": arrays,
        "evaluation": arrays_in(run / "evaluation.npz"),
        "epochs": {file.name: arrays_in(file) for file in sorted((run / "epochs").iterdir())},
        "metrics": timeless(runs.metrics(run)),
        "layers": runs.layers(run),
        "changes": runs.changes(run),
    }


def arrays_in(file: Path) -> dict[str, bytes]:
    with np.load(file) as arrays:
        return {name: arrays[name].tobytes() for name in arrays.files}


def timeless(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in ("seconds", "time")} for row in rows]


def assert_same(run: Path, undisturbed: Path) -> None:
    found, expected = left(run), left(undisturbed)
    for name, value in expected.items():
        assert found[name] == value, name


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Leave no room on this disk."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    yield
    filler.unlink()
