"""Classify images with a run: calibrated probabilities, and whether an image is a digit at all."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.data.specs import DatasetSpec
from core.evaluation import calibration, detector
from core.evaluation.calibration import Calibration
from core.evaluation.explain import Neighbours
from core.network import predict
from core.network.predict import Predictor
from core.network.softmax import softmax
from core.runs import records


class Reading(NamedTuple):
    """The prediction of a run for one image.

    Attributes:
        image: uint8 ``spec.image``.
        probabilities: of the classes, ``(classes,)``; calibrated if the run has a calibration.
        unlike: how much the image differs from digits; above 1, it is not a digit. None if not calibrated.
    """

    image: NDArray[np.uint8]
    probabilities: NDArray[np.float64]
    unlike: float | None

    @property
    def digit(self) -> int:
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        return float(self.probabilities.max())

    @property
    def is_digit(self) -> bool:
        return self.unlike is None or self.unlike <= 1


class Reader:
    """A network that classifies images, with calibration.

    Attributes:
        predictor: the network.
        spec: the data set on which the network was trained.
        measured: the calibration; None if there is none.

    """

    def __init__(self, predictor: Predictor, spec: DatasetSpec, measured: Calibration | None = None) -> None:
        self.predictor = predictor
        self.spec = spec
        self.measured = measured

    @cached_property
    def reference(self) -> Neighbours:
        """The training images with which images are compared. Computed at the first use."""
        return calibration.reference(self.predictor, self.spec)

    def prepare(self) -> None:
        """Load now what only the first image needs, so that the first drawing does not wait for it."""
        self.read(np.zeros((1, *self.spec.image), np.uint8))

    def read(self, images: NDArray[np.uint8]) -> list[Reading]:
        """Classify images, uint8 ``(n, *spec.image)``."""
        logits, features = self.predictor.logits_and_features(images)
        if self.measured is None:
            rows = softmax(logits)
            return [Reading(image, row, None) for image, row in zip(images, rows, strict=True)]
        unlike: NDArray[np.floating]
        if self.spec.takes_drawings:
            unlike = detector.unlike(images)
        else:
            unlike = self.measured.unlike(self.reference.unlikeness(images, features))
        parts = zip(images, self.measured.probabilities(logits), map(float, unlike), strict=True)
        return [Reading(*fields) for fields in parts]


def load(run: Path) -> Reader:
    """The reader of a run.

    Raises:
        NotTrained: the run has no model, or the model is damaged.
        UnknownRun: the settings of the run cannot be read.
    """
    return Reader(predict.load(run), records.spec(run), Calibration.read(run))
