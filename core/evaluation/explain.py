"""Explain a prediction: which pixels support a class, and which training images look similar."""

from __future__ import annotations

from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.network.predict import Predictor

PATCH = 5  # side of the covering square, in pixels: slightly more than the width of a stroke
STRIDE = 2  # distance between two squares, in pixels
RANK = 3  # the distance to the third nearest digit counts
_CHUNK = 100  # training digits that are blurred at once
_FEW = 12  # most drawings at once: the digits of a number
_SAME = 0.05  # distance of blurred pixels, much smaller than between any two digits
_LEAST = 1e-6  # smaller probabilities count as this, because their logarithms have no meaning


class Occlusion(NamedTuple):
    """The effect of covering parts of a drawing on the log-probability of a class.

    Attributes:
        ink: float32 ``(height, width)``: how much the ink of each pixel is evidence for the class (above 0)
            or against the class (below 0): the decrease of the log-probability without this ink. 0 without
            ink.
        paper: float32 ``(height, width)``: the increase of the log-probability with ink on this pixel. 0
            where there is ink.
    """

    ink: NDArray[np.float32]
    paper: NDArray[np.float32]


def occlusion(predictor: Predictor, image: NDArray[np.uint8], digit: int) -> Occlusion:
    """Cover the drawing square by square, with paper and with ink, and measure the change in probability.

    The method is that of Zeiler and Fergus ("Visualizing and understanding convolutional networks", 2014,
    section 4.2). The value of a pixel is the mean of the squares that cover the pixel.

    Args:
        image: uint8 ``predictor.image``.
        digit: the class, as an index.

    Raises:
        ValueError: the image has another dtype or shape.
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
    """The masks of the squares, ``(n, *size)``. Together, they cover every pixel."""
    masks = []
    height, width = size
    for top in range(1 - PATCH + STRIDE, height, STRIDE):
        for left in range(1 - PATCH + STRIDE, width, STRIDE):
            mask = np.zeros(size, bool)
            mask[max(0, top) : top + PATCH, max(0, left) : left + PATCH] = True
            masks.append(mask)
    return np.stack(masks)


class Neighbours:
    """Training digits with their features in the network and their blurred pixels, for comparisons.

    Args:
        predictor: the network.
        images: the training digits, uint8 ``(n, *predictor.image)``, at least `RANK`.
        labels: their labels, uint8 ``(n,)``.
    """

    def __init__(self, predictor: Predictor, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        self._predictor = predictor
        self._features = _Points(predictor.features(images))
        self.images, self.labels = images, labels

    @cached_property
    def _looks(self) -> _Points:
        # A few at a time, because blurring takes many times the memory of the result.
        parts = [looks(self.images[i : i + _CHUNK]) for i in range(0, len(self.images), _CHUNK)]
        return _Points(np.concatenate(parts))

    def nearest(self, image: NDArray[np.uint8], number: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The digits that are most similar to the drawing in the last hidden layer.

        Args:
            image: uint8 ``predictor.image``.
            number: the number of digits.

        Returns:
            Their indices, the nearest first, and their Euclidean distances.
        """
        distances = np.linalg.norm(self._features.points - self._predictor.features(image[None]), axis=1)
        order = np.argsort(distances, kind="stable")[:number]
        return order, distances[order]

    def unlikeness(
        self, images: NDArray[np.uint8], known: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """The distances of each image from the training digits, float32 ``(n, 2)``.

        The distance is that to the third nearest digit, so that a single unusual digit does not decide. The
        first distance is in the last hidden layer (Sun et al., "Out-of-distribution detection with deep
        nearest neighbors", 2022), the second is in the blurred pixels. An image is not its own neighbour.

        Args:
            images: uint8 ``(n, *predictor.image)``.
            known: the features of the images, if they have been computed already.
        """
        if known is None:
            known = self._predictor.features(images)
        features = _nearest(self._features.distances(known))
        seen = _nearest(self._looks.distances(looks(images)))
        rank = RANK - 1 + (seen[:, 0] < _SAME)
        rows = np.arange(len(images))
        return np.stack([features[rows, rank], seen[rows, rank]], axis=1)


def _nearest(distances: NDArray[np.float32]) -> NDArray[np.float32]:
    """The smallest values of each row, in ascending order."""
    return np.sort(np.partition(distances, RANK, axis=1)[:, : RANK + 1], axis=1)


class _Points:
    """Points, for computing the distances of other points from them."""

    def __init__(self, points: NDArray[np.float32]) -> None:
        self.points = points
        self._squares = (points**2).sum(axis=1)

    def distances(self, others: NDArray[np.float32]) -> NDArray[np.float32]:
        """The Euclidean distances ``(others, points)``. Near 0, they are exact to a few hundredths."""
        # Not with BLAS for a few points: it would start threads, and wait for them on a busy machine.
        few = len(others) <= _FEW
        products = np.vecdot(others[:, None], self.points) if few else others @ self.points.T
        squares = (others**2).sum(axis=1)[:, None] + self._squares - 2 * products
        distances: NDArray[np.float32] = np.sqrt(np.maximum(squares, 0))
        return distances


def looks(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The blurred images at half the size, float32 ``(n, m)``. A small shift makes a small distance."""
    scaled = images.reshape(*images.shape[:3], -1).astype(np.float32) / np.float32(255)
    rows, columns = map(_halved, images.shape[1:3])
    halved: NDArray[np.float32] = rows @ np.moveaxis(scaled, -1, 1) @ columns.T
    return halved.reshape(len(images), -1)


@cache
def _halved(side: int) -> NDArray[np.float32]:
    """The matrix that blurs a column of pixels with a Gaussian of one pixel, and takes every second pixel.

    The pixels are reflected at the border.
    """
    offsets = np.arange(-4, 5)
    weights = np.exp(-(offsets**2) / 2)
    matrix = np.zeros((side, side))
    places = np.arange(side)[:, None] + offsets
    reflected = np.where(places < 0, -1 - places, np.where(places >= side, 2 * side - 1 - places, places))
    np.add.at(matrix, (np.arange(side)[:, None], reflected), weights / weights.sum())
    return matrix[::2].astype(np.float32)
