"""Reliability diagram, calibration error, ROC curve and precision-recall curve."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.lazy import metrics
from core.network.softmax import softmax

BINS = 15  # as in Guo et al., "On calibration of modern neural networks", 2017


class Reliability(NamedTuple):
    """The accuracy of predictions by their confidence, in bins of equal width.

    Attributes:
        confidence: the mean confidence in each bin, ``(BINS,)``; NaN in an empty bin.
        accuracy: the accuracy in each bin, ``(BINS,)``; NaN in an empty bin.
        counts: the number of predictions in each bin, ``(BINS,)``.
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def error(self) -> float:
        """The expected calibration error: the mean difference between confidence and accuracy, 0 to 1
        (Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", 2015).
        """
        gaps = np.nan_to_num(np.abs(self.confidence - self.accuracy))
        return float((gaps * self.counts).sum() / self.counts.sum())


def reliability(
    logits: NDArray[np.float32], labels: NDArray[np.uint8], temperature: float = 1
) -> Reliability:
    """The reliability of predictions at a temperature.

    Args:
        logits: ``(n, classes)``.
        labels: ``(n,)``.
        temperature: the divisor of the logits, above 0.
    """
    probabilities = softmax(logits.astype(np.float64) / temperature)
    confidences = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    # A confidence on the edge of two bins belongs to the lower one.
    bins = np.clip(np.ceil(confidences * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    with np.errstate(invalid="ignore"):
        return Reliability(
            np.bincount(bins, confidences, BINS) / counts, np.bincount(bins, right, BINS) / counts, counts
        )


class Curve(NamedTuple):
    """A curve of one class against all other classes, and the area under the curve.

    Attributes:
        x, y: for ROC the false and the true positive rate, otherwise recall and precision, 0 to 1.
        area: AUC, or average precision.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    area: float


def roc(scores: NDArray[np.float64], is_digit: NDArray[np.bool_]) -> Curve | None:
    """The receiver operating characteristic; None without images of the class, or without other images.

    Args:
        scores: the probabilities of the class, ``(n,)``.
        is_digit: whether each image is of the class, bool ``(n,)``.
    """
    if is_digit.all() or not is_digit.any():
        return None
    false, true, _thresholds = metrics.roc_curve(is_digit, scores)
    return Curve(false, true, float(metrics.roc_auc_score(is_digit, scores)))


def precision_recall(scores: NDArray[np.float64], is_digit: NDArray[np.bool_]) -> Curve | None:
    """The precision-recall curve; None without images of the class. The arguments are those of `roc`."""
    if not is_digit.any():
        return None
    precision, recall, _thresholds = metrics.precision_recall_curve(is_digit, scores)
    return Curve(recall, precision, float(metrics.average_precision_score(is_digit, scores)))
