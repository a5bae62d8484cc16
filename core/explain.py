"""Why a network reads a drawing as it does: which ink speaks for a digit, and which drawings look alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.architectures import IMAGE
from core.predict import Predictor

PATCH = 5  # side of the square that is covered, in pixels: a little more than a stroke is wide
STRIDE = 2  # pixels from one square to the next
_LEAST = 1e-6  # a probability below this is as good as none, and its logarithm says nothing more


class Occlusion(NamedTuple):
    """What covering a part of a drawing does to one digit.

    Attributes:
        ink: float32 ``(28, 28)``: how much each pixel's ink speaks for the digit (above 0) or against
            it (below), as the change in log-probability when it is taken away. 0 where there is no ink.
        paper: float32 ``(28, 28)``: how much more the digit would be read if there were ink on this
            pixel (above 0), or less (below). 0 where there is ink.
    """

    ink: NDArray[np.float32]
    paper: NDArray[np.float32]


def occlusion(predictor: Predictor, image: NDArray[np.uint8], digit: int) -> Occlusion:
    """Cover the drawing square by square, with paper and with ink, and see what becomes of the digit.

    The method is Zeiler and Fergus's ("Visualizing and understanding convolutional networks", 2014,
    section 4.2); a pixel gets the mean of the squares that cover it.

    Args:
        image: uint8 ``(28, 28)``.
        digit: the digit that is asked about, 0 to 9.

    Raises:
        ValueError: not such an image.
    """
    squares = _squares()
    covered = np.where(squares, np.uint8(0), image)
    inked = np.where(squares, np.uint8(255), image)
    asked = predictor.probabilities(np.concatenate([image[None], covered, inked]))[:, digit]
    logs = np.log(np.maximum(asked, _LEAST))
    without, added = logs[0] - logs[1 : 1 + len(squares)], logs[1 + len(squares) :] - logs[0]
    times = squares.sum(axis=0)
    is_ink = image > 0
    return Occlusion(
        np.where(is_ink, np.tensordot(without, squares, 1) / times, 0).astype(np.float32),
        np.where(is_ink, 0, np.tensordot(added, squares, 1) / times).astype(np.float32),
    )


def _squares() -> NDArray[np.bool_]:
    """The squares to cover, as masks ``(n, 28, 28)``; together they cover every pixel."""
    found = []
    height, width = IMAGE
    for top in range(1 - PATCH + STRIDE, height, STRIDE):
        for left in range(1 - PATCH + STRIDE, width, STRIDE):
            mask = np.zeros(IMAGE, bool)
            mask[max(0, top) : top + PATCH, max(0, left) : left + PATCH] = True
            found.append(mask)
    return np.stack(found)


class Neighbours:
    """Training digits by what the network makes of them.

    Args:
        predictor: the network.
        images: uint8 ``(n, 28, 28)``, the digits to search in.
        labels: uint8 ``(n,)``, what they are.
    """

    def __init__(self, predictor: Predictor, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        self._predictor = predictor
        self._features = predictor.features(images)
        self.labels = labels

    def nearest(self, image: NDArray[np.uint8], number: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The digits that are most alike to the drawing by the last hidden layer.

        Args:
            image: uint8 ``(28, 28)``.
            number: how many.

        Returns:
            Their indices, the nearest first, and their Euclidean distances.
        """
        distances = np.linalg.norm(self._features - self._predictor.features(image[None]), axis=1)
        order = np.argsort(distances, kind="stable")[:number]
        return order, distances[order]
