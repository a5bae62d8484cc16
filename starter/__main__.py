"""python -m starter HANDWRITING: train the starter model, or measure its accuracy.

HANDWRITING is a file of pen strokes: a gzipped JSON list of ``{"writer", "label", "strokes"}``. Full MNIST
must have been downloaded.

With ``--folds 5``, the starter model is not replaced. Instead, the writers are divided into five groups. For
each group, a model is trained on the other four groups. Its accuracy on this group is printed in a table.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from core.config import RunConfig
from core.drawing import interchange, strokes
from core.drawing.collection import Drawing
from core.drawing.preprocess import canvas_to_image
from core.evaluation import results, robustness
from core.jobs import run_queue
from core.network import predict
from core.runs import run_folder
from core.runs.warm_start import Lesson
from core.settings import Settings
from core.worker import portable

RUN = Path(__file__).parent / "starter"
CONFIG = RunConfig.read(
    {
        "dataset": "mnist",
        "training_images": 110_000,  # all: the 60,000 of MNIST, and two copies of each drawn image
        "architecture": "cnn",
        "conv_blocks": "32:3:max,48:3:max,64:3:max",
        "dense_units": 64,
        "padding": "same",
        "batch_normalization": True,
        "label_smoothing": 0.1,
        "optimizer": "sgd",
        "momentum": 0.9,
        "nesterov": True,
        "learning_rate": 0.2,
        "learning_rate_schedule": "one-cycle",
        "rotation": 8,
        "shift": 1,
        "zoom": 0.12,
        "shear": 8,
        "thickness": 0.6,
        "elastic": 0.8,
        "epochs": 4,
        "batch_size": 128,
        "validation_split": 0.05,
        "seed": 0,
    }
)
PENS = (0.06, 0.24)  # widths relative to the longer side of the digit, as of brushes of 8 to 30 pixels
DRAWN = 8  # images of each digit, each with another pen
COPIES = 2
BRUSHES = (8, 14, 20, 30)  # pixels of a canvas of 280
FILES = (
    "config.json", "status.json", "environment.json", "metrics.jsonl", "calibration.json", "robustness.json",
    "model.onnx",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m starter", description="Train the starter model.")
    parser.add_argument("handwriting", type=Path, help="pen strokes: .json.gz")
    parser.add_argument("--folds", type=int, default=0, help="measure with so many groups of writers")
    parser.add_argument("--runs", type=Path, help="where to train (default: a temporary folder)")
    parsed = parser.parse_args(arguments)
    digits = interchange.unpack(parsed.handwriting.read_bytes())
    with tempfile.TemporaryDirectory(prefix="mnist-lab-starter-") as folder:
        root = parsed.runs or Path(folder)
        if parsed.folds:
            cross_validate(digits, parsed.folds, root)
        else:
            keep(train(digits, root))


def train(digits: Sequence[Drawing], root: Path) -> Path:
    """Train a run on MNIST and these digits, and wait for its end.

    Args:
        digits: at least one digit, with its pen strokes.
        root: the folder of runs in which the run is created.

    Returns:
        The directory of the run.

    Raises:
        DatasetMissing: full MNIST must be downloaded first.
        SystemExit: the run did not finish.
    """
    config = CONFIG
    rng = np.random.default_rng(config.seed)
    images = [
        strokes.image(digit.strokes, float(np.exp(rng.uniform(*np.log(PENS)))))
        for digit in digits
        for _ in range(DRAWN)
    ]
    labels = np.repeat(np.array([digit.label for digit in digits], np.uint8), DRAWN)
    lesson = Lesson(np.stack(images), labels, COPIES, "", {})
    run = run_queue.submit(config, Settings(runs=root), lesson)
    try:
        while run_folder.status(run).state not in run_folder.RESTING:
            time.sleep(1)
    finally:
        run_queue.stop(run)  # otherwise the worker would continue after Ctrl-C
    status = run_folder.status(run)
    if status.state != "finished":
        raise SystemExit(f"The training ended as {status.state}: {status.error} See {run / 'log.txt'}.")
    return run


def keep(run: Path) -> None:
    """Replace the starter model by this run, without the files that only training needs.

    Args:
        run: the directory of a finished run.
    """
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir()
    robustness.measure(run)
    for name in FILES:
        shutil.copy(run / name, RUN / name)
    # Only training needs the state of the optimizer, which is as large as the weights.
    portable.save_keras(keras.saving.load_model(run / "model.keras", compile=False), RUN / "model.keras")
    evaluation = results.load(run)
    # The file of logits that are rounded to a thousandth is half as large.
    np.savez_compressed(
        RUN / "evaluation.npz",
        logits=evaluation.logits.round(3),
        labels=evaluation.labels,
        allow_pickle=False,
    )
    assert results.load(RUN).accuracy == evaluation.accuracy
    size = sum(file.stat().st_size for file in RUN.iterdir())
    print(f"{RUN}: {size / 1e6:.2f} MB, {evaluation.accuracy:.2%} of MNIST's test images")


def groups(digits: Sequence[Drawing], number: int) -> list[set[str]]:
    """Divide the writers into groups, always in the same way.

    Args:
        number: the number of groups, from 1 to the number of writers.

    Returns:
        The names of the writers in each group.
    """
    names = np.random.default_rng(0).permutation(sorted({digit.writer for digit in digits}))
    return [set(names[first::number]) for first in range(number)]


def cross_validate(digits: Sequence[Drawing], folds: int, root: Path) -> None:
    """Print the accuracy on the digits of writers who are not in the training data, as a Markdown table.

    Args:
        folds: the number of groups of writers, from 2 to the number of writers.
        root: the folder of runs in which a run is trained for each group.

    Raises:
        DatasetMissing, SystemExit: like `train`.
    """
    read: dict[int, list[bool]] = {brush: [] for brush in BRUSHES}
    print("| fold | digits | " + " | ".join(f"{brush} px" for brush in BRUSHES) + " | MNIST test |")
    print("| --- |" + " --- |" * (len(BRUSHES) + 2))
    for fold, held in enumerate(groups(digits, folds), start=1):
        run = train([digit for digit in digits if digit.writer not in held], root)
        unseen = [digit for digit in digits if digit.writer in held]
        correct = {brush: right(run, unseen, brush) for brush in BRUSHES}
        for brush in BRUSHES:
            read[brush] += correct[brush]
        shares = " | ".join(f"{np.mean(correct[brush]):.2%}" for brush in BRUSHES)
        print(f"| {fold} | {len(unseen)} | {shares} | {results.load(run).accuracy:.2%} |", flush=True)
    shares = " | ".join(f"**{np.mean(correct):.2%}**" for correct in read.values())
    print(f"| all | {len(digits)} | {shares} | |")


def canvases(digits: Iterable[Drawing], brush: int) -> Iterator[NDArray[np.uint8]]:
    """Draw the digits on a canvas as people do, at any size and place.

    Args:
        brush: the width of the brush, in pixels. It also seeds the sizes and places.

    Yields:
        An RGBA image for each digit, uint8 ``(280, 280, 4)``.
    """
    rng = np.random.default_rng(brush)
    for digit in digits:
        size, left, top = rng.uniform([0.4, 0.2, 0.2], [0.85, 0.8, 0.8])
        yield strokes.on_canvas(digit.strokes, 280, brush, size, left, top)


def right(run: Path, digits: Sequence[Drawing], brush: int) -> list[bool]:
    """Whether the run classifies each of these digits correctly.

    Args:
        digits: at least one digit, with its pen strokes.
        brush: the width of the brush with which the digits are drawn, in pixels.
    """
    images = np.stack([canvas_to_image(canvas) for canvas in canvases(digits, brush)])
    answers = predict.load(run).probabilities(images).argmax(axis=1)
    return list(answers == np.array([digit.label for digit in digits]))


if __name__ == "__main__":
    main()
