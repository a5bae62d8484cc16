"""The preset ``fast-99``, compared with the CNN of the tutorial: training time and test error.

The worker trains both in turn, on full MNIST. The time is the sum of the seconds in ``metrics.jsonl``. It
includes validation and compiling, but not the start and the export. Every pair has a seed of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.comparison import Comparison
from benchmarks.training import train
from core.config import PRESETS
from core.runs import records, run_folder

GOAL = 1 / 6
WRONG = 1.0  # per cent of the test images, the largest median error over the seeds
NAMES = ("fast-99", "tutorial-cnn")


def compare(root: Path, dataset: str, repeats: int, quick: bool) -> Iterator[Comparison]:
    """Compare the seconds of the training, and the test errors in per cent.

    Raises:
        RunFailed: a run did not finish.
    """
    changes = {"dataset": dataset} | ({"training_images": 1_000, "epochs": 1} if quick else {})
    pairs = [
        [train(PRESETS[name].but(seed=seed, **changes), root / name) for name in NAMES]
        for seed in range(repeats)
    ]
    fast, tutorial = zip(*pairs, strict=True)
    remark = "" if dataset == "mnist" and not quick else "too little data to tell"
    seconds, wrong = [tuple(map(_seconds, side)) for side in (fast, tutorial)], tuple(map(_wrong, fast))
    yield Comparison("fast-99, its training", "the tutorial CNN's", "s", *seconds, GOAL, remark)
    yield Comparison("fast-99, test images read wrong", "the tutorial CNN", "%",
                     wrong, tuple(map(_wrong, tutorial)))  # fmt: skip
    yield Comparison(f"fast-99, the same, median of {repeats} seeds", "promised", "%",
                     (median(wrong),), (WRONG,), 1.0, remark)  # fmt: skip


def _seconds(run: Path) -> float:
    return float(sum(row["seconds"] for row in records.metrics(run)))


def _wrong(run: Path) -> float:
    return 100 * (1 - (run_folder.status(run).test_accuracy or 0))
