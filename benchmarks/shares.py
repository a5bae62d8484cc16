"""The time of each part of a worker's epoch, relative to the whole epoch.

    python -m benchmarks.shares DATASET {quick,full} OUT.json

The code of the worker runs in a separate process, with a clock around each part. The first epoch is left out,
because it includes compiling.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.child import answer
from benchmarks.comparison import Comparison
from core.config import PRESETS
from core.data import datasets
from core.runs import records, run_folder

EPOCHS = {"mlp": 6, "cnn": 3}
IMAGES = {"mlp": 60_000, "cnn": 16_000}
# The methods of `core.worker.training.Training` that an epoch consists of, and what they do.
PARTS = {
    "_call": "training steps",
    "_validation": "validation",
    "_observe": "histograms of the layers",
    "_keep_weights": "weights after the epoch",
    "save": "checkpoint",
}


def compare(root: Path, dataset: str, repeats: int, quick: bool) -> Iterator[Comparison]:
    """Compare the seconds of each part with those of the whole epoch.

    Raises:
        ChildFailed: the process that measures failed.
    """
    mode = "quick" if quick else "full"
    by_network = answer(root / "shares.json", "-m", "benchmarks.shares", dataset, mode)
    for network, parts in by_network.items():
        for part, seconds in parts.items():
            if part != "epoch":
                yield Comparison(
                    f"{network.upper()}: {part}", "the epoch", "s", tuple(seconds), tuple(parts["epoch"])
                )


def measure(network: str, dataset: str, quick: bool) -> dict[str, list[float]]:
    """Measure the epochs of a network.

    Args:
        network: ``"mlp"`` or ``"cnn"``.
        dataset: the name of the data set.
        quick: whether to train on few images, only to see that this works.

    Returns:
        The seconds of each part, and of the whole as ``"epoch"``: a number for each epoch except the first.
    """
    from core.worker.data import Batches
    from core.worker.recorder import Journal
    from core.worker.training import Training

    epochs = 2 if quick else EPOCHS[network]
    loaded = datasets.load(dataset)
    config = PRESETS[f"tutorial-{network}"].but(
        dataset=dataset, epochs=epochs, training_images=1_000 if quick else IMAGES[network]
    )
    spent = [dict.fromkeys(PARTS, 0.0) for _ in range(epochs)]
    with tempfile.TemporaryDirectory() as folder:
        run = run_folder.create(Path(folder), config)
        training = Training(config, Batches(config, loaded), Journal(run))
        for name in PARTS:
            _time(training, name, spent)
        began = time.time()
        training.go_on(lambda: "run")
        ended = [row["time"] for row in records.metrics(run)]
    whole = [b - a for a, b in zip([began, *ended], ended, strict=False)][1:]
    return {label: [row[name] for row in spent[1:]] for name, label in PARTS.items()} | {"epoch": whole}


def _time(training: Any, name: str, spent: list[dict[str, float]]) -> None:
    """Add the seconds of each call of a method to the row of its epoch."""
    method: Callable[..., Any] = getattr(training, name)

    def timed(*arguments: Any) -> Any:
        epoch = training.progress.epoch
        began = time.perf_counter()
        result = method(*arguments)
        # A checkpoint is written after the next epoch has begun.
        row = spent[min(epoch, len(spent)) - 1] if name != "save" else spent[epoch - 2]
        row[name] += time.perf_counter() - began
        return result

    setattr(training, name, timed)


def main(dataset: str, mode: str, out: str) -> None:
    by_network = {network: measure(network, dataset, mode == "quick") for network in EPOCHS}
    Path(out).write_text(json.dumps(by_network), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
