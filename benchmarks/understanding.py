"""The time to evaluate a run after another epoch, and the time to measure its robustness."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import onnxruntime as ort

from benchmarks.comparison import Comparison
from benchmarks.training import train
from core.config import PRESETS
from core.data import datasets
from core.drawing.preprocess import normalise
from core.evaluation import robustness
from core.evaluation.results import Evaluation
from core.network import onnx_graph, predict
from core.runs import epoch_weights

STEP = 1.0  # s, the limit for the first evaluation of an epoch on all test digits
ROBUSTNESS = 30.0  # s, the limit for 2,000 digits


def compare(root: Path, dataset: str, repeats: int, quick: bool) -> Iterator[Comparison]:
    """Compare each time with its limit. The limits are constants, not measurements.

    Raises:
        RunFailed: a run did not finish.
    """
    for name in ("tutorial-mlp", "tutorial-cnn"):
        # The accuracy of the run does not matter here.
        run = train(PRESETS[name].but(dataset=dataset, epochs=1, training_images=1_000), root / name)
        digits = datasets.load(dataset)
        steps = tuple(_step(run, digits) for _repeat in range(repeats))
        title = f"{name}: a step through the epochs, {len(digits.y_test):,} digits"
        yield Comparison(title, "promised", "s", steps, (STEP,) * repeats, 1.0)
        pairs = [(_logits(run, digits), _logits_by_layer(run, digits)) for _repeat in range(repeats)]
        ours, theirs = zip(*pairs, strict=True)
        title = f"{name}: reading {len(digits.y_test):,} digits"
        yield Comparison(title, "ONNX Runtime's own threads", "s", ours, theirs)
        took = tuple(_robustness(run) for _repeat in range(repeats))
        title = f"{name}: robustness, {min(len(digits.y_test), robustness.IMAGES):,} digits"
        yield Comparison(title, "promised", "s", took, (ROBUSTNESS,) * repeats, 1.0)


def _step(run: Path, digits: datasets.Dataset) -> float:
    """The seconds from the weights of an epoch to its confusion matrix and its worst mistakes."""
    began = time.perf_counter()
    logits = epoch_weights.predictor(run, 1, threads=0).logits(digits.x_test)
    evaluation = Evaluation(logits, digits.y_test)
    evaluation.confusion()
    evaluation.worst_first(evaluation.labels.nonzero()[0])
    return time.perf_counter() - began


def _logits(run: Path, digits: datasets.Dataset) -> float:
    """The seconds to classify all digits, with threads that divide the images between them."""
    predictor = predict.load(run, threads=0)
    began = time.perf_counter()
    predictor.logits(digits.x_test)
    return time.perf_counter() - began


def _logits_by_layer(run: Path, digits: datasets.Dataset) -> float:
    """The seconds to classify all digits with the threads of ONNX Runtime, which divide each layer."""
    session = ort.InferenceSession(run / "model.onnx", providers=["CPUExecutionProvider"])
    began = time.perf_counter()
    for place in range(0, len(digits.x_test), predict.CHUNK):
        images = normalise(digits.x_test[place : place + predict.CHUNK])
        session.run([onnx_graph.LOGITS], {onnx_graph.INPUT: images})
    return time.perf_counter() - began


def _robustness(run: Path) -> float:
    began = time.perf_counter()
    robustness.measure(run)
    return time.perf_counter() - began
