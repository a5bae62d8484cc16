"""Classify images with a run: calibrated probabilities, and whether an image is a digit at all."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from core.data.specs import DatasetSpec
from core.evaluation import calibration
from core.evaluation.calibration import Calibration
from core.evaluation.explain import Neighbours
from core.network import predict
from core.network.predict import Predictor
from core.runs import records


class Reading(NamedTuple):
    """What a run makes of one image.

    Attributes:
        image: uint8 ``spec.image``.
        probabilities: of the classes, ``(classes,)``; calibrated where the run could be.
        unlike: how unlike a digit it is: above 1 it is taken for none. None where that was not measured.
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
    """A network that reads drawings.

    Attributes:
        predictor: its network.
        spec: what it reads.
        measured: how far its confidence can be believed; None where that was not measured.

    """

    def __init__(self, predictor: Predictor, spec: DatasetSpec, measured: Calibration | None = None) -> None:
        self.predictor = predictor
        self.spec = spec
        self.measured = measured

    @cached_property
    def reference(self) -> Neighbours:
        """The training digits that drawings are compared with. The first time, the network reads them all."""
        return calibration.reference(self.predictor, self.spec)

    def prepare(self) -> None:
        """Have the training digits read now, which takes a second, and not when the first drawing waits."""
        self.read(np.zeros((1, *self.spec.image), np.uint8))

    def read(self, images: NDArray[np.uint8]) -> list[Reading]:
        """Read images, uint8 ``(n, *spec.image)``."""
        logits, features = self.predictor.logits_and_features(images)
        if self.measured is None:
            plain = softmax(logits.astype(float), axis=1)
            return [Reading(*one, None) for one in zip(images, plain, strict=True)]
        unlike = self.measured.unlike(self.reference.unlikeness(images, features))
        found = zip(images, self.measured.probabilities(logits), map(float, unlike), strict=True)
        return [Reading(*one) for one in found]


def load(run: Path) -> Reader:
    """The reader of a run.

    Raises:
        NotTrained: it has no model, or a damaged one.
        UnknownRun: its settings cannot be read.
    """
    return Reader(predict.load(run), records.spec(run), Calibration.read(run))
