"""A run's results on the test images: predictions, mistakes, confusion matrix, classification report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.files import DAMAGED_ARCHIVE, read_npz
from core.i18n import _
from core.lazy import metrics, pandas
from core.network.softmax import log_softmax, softmax
from core.runs import records, run_folder


class NotEvaluated(LookupError):
    """The run has no evaluation, or the evaluation cannot be read."""


class Confused(NamedTuple):
    """A class that was confused with another class.

    Attributes:
        true: the true class.
        read: the predicted class.
        times: the number of images.
        written: the number of all images of the true class.
    """

    true: int
    read: int
    times: int
    written: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The predictions of a network for the test images.

    Attributes:
        logits: float32 ``(n, classes)``.
        labels: the true classes, uint8 ``(n,)``.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.uint8]

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(self.logits.shape[1])

    @cached_property
    def predictions(self) -> NDArray[np.int64]:
        """The predicted class of each image, int64 ``(n,)``."""
        predictions: NDArray[np.int64] = self.logits.argmax(axis=1)
        return predictions

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """The probabilities, ``(n, classes)``; the sum of each row is 1."""
        return softmax(self.logits)

    @cached_property
    def confidences(self) -> NDArray[np.float64]:
        """The probability of the predicted class, ``(n,)``, above 0 and at most 1."""
        confidences: NDArray[np.float64] = self.probabilities.max(axis=1)
        return confidences

    def at(self, temperature: float) -> Evaluation:
        """The predictions at a temperature: the logits are divided by this number, which is above 0."""
        return Evaluation(self.logits / np.float32(temperature), self.labels)

    @property
    def accuracy(self) -> float:
        """The share of correct predictions, 0 to 1."""
        return float(np.mean(self.predictions == self.labels))

    @property
    def loss(self) -> float:
        """The mean cross-entropy in nats, like ``sparse_categorical_crossentropy`` in Keras."""
        return float(-log_softmax(self.logits)[np.arange(len(self.labels)), self.labels].mean())

    def confusion(self, *, shares: bool = False) -> NDArray[np.float64]:
        """The confusion matrix, ``(classes, classes)``: true classes as rows, predicted classes as columns.

        Args:
            shares: whether to divide each row by its sum, so that a cell is a share from 0 to 1.
        """
        # Counted here, because Evaluate would import scikit-learn for this alone: a second and 140 MB.
        cells = self.labels * np.int64(self.classes) + self.predictions
        counts: NDArray[Any] = np.bincount(cells, minlength=self.classes**2)
        counts = counts.reshape(self.classes, self.classes)
        return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) if shares else counts

    def worst_first(self, images: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sort images, the worst mistakes first.

        Mistakes come first, by decreasing confidence. Correct predictions follow, by increasing confidence.

        Args:
            images: the indices of the images, ``(m,)``.
        """
        wrong = self.predictions[images] != self.labels[images]
        badness = np.where(wrong, 1 + self.confidences[images], 1 - self.confidences[images])
        return images[np.argsort(-badness, kind="stable")]

    def confused(self) -> list[Confused]:
        """The pairs of confused classes, the most frequent first."""
        matrix = self.confusion().astype(int)
        written = matrix.sum(axis=1)
        pairs = [
            Confused(int(true), int(read), int(matrix[true, read]), int(written[true]))
            for true, read in np.argwhere(matrix)
            if true != read
        ]
        return sorted(pairs, key=lambda pair: pair.times, reverse=True)

    def report(self, classes: Sequence[str] = ()) -> pandas.DataFrame:
        """Precision, recall, F1 and support: a row for each class, then the macro and weighted means.

        A class that is never predicted has a precision of 0.

        Args:
            classes: the names of the classes; by default, their numbers.
        """
        names = ["precision", "recall", "f1", "support"]
        per_class = metrics.precision_recall_fscore_support(
            self.labels, self.predictions, labels=range(self.classes), zero_division=0
        )
        table = pandas.DataFrame(
            dict(zip(names, per_class, strict=True)), index=list(classes or map(str, range(self.classes)))
        )
        for average in ("macro", "weighted"):
            means = metrics.precision_recall_fscore_support(
                self.labels,
                self.predictions,
                labels=range(self.classes),
                average=average,
                zero_division=0,
            )
            table.loc[average] = [*means[:3], len(self.labels)]
        return table.astype({"support": int})


def load(run_dir: Path) -> Evaluation:
    """Load the evaluation of a run.

    Raises:
        NotEvaluated: the run has no evaluation, or the evaluation is damaged.
    """
    try:
        arrays = read_npz(run_dir / "evaluation.npz")
        evaluation = _checked(arrays["logits"], arrays["labels"])
        _check_length(evaluation, run_dir)
        return evaluation
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
    """Check the arrays of an evaluation. Raises ValueError if they are not valid."""
    if logits.ndim != 2 or logits.shape[:1] != labels.shape or not logits.size:
        raise ValueError(f"An evaluation cannot have shapes {logits.shape} and {labels.shape}.")
    if logits.dtype != np.float32 or labels.dtype != np.uint8 or labels.max() >= logits.shape[1]:
        raise ValueError(f"An evaluation cannot hold {logits.dtype} and {labels.dtype}.")
    if not np.isfinite(logits).all():
        raise ValueError("The logits are not all numbers.")
    return Evaluation(logits, labels)


def _check_length(evaluation: Evaluation, run: Path) -> None:
    """Raises ValueError if the number of predictions or of classes is wrong."""
    try:
        spec = records.spec(run)
    except run_folder.UnknownRun:
        return  # the predictions can be read without the settings
    if evaluation.logits.shape != (spec.test, len(spec.classes)):
        raise ValueError(f"There are answers of {evaluation.logits.shape} to {spec.test} test images.")
