"""Explain a prediction: which pixels support a class, and which training images look similar."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.network.predict import Predictor

PATCH = 5  # side of the square that is covered, in pixels: a little more than a stroke is wide
STRIDE = 2  # pixels from one square to the next
RANK = 3  # which of the nearest digits says how unlike a drawing is
_FEW = 12  # drawings at once: the digits of a number
_SAME = 0.05  # in blurred pixels: far less than any two digits differ by
_LEAST = 1e-6  # a probability below this is as good as none, and its logarithm says nothing more


class Occlusion(NamedTuple):
    """What covering a part of a drawing does to one digit.

    Attributes:
        ink: float32 ``(height, width)``: how much each pixel's ink speaks for the digit (above 0) or against
            it (below), as the change in log-probability when it is taken away. 0 where there is no ink.
        paper: float32 ``(height, width)``: how much more the digit would be read if there were ink on this
            pixel (above 0), or less (below). 0 where there is ink.
    """

    ink: NDArray[np.float32]
    paper: NDArray[np.float32]


def occlusion(predictor: Predictor, image: NDArray[np.uint8], digit: int) -> Occlusion:
    """Cover the drawing square by square, with paper and with ink, and measure the change in probability.

    The method is Zeiler and Fergus's ("Visualizing and understanding convolutional networks", 2014,
    section 4.2); a pixel gets the mean of the squares that cover it.

    Args:
        image: uint8 ``predictor.image``.
        digit: the class that is asked about.

    Raises:
        ValueError: not such an image.
    """
    squares = _squares(image.shape[:2])
    covers = squares[..., None] if image.ndim == 3 else squares
    covered = np.where(covers, np.uint8(0), image)
    inked = np.where(covers, np.uint8(255), image)
    asked = predictor.probabilities(np.concatenate([image[None], covered, inked]))[:, digit]
    logs = np.log(np.maximum(asked, _LEAST))
    without, added = logs[0] - logs[1 : 1 + len(squares)], logs[1 + len(squares) :] - logs[0]
    times = squares.sum(axis=0)
    is_ink = image > 0 if image.ndim == 2 else image.any(axis=2)
    return Occlusion(
        np.where(is_ink, np.tensordot(without, squares, 1) / times, 0).astype(np.float32),
        np.where(is_ink, 0, np.tensordot(added, squares, 1) / times).astype(np.float32),
    )


def _squares(size: tuple[int, ...]) -> NDArray[np.bool_]:
    """The squares to cover, as masks ``(n, *size)``; together they cover every pixel."""
    found = []
    height, width = size
    for top in range(1 - PATCH + STRIDE, height, STRIDE):
        for left in range(1 - PATCH + STRIDE, width, STRIDE):
            mask = np.zeros(size, bool)
            mask[max(0, top) : top + PATCH, max(0, left) : left + PATCH] = True
            found.append(mask)
    return np.stack(found)


class Neighbours:
    """Training digits by what the network makes of them, and by how they look.

    Args:
        predictor: the network.
        images: uint8 ``(n, *predictor.image)``, at least `RANK`: the digits to search in.
        labels: uint8 ``(n,)``, what they are.
    """

    def __init__(self, predictor: Predictor, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        self._predictor = predictor
        self._features = _Points(predictor.features(images))
        self._looks = _Points(looks(images))
        self.images, self.labels = images, labels

    def nearest(self, image: NDArray[np.uint8], number: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The digits that are most alike to the drawing by the last hidden layer.

        Args:
            image: uint8 ``predictor.image``.
            number: how many.

        Returns:
            Their indices, the nearest first, and their Euclidean distances.
        """
        distances = np.linalg.norm(self._features.points - self._predictor.features(image[None]), axis=1)
        order = np.argsort(distances, kind="stable")[:number]
        return order, distances[order]

    def unlikeness(
        self, images: NDArray[np.uint8], known: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """How far each image is from all of the digits, float32 ``(n, 2)``: to the network, and to the eye.

        It is the distance to the third nearest of them, which one odd digit does not decide, by the last
        hidden layer (Sun et al., "Out-of-distribution detection with deep nearest neighbors", 2022) and by
        the blurred pixels. A digit is not its own neighbour.

        Args:
            images: uint8 ``(n, *predictor.image)``.
            known: their features, where they have been computed already.
        """
        if known is None:
            known = self._predictor.features(images)
        features = _nearest(self._features.distances(known))
        seen = _nearest(self._looks.distances(looks(images)))
        rank = RANK - 1 + (seen[:, 0] < _SAME)
        rows = np.arange(len(images))
        return np.stack([features[rows, rank], seen[rows, rank]], axis=1)


def _nearest(distances: NDArray[np.float32]) -> NDArray[np.float32]:
    """The few least of each row, in order."""
    return np.sort(np.partition(distances, RANK, axis=1)[:, : RANK + 1], axis=1)


class _Points:
    """Points in space, and how far others are from them."""

    def __init__(self, points: NDArray[np.float32]) -> None:
        self.points = points
        self._squares = (points**2).sum(axis=1)

    def distances(self, others: NDArray[np.float32]) -> NDArray[np.float32]:
        """Euclidean distances ``(others, points)``, near 0 only to a few hundredths."""
        # A few not by BLAS, which shares even so little among threads, and on a busy machine waits for them.
        few = len(others) <= _FEW
        products = np.vecdot(others[:, None], self.points) if few else others @ self.points.T
        squares = (others**2).sum(axis=1)[:, None] + self._squares - 2 * products
        found: NDArray[np.float32] = np.sqrt(np.maximum(squares, 0))
        return found


def looks(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The images blurred and halved, so that a stroke beside a stroke is near it, float32 ``(n, m)``."""
    blurred = ndimage.gaussian_filter(
        images.astype(np.float32) / np.float32(255), (0, 1, 1, 0)[: images.ndim]
    )
    halved: NDArray[np.float32] = blurred[:, ::2, ::2].reshape(len(images), -1)
    return halved
