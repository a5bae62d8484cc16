"""Calibration: the temperature of a run's probabilities, and the limit above which an image is of no class.

Both are measured on validation images, on which the network was not trained. A run without validation images
has neither. For digits, `core.evaluation.detector` replaces the limit.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.data import datasets
from core.data.specs import DatasetSpec
from core.evaluation.explain import Neighbours
from core.lazy import optimize
from core.network.predict import Predictor
from core.network.softmax import log_softmax, softmax
from core.runs.sidecar import Sidecar

REFUSED = 0.005  # the share of validation images that are rejected
LEAST = 100  # minimum number of validation images
MOST = 5_000  # maximum number of validation images that are used
# Every trained network has a temperature within this range.
_TEMPERATURES = (0.05, 20.0)
# Larger than any distance, any sum of distances, and any number of images. A scale must be above 0.
_FARTHEST = 1e9
_Distance = Annotated[float, Field(ge=1e-6, le=_FARTHEST)]
_MOST_IMAGES = 10**6


class Calibration(Sidecar):
    """The calibration of a run.

    Attributes:
        images: the number of validation images.
        temperature: the divisor of the logits. With it, about 80% of the predictions with a confidence of
            80% are right (Guo et al., "On calibration of modern neural networks", 2017).
        scales: the divisors of the two distances of `core.evaluation.explain.Neighbours.unlikeness`, before
            they are added.
        limit: the sum above which an image is of no class. For digits, it is out of reach.
    """

    FILE = "calibration.json"

    images: int = Field(ge=1, le=_MOST_IMAGES)
    temperature: float = Field(ge=_TEMPERATURES[0], le=_TEMPERATURES[1])
    scales: tuple[_Distance, _Distance] = (1, 1)
    limit: _Distance = _FARTHEST

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """The probabilities at this temperature, ``(n, classes)``. Their order does not change."""
        return softmax(logits.astype(np.float64) / self.temperature)

    def unlike(self, distances: NDArray[np.float32]) -> NDArray[np.float64]:
        """How much the images differ from all classes, ``(n,)``. Above 1, an image is of no class.

        Args:
            distances: ``(n, 2)``, from `core.evaluation.explain.Neighbours.unlikeness`.
        """
        unlikeness: NDArray[np.float64] = (distances / np.array(self.scales)).sum(axis=1) / self.limit
        return unlikeness


def reference_name(spec: DatasetSpec) -> str:
    """The data set with whose images others are compared: for digits mnist-5k, which is always available."""
    return datasets.DEFAULT if spec.takes_drawings else spec.name


def reference(predictor: Predictor, spec: DatasetSpec) -> Neighbours:
    """The training images with which other images are compared. Raises DatasetMissing."""
    known = datasets.load(reference_name(spec))
    return Neighbours(predictor, known.x_train[:MOST], known.y_train[:MOST])


def fit(
    predictor: Predictor, images: NDArray[np.uint8], labels: NDArray[np.uint8], spec: DatasetSpec
) -> Calibration | None:
    """Measure the calibration on validation images.

    Args:
        images: uint8 ``(n, *spec.image)``. The last `MOST` of them are used.
        labels: uint8 ``(n,)``.

    Returns:
        The calibration; None if there are fewer than `LEAST` images.
    """
    images, labels = images[-MOST:], labels[-MOST:]
    if len(images) < LEAST:
        return None
    best = temperature(predictor.logits(images), labels)
    if spec.takes_drawings:
        return Calibration(images=len(images), temperature=best)
    distances = reference(predictor, spec).unlikeness(images).astype(np.float64)
    scales = np.maximum(distances.std(axis=0), 1e-6)
    return Calibration(
        images=len(images),
        temperature=best,
        scales=(float(scales[0]), float(scales[1])),
        limit=float(np.quantile((distances / scales).sum(axis=1), 1 - REFUSED)),
    )


def temperature(logits: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """The temperature with the smallest cross-entropy of these predictions, 0.05 to 20."""
    rows = np.arange(len(labels))

    def loss(exponent: float) -> float:
        logs = log_softmax(logits.astype(np.float64) / math.exp(exponent))
        return -float(logs[rows, labels].mean())

    least, most = map(math.log, _TEMPERATURES)
    return math.exp(optimize.minimize_scalar(loss, bounds=(least, most), method="bounded").x)
