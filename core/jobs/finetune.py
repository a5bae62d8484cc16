"""Train a run on drawings: the settings of the new run, and what it has learned and forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.config import RunConfig
from core.data import datasets, specs
from core.data.datasets import Dataset
from core.drawing import collection
from core.drawing.collection import Drawing
from core.evaluation import results
from core.network import predict
from core.runs import records
from core.runs.warm_start import Lesson

REPLAY = 8_000  # images of the data set that are trained again, so that they are not forgotten
_SHARE = 0.3  # of the images of an epoch that should be drawings
_MOST_COPIES = 40  # of a drawing in an epoch; with more, the network overfits to the drawing
_EPOCHS = 3
_GENTLY = 0.2  # of the parent's learning rate, because the network is trained already


def plan(parent: Path, taught: Sequence[Drawing]) -> tuple[RunConfig, Lesson]:
    """The settings and the lesson of a run that trains another run further, on these drawings.

    The drawings are mixed with images of the data set (rehearsal; Robins, "Catastrophic forgetting,
    rehearsal and pseudorehearsal", 1995).

    Args:
        parent: a trained run.
        taught: at least one drawing.

    Raises:
        UnknownRun, NotTrained: the parent cannot be read, or has no model.
    """
    images, labels = collection.arrays(taught)
    config = records.config(parent)
    # The starter was trained on all of MNIST, which may be missing on this machine.
    name = config.dataset if datasets.at_hand(config.dataset) else datasets.DEFAULT
    replay = min(REPLAY, specs.of(name).train)
    copies = int(np.clip(round(_SHARE / (1 - _SHARE) * replay / len(images)), 1, _MOST_COPIES))
    lesson = Lesson(images, labels, copies, parent.name, predict.load(parent).weights)
    return config.but(
        dataset=name,
        training_images=copies * len(images) + replay,
        learning_rate=_GENTLY * config.learning_rate,
        learning_rate_schedule="constant",
        early_stopping_patience=0,
        epochs=_EPOCHS,
    ), lesson


class Score(NamedTuple):
    """How many of ``of`` drawings are classified correctly, before and after the training on drawings."""

    before: int
    after: int
    of: int


def score(before: Path, after: Path, drawings: Sequence[Drawing]) -> Score:
    """Count the drawings that each of two runs classifies correctly. Raises NotTrained."""
    images, labels = collection.arrays(drawings)
    counts = [
        int((predict.load(run).probabilities(images).argmax(axis=1) == labels).sum())
        for run in (before, after)
    ]
    return Score(counts[0], counts[1], len(labels))


def divided(drawings: Sequence[Drawing], lesson: Lesson) -> tuple[list[Drawing], list[Drawing]]:
    """Divide the drawings into those of the lesson and the others."""
    known = {image.tobytes() for image in lesson.images}
    taught = [drawing for drawing in drawings if drawing.image.tobytes() in known]
    return taught, [drawing for drawing in drawings if drawing.image.tobytes() not in known]


class Changed(NamedTuple):
    """Indices of the test images, int64 ``(n,)``, that only one of two runs classifies correctly."""

    forgotten: NDArray[np.int64]
    learned: NDArray[np.int64]


def changed(before: Path, after: Path, dataset: Dataset) -> Changed:
    """The test images that were classified correctly before and are not now, and the other way round.

    Args:
        dataset: the data set of the run `after`.

    Raises:
        NotTrained, NotEvaluated: one of the runs has no model.
    """
    was, now = _right(before, dataset), _right(after, dataset)
    return Changed(np.flatnonzero(was & ~now), np.flatnonzero(now & ~was))


def _right(run: Path, dataset: Dataset) -> NDArray[np.bool_]:
    evaluation = results.load(run)
    # If the labels differ, the run was evaluated on another test set, as the starter may have been.
    if np.array_equal(evaluation.labels, dataset.y_test):
        answers = evaluation.predictions
    else:
        answers = predict.load(run).probabilities(dataset.x_test).argmax(axis=1)
    right: NDArray[np.bool_] = answers == dataset.y_test
    return right
