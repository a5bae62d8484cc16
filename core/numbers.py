"""Several digits on one canvas: find them, from left to right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core import preprocess

MOST = 12  # digits on one canvas
# Two pieces of ink belong to one digit if they share so much of the narrower one's width.
_SHARED = 0.35
# A piece that is smaller than this share of the tallest digit is a part of the digit nearest to it.
_PART = 0.35
# A digit is rarely wider than it is high; two that touch are.
_WIDE = 1.5


class Found(NamedTuple):
    """One digit of a number.

    Attributes:
        ink: its ink alone on the canvas, float32 ``(H, W)``, 0 (paper) to 255.
        left, top, right, bottom: where its ink is on the canvas, in pixels.
        wide: it is so wide that it may be two digits that touch.
    """

    ink: NDArray[np.float32]
    left: int
    top: int
    right: int
    bottom: int
    wide: bool

    @property
    def image(self) -> NDArray[np.uint8]:
        """The digit as MNIST would show it, uint8 ``(28, 28)``."""
        return preprocess.image(self.ink)

    @property
    def rgba(self) -> NDArray[np.uint8]:
        """The digit alone on a black canvas, uint8 ``(H, W, 4)``."""
        grey = np.rint(self.ink).astype(np.uint8)
        return np.dstack([grey, grey, grey, np.full_like(grey, 255)])


def find(rgba: NDArray[np.uint8]) -> list[Found]:
    """The digits of a drawing, from left to right.

    Pieces of ink above each other, such as the bar of a 5 and its belly, are one digit. Digits whose
    strokes touch come out as one, which then is `wide`.

    Args:
        rgba: uint8 ``(H, W, 4)``, as for `core.preprocess.canvas_to_image`.

    Returns:
        At least one, at most `MOST`.

    Raises:
        EmptyDrawing: there is no ink.
        ValueError: not a uint8 array of shape (H, W, 4).
    """
    ink = preprocess.ink(rgba)
    pieces, number = preprocess.pieces(ink)
    groups = [_Group([piece + 1], *_sides(box)) for piece, box in enumerate(ndimage.find_objects(pieces))]
    if number == 1:
        return [_found(ink, pieces, groups[0])]
    mass = np.bincount(pieces.ravel(), ink.ravel())[1:]
    # Of hundreds of specks, none is much of the whole.
    least = min(preprocess.LITTLE / MOST * mass.sum(), mass.max())
    groups = [group for group, own in zip(groups, mass, strict=True) if own >= least]
    return [_found(ink, pieces, group) for group in _without_parts(_merged(groups))[:MOST]]


@dataclass
class _Group:
    """Pieces of ink that are one digit, and the rectangle that holds them."""

    pieces: list[int]
    left: int
    top: int
    right: int
    bottom: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def shared(self, other: _Group) -> float:
        """How much of the narrower one's width lies above or below the other; below 0 for a gap."""
        overlap = min(self.right, other.right) - max(self.left, other.left)
        return overlap / min(self.right - self.left, other.right - other.left)

    def __add__(self, other: _Group) -> _Group:
        return _Group(
            self.pieces + other.pieces,
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


def _sides(box: tuple[slice, slice]) -> tuple[int, int, int, int]:
    rows, columns = box
    return columns.start, rows.start, columns.stop, rows.stop


def _merged(groups: list[_Group]) -> list[_Group]:
    """Groups from left to right, those above each other made one."""
    found: list[_Group] = []
    for group in sorted(groups, key=lambda group: group.left):
        while found and found[-1].shared(group) >= _SHARED:
            group = found.pop() + group
        found.append(group)
    return found


def _without_parts(groups: list[_Group]) -> list[_Group]:
    """Every group that is too little for a digit becomes a part of the one nearest to it."""
    tallest = max(group.height for group in groups)
    digits = [group for group in groups if group.height >= _PART * tallest]
    for part in groups:
        if part not in digits:
            nearest = max(digits, key=part.shared)
            digits[digits.index(nearest)] = nearest + part
    return digits


def _found(ink: NDArray[np.float32], pieces: NDArray[np.int32], group: _Group) -> Found:
    is_own = np.zeros(pieces.max() + 1, np.float32)
    is_own[group.pieces] = 1
    own = ink * is_own[pieces]
    wide = group.right - group.left > _WIDE * group.height
    return Found(own, group.left, group.top, group.right, group.bottom, wide)
