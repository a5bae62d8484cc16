"""Seconds per epoch: a run of the worker, compared with the ``model.fit`` script of the tutorial.

Both train the same network on the same images, one after the other, each in a process of its own. Each is
first in every other pair. The order of the images differs, so the losses are similar, but not equal. Similar
losses show that both did the same work.

The time of an epoch is measured from the end of the epoch before it to its own end. It includes the live
metrics of the worker, the validation, the histograms, the weights after each epoch and the checkpoint. The
first epoch is left out, because it includes compiling. During the training, the status of the run is read, as
by a page that shows the run. The script writes the progress bar of Keras to a file.
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
# Images of full MNIST. A quarter is enough for the CNN, because its epochs take nearly equal times.
IMAGES = {"mlp": 60_000, "cnn": 16_000}
EPOCHS = {"mlp": 6, "cnn": 3}
_TOLERANCE = 0.1  # between the validation losses after the last epoch


class OtherWork(AssertionError):
    """The worker and the script did not do the same work, so their times cannot be compared."""


def compare(root: Path, dataset: str, repeats: int, quick: bool) -> Iterator[Comparison]:
    """Compare the epochs of the MLP, and then of the CNN. The finished runs remain in ``root``.

    If ``quick``, only the CNN is trained, because each process takes seconds to import TensorFlow.

    Raises:
        RunFailed: a run did not finish.
        ChildFailed: the script failed.
        OtherWork: the losses of the worker and of the script differ too much.
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
    """The settings of the tutorial for this network, with fewer images and epochs to save time."""
    images = 1_000 if quick else IMAGES[network]
    return PRESETS[f"tutorial-{network}"].but(
        dataset=dataset.name,
        training_images=min(images, len(dataset.x_train)),
        epochs=2 if quick else EPOCHS[network],
    )


def _pair(config: RunConfig, dataset: Dataset, root: Path, first: int) -> tuple[float, float]:
    """The seconds per epoch of the worker and of the script.

    Args:
        first: which of them is first: 0 for the worker, 1 for the script.
    """
    ways = (lambda: records.metrics(train(config, root)), lambda: _script(config, dataset, root))
    rows = {turn: ways[turn]() for turn in (first, 1 - first)}
    _same_work(rows[0], rows[1])
    return _seconds(rows[0]), _seconds(rows[1])


def _script(config: RunConfig, dataset: Dataset, root: Path) -> list[dict[str, Any]]:
    """Run the script of the tutorial. Returns a row per epoch, like `records.metrics`."""
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
