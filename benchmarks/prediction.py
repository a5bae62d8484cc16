"""The time of one prediction: the server with ONNX Runtime, compared with Keras on the same trained network.

    python -m benchmarks.prediction RUN_DIR REPEATS TIMES OUT.json

Both get the image as bytes, like the page, and scale it themselves. Both have made some predictions before.
Loading the model is not counted. Both take turns in one process. Unlike the server, this process imports
TensorFlow.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.child import answer
from benchmarks.comparison import Comparison
from benchmarks.training import train
from core.config import PRESETS
from core.drawing.preprocess import normalise
from core.network import predict
from core.runs import records, run_folder

GOAL = 1 / 100
TIMES = 50  # predictions per repetition, of the server and of Keras each
_WARM_UP = 5
_TOLERANCE = 1e-5

Ask = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class OtherAnswer(AssertionError):
    """The server and Keras give different probabilities, so their times cannot be compared."""


def compare(root: Path, dataset: str, repeats: int, quick: bool) -> Iterator[Comparison]:
    """Compare a CNN's prediction with Keras's ``model.predict``, and with calling the model.

    Raises:
        ChildFailed: the process that measures failed.
    """
    run = trained_cnn(root, dataset)
    times = 5 if quick else TIMES
    milliseconds = answer(root / "prediction.json", "-m", "benchmarks.prediction", run, repeats, times)
    title, ours = "one prediction by the CNN", tuple(milliseconds["server"])
    yield Comparison(title, "`model.predict`", "ms", ours, tuple(milliseconds["predict"]), GOAL)
    yield Comparison(title, "`model(x)`", "ms", ours, tuple(milliseconds["call"]))


def trained_cnn(root: Path, dataset: str) -> Path:
    """The newest trained CNN in a folder of runs. If there is none, a small one is trained.

    Raises:
        RunFailed: the run did not finish.
    """
    for run in run_folder.every(root):
        if records.config(run).architecture == "cnn" and run_folder.has_model(run):
            return run
    return train(PRESETS["tutorial-cnn"].but(dataset=dataset, training_images=1_000, epochs=1), root)


def measure(run: Path, repeats: int, times: int) -> dict[str, list[float]]:
    """Measure the time of a prediction.

    Args:
        run: the directory of a trained run.
        repeats: the number of repetitions.
        times: the number of predictions in a repetition.

    Returns:
        For ``"server"``, ``"predict"`` and ``"call"``, the median milliseconds of each repetition.

    Raises:
        OtherAnswer: Keras and the server give different probabilities.
    """
    asked = _ways(run)
    image = np.random.default_rng(0).integers(0, 256, (1, 28, 28), np.uint8)
    _same_answer([ask(image) for ask in asked.values()])
    for ask in asked.values():
        _milliseconds(ask, image, _WARM_UP)
    turns = [{name: _milliseconds(ask, image, times) for name, ask in asked.items()} for _ in range(repeats)]
    return {name: [turn[name] for turn in turns] for name in asked}


def _ways(run: Path) -> dict[str, Ask]:
    import keras  # imported here, because the process that only starts the measurement needs no TensorFlow

    model = keras.saving.load_model(run / "model.keras")
    return {
        "server": predict.load(run).probabilities,
        "predict": lambda image: model.predict(normalise(image), verbose=0),
        "call": lambda image: np.asarray(model(normalise(image), training=False)),
    }


def _milliseconds(ask: Ask, image: NDArray[np.uint8], times: int) -> float:
    seconds = []
    for _time in range(times):
        began = time.perf_counter()
        ask(image)
        seconds.append(time.perf_counter() - began)
    return 1000 * median(seconds)


def _same_answer(answers: list[NDArray[np.float32]]) -> None:
    for other in answers[1:]:
        difference = float(np.abs(other - answers[0]).max())
        if not difference <= _TOLERANCE:
            raise OtherAnswer(f"Keras and the server differ by {difference:.1e} in their probabilities.")


if __name__ == "__main__":
    milliseconds = measure(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    Path(sys.argv[4]).write_text(json.dumps(milliseconds), "utf-8")
