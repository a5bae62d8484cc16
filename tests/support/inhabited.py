"""A place where people have been: runs in every state, kept drawings, a sweep."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import get_args

from core.config import RunConfig
from core.drawing import collection, strokes
from core.drawing.collection import Drawing
from core.failures import Failure
from core.runs import notes, run_folder, trash
from core.sweeps import optuna_study, sweeps
from core.sweeps.search_space import Span
from core.sweeps.sweeps import Sweep

SEVEN = [[[0.0, 0.0], [0.6, 0.0], [0.2, 1.0]]]
ONE = [[[0.3, 0.0], [0.25, 1.0]]]
# A worker has to live for a run to be in these states.
ALIVE = {"queued", "running", "pausing", "stopping"}
SWEEP = Sweep(
    name="How fast", base=RunConfig(epochs=3), trials=4, method="random",
    knobs={"learning_rate": Span(low=1e-4, high=1e-1), "dropout": Span(low=0, high=0.5)},
)  # fmt: skip


@contextmanager
def inhabited(folder: Path, trained: list[Path]) -> Iterator[Path]:
    """Fill a folder.

    Args:
        trained: finished runs, of which copies are put there.

    Yields:
        The runs folder. ``drawings.sqlite`` is beside it.
    """
    root = folder / "runs"
    for run in trained:
        shutil.copytree(run, root / run.name)
    with ExitStack() as held:
        for state in get_args(run_folder.State):
            run = _in_state(root, state, trained[0])
            if state in ALIVE:
                held.enter_context(run_folder.worker_lock(run))
        trash.delete(root, [_in_state(root, "stopped", trained[0]).name])
        _sweep(root, run_folder.every(root)[0])
        _keep(folder / "drawings.sqlite")
        yield root


def _in_state(root: Path, state: run_folder.State, trained: Path) -> Path:
    run = run_folder.create(root, RunConfig(hidden_units=(8,), epochs=3))
    values = (
        {"pid": 1, "epoch": 1, "step": 3, "steps": 25, "started": time.time()} if state != "queued" else {}
    )
    written = "running" if state in ("pausing", "stopping", "interrupted") else state
    failure = Failure.of("disk_full") if state == "failed" else None
    run_folder.write_status(
        run, run_folder.Status(state=written, queued=time.time(), failure=failure, **values)
    )
    if state in ("pausing", "stopping"):
        with run_folder.changing_request(run) as change:
            change(action="pause" if state == "pausing" else "stop")
    if state in ("finished", "stopped"):
        shutil.copytree(trained, run, dirs_exist_ok=True, ignore=shutil.ignore_patterns("status.json"))
        run_folder.write_status(run, run_folder.status(trained).model_copy(update={"state": state}))
        notes.write(run, name=f"Of {state}", tags=("class 4b",), note="First line\nsecond line", starred=True)
    return run


def _sweep(root: Path, run: Path) -> None:
    folder = run_folder.new_folder(root / sweeps.FOLDER)
    run_folder.write_status(folder, run_folder.Status(state="paused", created=1, pid=1))
    run_folder.write_json(folder / "sweep.json", SWEEP.model_dump(mode="json"))
    study = optuna_study.study(folder, SWEEP)
    for number in range(optuna_study.ENOUGH + 1):
        trial = study.ask(optuna_study.space(SWEEP.knobs))
        trial.set_user_attr("run", run.name)
        trial.report(0.1 * number, 1)
        study.tell(trial, 0.1 * number)


def _keep(file: Path) -> None:
    kept = [
        Drawing(label=label, image=strokes.image(lines), strokes=lines, writer=writer, answer=answer)
        for lines, label, writer, answer in (
            (SEVEN, 7, "Ada", 7), (ONE, 1, "Ada", 7), (SEVEN, 1, "", None), (ONE, 7, "Émile", 1),
            (SEVEN, 2, "Ada", 7), (ONE, 4, "", 4),
        )
    ]  # fmt: skip
    collection.add(file, kept, 100)
