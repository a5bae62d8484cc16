"""Seconds per epoch: a run by the worker against the tutorial's bare ``model.fit`` script.

Both train the same network on the same images, each in a process of its own, one after the other, and
each goes first in every other pair. They see the images in different orders, so that their losses agree
only about; that they do shows that they did the same work. An epoch is timed from the end of the one
before to its own end: the worker's live metrics, validation, histograms, weights after each epoch and
checkpoint are all in it. The first epoch compiles and is left out. Somebody reads the worker's status
meanwhile, as when a page shows it; the script draws Keras's progress bar, into a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.child import answer
from benchmarks.comparison import Comparison
from benchmarks.training import train
from core.config import PRESETS, RunConfig
from core.data import datasets
from core.data.datasets import Dataset
from core.runs import records

SCRIPT = Path(__file__).with_name("tutorial.py")
GOALS = {"mlp": 0.60, "cnn": 0.95}
# Of full MNIST. A quarter of it is enough for the CNN: its epochs are of even length.
IMAGES = {"mlp": 60_000, "cnn": 16_000}
EPOCHS = {"mlp": 6, "cnn": 3}
_TOLERANCE = 0.1  # between the validation losses after the last epoch


class OtherWork(AssertionError):
    """The two sides did not train the same thing, so their times cannot be compared."""


def compare(root: Path, dataset: str, repeats: int, quick: bool) -> Iterator[Comparison]:
    """Compare the MLP's and then the CNN's epochs; leaves finished runs in ``root``.

    Quick, only the CNN's: each process takes seconds to import TensorFlow.
    """
    loaded = datasets.load(dataset)
    for network in ("cnn",) if quick else GOALS:
        config = _config(network, loaded, quick)
        pairs = [_pair(config, loaded, root, first=repeat % 2) for repeat in range(repeats)]
        ours, theirs = zip(*pairs, strict=True)
        images = len(loaded.x_train[: config.training_images])
        yield Comparison(
            f"{network.upper()}: an epoch on {images:,} images of {dataset}",
            "bare `model.fit` script",
            "s",
            ours,
            theirs,
            GOALS[network],
            "" if dataset == "mnist" and not quick else "too little data to tell",
        )


def _config(network: str, dataset: Dataset, quick: bool) -> RunConfig:
    """The tutorial's settings for this network, with as many images and epochs as we have time for."""
    images = 1_000 if quick else IMAGES[network]
    return PRESETS[f"tutorial-{network}"].but(
        dataset=dataset.name,
        training_images=min(images, len(dataset.x_train)),
        epochs=2 if quick else EPOCHS[network],
    )


def _pair(config: RunConfig, dataset: Dataset, root: Path, first: int) -> tuple[float, float]:
    """Seconds per epoch by the worker and by the script, of which the `first` goes first."""
    ways = (lambda: records.metrics(train(config, root)), lambda: _script(config, dataset, root))
    rows = {turn: ways[turn]() for turn in (first, 1 - first)}
    _same_work(rows[0], rows[1])
    return _seconds(rows[0]), _seconds(rows[1])


def _script(config: RunConfig, dataset: Dataset, root: Path) -> list[dict[str, Any]]:
    """Run the tutorial's script. Returns a row per epoch, as `records.metrics` does."""
    data = root / f"{dataset.name}.npz"
    if not data.is_file():
        np.savez(data, x_train=dataset.x_train, y_train=dataset.y_train)
    words = (config.architecture, data, config.training_images, config.epochs, config.seed)
    history = answer(root / "history.json", SCRIPT, *words)
    return [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)]


def _same_work(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    last, other = ours[-1], theirs[-1]
    if len(ours) != len(theirs) or not abs(last["val_loss"] - other["val_loss"]) <= _TOLERANCE:
        raise OtherWork(
            f"After {len(ours)} epochs the worker's validation loss is {last['val_loss']}, and after "
            f"{len(theirs)} the script's is {other['val_loss']}."
        )


def _seconds(rows: list[dict[str, Any]]) -> float:
    return float(median(np.diff([row["time"] for row in rows])))
