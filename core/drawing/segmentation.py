"""Find the digits of a number on one canvas, from left to right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.drawing import preprocess
from core.lazy import ndimage

MOST = 12  # digits on one canvas
# Two pieces of ink belong to one digit if they overlap horizontally by this share of the narrower width.
_SHARED = 0.35
# A piece that is smaller than this share of the tallest digit is a part of the nearest digit.
_PART = 0.35
# A digit is rarely wider than it is high, but two digits that touch are.
_WIDE = 1.5


class Found(NamedTuple):
    """A digit of a number.

    Attributes:
        ink: the ink of this digit in its rectangle, float32 ``(h, w)``, 0 (paper) to 255.
        left, top: the position of the rectangle on the canvas, in pixels.
        canvas: the height and width of the canvas, in pixels.
        pieces: the number of connected pieces of ink.
    """

    ink: NDArray[np.float32]
    left: int
    top: int
    canvas: tuple[int, int]
    pieces: int

    @property
    def wide(self) -> bool:
        """Whether the digit is so wide that it may be two digits that touch."""
        height, width = self.ink.shape
        return bool(width > _WIDE * height)

    @property
    def image(self) -> NDArray[np.uint8]:
        """The image of the digit for a network, uint8 ``(28, 28)``."""
        # A single piece has no specks, and the search for specks takes much of the time.
        return preprocess.of_cropped(self.ink) if self.pieces == 1 else preprocess.image(self.ink)

    @property
    def rgba(self) -> NDArray[np.uint8]:
        """The digit alone on a black canvas, uint8 ``(H, W, 4)``."""
        drawn = np.zeros((*self.canvas, 4), np.uint8)
        drawn[..., 3] = 255
        height, width = self.ink.shape
        place = drawn[self.top : self.top + height, self.left : self.left + width, :3]
        place[...] = np.rint(self.ink)[..., None]
        return drawn

    def holds(self, x: float, y: float) -> bool:
        """Whether a point of the canvas is in the rectangle."""
        height, width = self.ink.shape
        return bool(self.left <= x <= self.left + width and self.top <= y <= self.top + height)


def find(rgba: NDArray[np.uint8]) -> list[Found]:
    """The digits of a drawing, from left to right.

    Pieces of ink above each other, such as the bar and the bowl of a 5, are one digit. Digits that touch are
    found as one digit, which is `wide`.

    Args:
        rgba: uint8 ``(H, W, 4)``, as for `core.drawing.preprocess.canvas_to_image`.

    Returns:
        At least one, at most `MOST`.

    Raises:
        EmptyDrawing: there is no ink.
        ValueError: not a uint8 array of shape (H, W, 4).
    """
    ink = preprocess.ink(rgba)
    rows, columns = preprocess.box(ink)
    inner = ink[rows, columns]
    pieces, number = preprocess.pieces(inner)
    if number == 1:
        return [Found(inner, columns.start, rows.start, ink.shape, 1)]
    return [
        Found(
            _own(inner, pieces, group),
            columns.start + group.left,
            rows.start + group.top,
            ink.shape,
            len(group.pieces),
        )
        for group in _digits(inner, pieces)
    ]


@dataclass
class _Group:
    """Pieces of ink that are one digit, and their rectangle."""

    pieces: list[int]
    left: int
    top: int
    right: int
    bottom: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def shared(self, other: _Group) -> float:
        """The horizontal overlap as a share of the narrower width; below 0 for a gap."""
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


def _digits(ink: NDArray[np.float32], pieces: NDArray[np.int32]) -> list[_Group]:
    """Group the pieces into digits."""
    mass = np.bincount(pieces.ravel(), ink.ravel())[1:]
    least = preprocess.least(mass, preprocess.LITTLE / MOST)
    groups = [
        _Group([piece], *_sides(box))
        for piece, (box, amount) in enumerate(zip(ndimage.find_objects(pieces), mass, strict=True), 1)
        if amount >= least
    ]
    return _without_parts(_merged(groups))[:MOST]


def _sides(box: tuple[slice, slice]) -> tuple[int, int, int, int]:
    rows, columns = box
    return columns.start, rows.start, columns.stop, rows.stop


def _merged(groups: list[_Group]) -> list[_Group]:
    """Merge groups that are above each other. Returns the groups from left to right."""
    merged: list[_Group] = []
    for group in sorted(groups, key=lambda group: group.left):
        while merged and merged[-1].shared(group) >= _SHARED:
            group = merged.pop() + group
        merged.append(group)
    return merged


def _without_parts(groups: list[_Group]) -> list[_Group]:
    """Merge every group that is too small for a digit with the nearest group."""
    tallest = max(group.height for group in groups)
    digits = [group for group in groups if group.height >= _PART * tallest]
    for part in groups:
        if part not in digits:
            nearest = max(digits, key=part.shared)
            digits[digits.index(nearest)] = nearest + part
    return digits


def _own(ink: NDArray[np.float32], pieces: NDArray[np.int32], group: _Group) -> NDArray[np.float32]:
    """The ink of this group only, in its rectangle."""
    place = np.s_[group.top : group.bottom, group.left : group.right]
    is_own = np.zeros(pieces.max() + 1, np.float32)
    is_own[group.pieces] = 1
    return ink[place] * is_own[pieces[place]]
