"""A run's results on the test images: predictions, mistakes, confusion matrix, classification report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from core.files import DAMAGED_ARCHIVE, read_npz
from core.i18n import _
from core.runs import records, run_folder


class NotEvaluated(LookupError):
    """The run has no evaluation yet, or none that can be read."""


class Confused(NamedTuple):
    """One digit that was read as another.

    Attributes:
        true: what was written.
        read: what it was read as.
        times: how often.
        written: how many images of the true digit there are.
    """

    true: int
    read: int
    times: int
    written: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The network's answers to the test images.

    Attributes:
        logits: float32 ``(n, classes)``.
        labels: the right answers, uint8 ``(n,)``.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.uint8]

    @property
    def classes(self) -> int:
        """How many classes there are to choose from."""
        return int(self.logits.shape[1])

    @cached_property
    def predictions(self) -> NDArray[np.int64]:
        """The most likely digit for each image, ``(n,)``."""
        found: NDArray[np.int64] = self.logits.argmax(axis=1)
        return found

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """``(n, classes)``; each row adds up to 1."""
        found: NDArray[np.float64] = softmax(self.logits.astype(np.float64), axis=1)
        return found

    @cached_property
    def confidences(self) -> NDArray[np.float64]:
        """The probability of the predicted digit, ``(n,)``, above 0 to 1."""
        found: NDArray[np.float64] = self.probabilities.max(axis=1)
        return found

    def at(self, temperature: float) -> Evaluation:
        """The same answers, more or less sure: the logits divided by this, above 0."""
        return Evaluation(self.logits / np.float32(temperature), self.labels)

    @property
    def accuracy(self) -> float:
        """The share of images that are read right, 0 to 1."""
        return float(np.mean(self.predictions == self.labels))

    @property
    def loss(self) -> float:
        """The mean cross-entropy in nats, as Keras's ``sparse_categorical_crossentropy``."""
        log_probabilities = log_softmax(self.logits.astype(np.float64), axis=1)
        return float(-log_probabilities[np.arange(len(self.labels)), self.labels].mean())

    def confusion(self, *, shares: bool = False) -> NDArray[np.float64]:
        """How often the digit of the row was read as the digit of the column, ``(classes, classes)``.

        Args:
            shares: divide each row by its sum, so that a cell is a share from 0 to 1.
        """
        matrix: NDArray[np.float64] = confusion_matrix(
            self.labels,
            self.predictions,
            labels=range(self.classes),
            normalize="true" if shares else None,
        )
        return matrix

    def worst_first(self, images: NDArray[np.int64]) -> NDArray[np.int64]:
        """These images, the worst mistakes first: by how confident the network was of a wrong answer, and
        after the mistakes, by how little confident it was of a right one.

        Args:
            images: their indices, ``(m,)``.
        """
        wrong = self.predictions[images] != self.labels[images]
        badness = np.where(wrong, 1 + self.confidences[images], 1 - self.confidences[images])
        return images[np.argsort(-badness, kind="stable")]

    def confused(self) -> list[Confused]:
        """The pairs of digits that were confused, the most frequent first."""
        matrix = self.confusion().astype(int)
        written = matrix.sum(axis=1)
        pairs = [
            Confused(int(true), int(read), int(matrix[true, read]), int(written[true]))
            for true, read in np.argwhere(matrix)
            if true != read
        ]
        return sorted(pairs, key=lambda pair: pair.times, reverse=True)

    def report(self, classes: Sequence[str] = ()) -> pd.DataFrame:
        """Precision, recall, F1 and support: a row per class, then their macro and weighted means.

        A class that is never predicted has precision 0.

        Args:
            classes: what they are called; by default, by their numbers.
        """
        names = ["precision", "recall", "f1", "support"]
        per_class = precision_recall_fscore_support(
            self.labels, self.predictions, labels=range(self.classes), zero_division=0
        )
        table = pd.DataFrame(
            dict(zip(names, per_class, strict=True)), index=list(classes or map(str, range(self.classes)))
        )
        for average in ("macro", "weighted"):
            means = precision_recall_fscore_support(
                self.labels,
                self.predictions,
                labels=range(self.classes),
                average=average,
                zero_division=0,
            )
            table.loc[average] = [*means[:3], len(self.labels)]
        return table.astype({"support": int})


def load(run_dir: Path) -> Evaluation:
    """The evaluation that the run's worker wrote.

    Raises:
        NotEvaluated: there is none, or it is damaged.
    """
    try:
        arrays = read_npz(run_dir / "evaluation.npz")
        found = _checked(arrays["logits"], arrays["labels"])
        _check_length(found, run_dir)
        return found
    except FileNotFoundError:
        raise NotEvaluated(
            _("Run {name} has not been evaluated, because it has not finished training.").format(
                name=run_dir.name
            )
        ) from None
    except DAMAGED_ARCHIVE as error:
        raise NotEvaluated(
            _("The evaluation of run {name} is damaged and cannot be read.").format(name=run_dir.name)
        ) from error


def _checked(logits: NDArray[Any], labels: NDArray[Any]) -> Evaluation:
    """An evaluation of these arrays. Raises ValueError if they are none."""
    if logits.ndim != 2 or logits.shape[:1] != labels.shape or not logits.size:
        raise ValueError(f"An evaluation cannot have shapes {logits.shape} and {labels.shape}.")
    if logits.dtype != np.float32 or labels.dtype != np.uint8 or labels.max() >= logits.shape[1]:
        raise ValueError(f"An evaluation cannot hold {logits.dtype} and {labels.dtype}.")
    if not np.isfinite(logits).all():
        raise ValueError("The logits are not all numbers.")
    return Evaluation(logits, labels)


def _check_length(found: Evaluation, run: Path) -> None:
    """Raises ValueError if there are not as many answers as test images, or classes."""
    try:
        spec = records.spec(run)
    except run_folder.UnknownRun:
        return  # the answers alone can be read
    if found.logits.shape != (spec.test, len(spec.classes)):
        raise ValueError(f"There are answers of {found.logits.shape} to {spec.test} test images.")
