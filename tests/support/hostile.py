"""Runs, sweeps and drawings of somebody who writes markup wherever something can be written."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from optuna.trial import TrialState

from core.config import RunConfig
from core.drawing import collection
from core.drawing.collection import Drawing
from core.evaluation import robustness
from core.evaluation.robustness import LEVELS
from core.failures import Failure
from core.runs import notes, records, run_folder
from core.settings import Settings
from core.sweeps import optuna_study, sweeps
from core.sweeps.search_space import Span
from core.sweeps.sweeps import Sweep

# The word by which all of it is found again.
WORD = "ZZQ"
NAME = "<a href=//zzq.x>ZZQ</a><b>ZZQ</b>$ZZQ$*ZZQ*[ZZQ](//zzq.x)"
OTHER = "![ZZQ](//zzq.x)<img src=x>:red[ZZQ]`ZZQ`~ZZQ~&lt;ZZQ www.zzq.x"
SHORT = "<b>ZZQ</b>$ZZQ$[ZZQ](//zzq.x)"  # as much as a tag or a sweep's name may have
FILE = "<b>ZZQ $ZZQ$ _ZZQ_ [ZZQ](zzq)"
LINES = ("- ZZQ", "# ZZQ", "1. ZZQ", "| ZZQ | ZZQ |", "| - | - |", "http://zzq.x", NAME, OTHER)
TAG = "**ZZQ**"
TEXTS = (NAME, OTHER, SHORT, FILE, TAG, *(line for line in LINES if WORD in line))


def build(run: Path, root: Path) -> dict[str, Path]:
    """A runs folder with drawings beside it.

    Args:
        run: a trained run to make others of.
        root: the folder, which is not there yet; the drawings are kept in ``drawings.sqlite`` beside it.
    """
    folders = {
        name: root / f"20260101-00000{place}-000-000{place}"
        for place, name in enumerate(("one", "two", "failed"))
    }
    for folder in folders.values():
        shutil.copytree(run, folder)
    for name, written in (("one", NAME), ("two", OTHER), ("failed", NAME)):
        notes.write(folders[name], name=written, tags=(SHORT, TAG), note="\n".join(LINES))
        measured = {kind: [0.5] * len(levels) for kind, levels in LEVELS.items()}
        run_folder.write_json(
            folders[name] / "robustness.json", robustness.Robustness(images=9, accuracy=measured).model_dump()
        )
    for file in ("model.onnx", "evaluation.npz"):
        (folders["failed"] / file).unlink()
    status = run_folder.written_status(run)
    run_folder.write_status(
        folders["failed"],
        status.model_copy(update={"state": "failed", "failure": Failure.of(NAME), "test_accuracy": None}),
    )
    _strange_rows(folders["one"])
    # This very process is said to be about to train it, so that it stays in line.
    folders["waiting"] = run_folder.create(root, RunConfig())
    notes.write(folders["waiting"], name=NAME)
    run_folder.announce(folders["waiting"], os.getpid())
    folders["sweep"] = _sweep(root)
    image = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    kept = Drawing(3, image, [], writer=OTHER, run=folders["one"].name, answer=5, confidence=0.5)
    several = [replace(kept, image=image + number) for number in range(6)]
    collection.add(root.parent / "drawings.sqlite", several, 100)
    return folders


def _strange_rows(run: Path) -> None:
    """What a zip may bring along that nobody has written here."""
    records.append_row(
        run / "changes.jsonl", {"epoch": 2, "setting": NAME, "before": 1, "after": 2, "by": "visitor"}
    )
    rows = (run / "layers.jsonl").read_text().splitlines()
    changed = [json.loads(row) for row in rows]
    for row in changed:
        row["layers"] = {NAME: next(iter(row["layers"].values()))}
    (run / "layers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in changed))


def _sweep(root: Path) -> Path:
    """A sweep that is done, and whose process nobody starts."""
    plan = Sweep(
        name=SHORT, base=RunConfig(epochs=1), knobs={"learning_rate": Span(low=0.01, high=0.1)}, trials=3,
    )  # fmt: skip
    sweeps.check(plan, Settings(runs=root))
    folder = run_folder.new_folder(root / sweeps.FOLDER)
    run_folder.write_json(folder / "sweep.json", plan.model_dump(mode="json"))
    run_folder.write_status(folder, run_folder.Status(state="finished", created=1))
    study = optuna_study.study(folder, plan)
    for number in range(3):
        trial = study.ask(optuna_study.space(plan.knobs))
        trial.set_user_attr("reason", Failure.of("unexpected", kind=OTHER, message=OTHER).model_dump())
        trial.report(0.5, 1)
        study.tell(trial, None if number == 2 else 0.5, TrialState.FAIL if number == 2 else None)
    return folder
