"""The worker within the test's own process, where the process is not the point, and what it leaves."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from core.config import RunConfig
from core.runs import records, run_folder
from core.runs.run_folder import Action, Ask, Status
from core.worker.recorder import Journal
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


def meanwhile(*events: tuple[int, Callable[[], object]], then: Ask = go_on) -> Ask:
    """Does something after so many calls, and has the training go on."""
    asked = count()

    def action() -> Action:
        now = next(asked)
        for calls, do in events:
            if calls == now:
                do()
        return then()

    return action


def work(run: Path, action: Ask = go_on) -> Status:
    """Train the run as its worker would."""
    journal = Journal(run)
    journal.begin()
    train(run, journal, action)
    return run_folder.status(run)


def trained(root: Path, config: RunConfig) -> Path:
    run = run_folder.create(root, config)
    status = work(run)
    assert status.state == "finished", status.failure
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
        # Who was killed while writing leaves a temporary file, which nobody reads.
        "epochs": {file.name: arrays_in(file) for file in sorted((run / "epochs").glob("[0-9]*.npz"))},
        "metrics": timeless(records.metrics(run)),
        "layers": records.layers(run),
        "changes": records.changes(run),
    }


def arrays_in(file: Path) -> dict[str, bytes]:
    with np.load(file) as arrays:
        return {name: arrays[name].tobytes() for name in arrays.files}


def timeless(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in ("seconds", "time")} for row in rows]


def assert_same(run: Path, undisturbed: Path) -> None:
    actual, expected = left(run), left(undisturbed)
    for name, value in expected.items():
        assert actual[name] == value, name


# What to do when a file is opened to be written to whose path matches.
_awaited: list[tuple[re.Pattern[str], Callable[[], object]]] = []


def _look(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: a file is about to be opened, by whichever library."""
    if not _awaited or event != "open" or not isinstance(arguments[0], str):
        return
    path, mode, flags = arguments
    pattern, do = _awaited[0]
    writes = set(mode) & set("wax+") if isinstance(mode, str) else int(str(flags)) & (os.O_WRONLY | os.O_RDWR)
    if writes and pattern.search(str(path)):
        _awaited.clear()
        do()


sys.addaudithook(_look)  # there is no way to take one away


@contextmanager
def at_the_writing_of(pattern: str, do: Callable[[], object]) -> Iterator[None]:
    """Do something right before a file, or the temporary one for its place, is opened to be written to."""
    _awaited.append((re.compile(pattern), do))
    try:
        yield
    finally:
        assert not _awaited, f"nobody wrote {pattern}"
