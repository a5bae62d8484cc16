"""Find the digits of a number on one canvas, from left to right."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.drawing import preprocess
from core.drawing.preprocess import Pieces
from core.lazy import cv2

MOST = 12  # digits on one canvas
# Two pieces of ink belong to one digit if they overlap horizontally by this share of the narrower width.
_SHARED = 0.35
# A piece that is smaller than this share of the tallest digit is a part of the nearest digit.
_PART = 0.35
# Neighbours in a row share this share of the smaller height.
_LEVEL = 0.25
# Rows have at least this distance, as a share of the smaller height.
_BETWEEN = 0.15
# A seam is searched in a copy of this height, in pixels. Each pixel of its length has a small cost.
_SEAM = 40
_LONGER = 0.02
_COMMON = 0.1  # the width of a stroke that two digits share, as a share of the height
_PARTS = 0.15  # the distance of two seams, as a share of the height


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
    def box(self) -> tuple[int, int, int, int]:
        """The left, top, right and bottom side of the rectangle on the canvas, in pixels."""
        height, width = self.ink.shape
        return self.left, self.top, self.left + width, self.top + height

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
        # Thickened strokes may reach beyond the canvas.
        ink = self.ink[max(0, -self.top) :, max(0, -self.left) :]
        place = drawn[max(0, self.top) :, max(0, self.left) :][: ink.shape[0], : ink.shape[1], :3]
        place[...] = np.rint(ink[: place.shape[0], : place.shape[1]])[..., None]
        return drawn

    def holds(self, x: float, y: float) -> bool:
        """Whether a point of the canvas is in the rectangle."""
        height, width = self.ink.shape
        return bool(self.left <= x <= self.left + width and self.top <= y <= self.top + height)


def find(rgba: NDArray[np.uint8]) -> list[list[Found]]:
    """The digits of a drawing, by rows from top to bottom, in a row from left to right.

    Pieces of ink above each other, such as the bar and the bowl of a 5, are one digit. Digits that touch are
    found as one digit; `cut` gives the parts that they may have.

    Args:
        rgba: uint8 ``(H, W, 4)``, as for `core.drawing.preprocess.canvas_to_image`.

    Returns:
        At least one digit, at most `MOST`.

    Raises:
        EmptyDrawing: there is no ink.
        ValueError: not a uint8 array of shape (H, W, 4).
    """
    return digits(preprocess.ink(rgba))


def digits(ink: NDArray[np.float32]) -> list[list[Found]]:
    """Like `find`, for ink, float32 ``(H, W)`` and not all 0."""
    rows, columns = preprocess.box(ink)
    inner, left, top = ink[rows, columns], int(columns.start), int(rows.start)
    pieces = preprocess.pieces(inner)
    if pieces.number == 1:
        return [[Found(inner, left, top, ink.shape, 1)]]
    return [
        [
            Found(
                _own(inner, pieces.labels, group), left + group.left, top + group.top, ink.shape,
                len(group.pieces),
            )
            for group in row
        ]
        for row in _digits(inner, pieces)
    ]  # fmt: skip


def together(digits: list[Found]) -> Found:
    """Several digits as one."""
    left, top = min(digit.left for digit in digits), min(digit.top for digit in digits)
    right = max(digit.left + digit.ink.shape[1] for digit in digits)
    bottom = max(digit.top + digit.ink.shape[0] for digit in digits)
    ink = np.zeros((bottom - top, right - left), np.float32)
    for digit in digits:
        height, width = digit.ink.shape
        place = ink[digit.top - top :, digit.left - left :][:height, :width]
        np.maximum(place, digit.ink, out=place)
    return Found(ink, left, top, digits[0].canvas, sum(digit.pieces for digit in digits))


def cut(digit: Found, height: float) -> list[Found]:
    """The parts of a digit that may be several digits which touch, from left to right.

    Each cut goes from top to bottom through as little ink as possible, as a seam in seam carving.

    Args:
        height: of the digits in this row, in pixels. A part is about a third as wide.
    """
    scale = _SEAM / max(digit.ink.shape[0], 1)
    width = max(1, round(digit.ink.shape[1] * scale))
    cost = cv2.resize(digit.ink, (width, _SEAM), interpolation=cv2.INTER_AREA) / 255 + _LONGER
    step = max(2, round(height * scale * _PARTS))
    seams = [_seam(cost, middle, max(1, step // 2)) for middle in range(2 * step, width - 2 * step + 1, step)]
    rows = np.minimum((np.arange(digit.ink.shape[0]) * scale).astype(int), _SEAM - 1)
    # Seams may touch, but do not cross.
    bounds = np.maximum.accumulate([np.zeros(_SEAM), *seams, np.full(_SEAM, width)])[:, rows] / scale
    bounds = np.rint(bounds).astype(int).clip(0, digit.ink.shape[1])
    parts = []
    for start, stop in itertools.pairwise(bounds):
        ink = _between(digit.ink, start, stop, round(height * _COMMON))
        if ink.any():
            down, across = preprocess.box(ink)
            number = preprocess.pieces(ink).number
            left, top = digit.left + int(across.start), digit.top + int(down.start)
            parts.append(Found(ink[down, across], left, top, digit.canvas, number))
    return parts


def _between(
    ink: NDArray[np.float32], start: NDArray[np.int_], stop: NDArray[np.int_], common: int
) -> NDArray[np.float32]:
    """The ink between two seams, of each row from a column to another one.

    A stroke on a seam may belong to both sides, as where two zeros touch. So it is in both parts.

    Args:
        common: how many pixels of a row are in both parts, at most.
    """
    every, last = np.arange(len(ink)), ink.shape[1] - 1
    first, end = start.copy(), stop.copy()
    on_left = (start > 0) & (ink[every, start.clip(0, last)] > 0)
    on_right = (stop <= last) & (ink[every, (stop - 1).clip(0, last)] > 0)
    for _pixel in range(common):
        on_left &= (first > 0) & (ink[every, (first - 1).clip(0, last)] > 0)
        on_right &= (end <= last) & (ink[every, end.clip(0, last)] > 0)
        first, end = first - on_left, end + on_right
    columns = np.arange(ink.shape[1])
    return np.where((columns >= first[:, None]) & (columns < end[:, None]), ink, np.float32(0))


def _seam(cost: NDArray[np.float32], middle: int, reach: int) -> NDArray[np.float64]:
    """The columns of the cheapest way from top to bottom, near a column."""
    first, last = max(0, middle - reach), min(cost.shape[1], middle + reach + 1)
    near = cost[:, first:last]
    total, steps = near[0], []
    for row in near[1:]:
        padded = np.pad(total, 1, constant_values=np.inf)
        ways = np.stack([padded[1:-1], padded[:-2], padded[2:]])
        steps.append(ways.argmin(axis=0))
        total = row + ways.min(axis=0)
    column = int(total.argmin())
    columns = [column]
    for step in reversed(steps):
        column += (0, -1, 1)[step[column]]
        columns.append(column)
    return first + np.array(columns[::-1], float)


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

    def beside(self, other: _Group) -> bool:
        """Whether both may be in one row: they share a part of the smaller height."""
        overlap = min(self.bottom, other.bottom) - max(self.top, other.top)
        return overlap >= _LEVEL * min(self.height, other.height)

    def aside(self, other: _Group) -> int:
        """The horizontal distance of the left sides, in pixels."""
        return abs(self.left - other.left)

    def distance(self, other: _Group) -> int:
        """The distance in pixels, along the axis with the larger distance; at least 0."""
        across = max(self.left, other.left) - min(self.right, other.right)
        down = max(self.top, other.top) - min(self.bottom, other.bottom)
        return max(0, across, down)

    def __add__(self, other: _Group) -> _Group:
        return _Group(
            self.pieces + other.pieces,
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


def _digits(ink: NDArray[np.float32], pieces: Pieces) -> list[list[_Group]]:
    """Group the pieces into digits, by rows."""
    mass = np.bincount(pieces.labels.ravel(), ink.ravel())[1:]
    least = preprocess.least(mass, preprocess.LITTLE / MOST)
    groups = [
        _Group([piece], left, top, left + width, top + height)
        for piece, ((left, top, width, height), amount) in enumerate(
            zip(pieces.boxes.tolist(), mass, strict=True), 1
        )
        if amount >= least
    ]
    tallest = max(group.height for group in groups)
    rows = [_merged(row) for row in _rows([group for group in groups if group.height >= _PART * tallest])]
    for part in groups:
        if part.height < _PART * tallest:
            _join(part, rows)
    left = MOST
    for row in rows:
        del row[max(0, left) :]
        left -= len(row)
    return [row for row in rows if row]


def _rows(groups: list[_Group]) -> list[list[_Group]]:
    """Divide the pieces into rows, from top to bottom. A row may rise or fall a little.

    Pieces above each other that nearly touch are parts of one digit, and not two rows.
    """
    rows: list[list[_Group]] = []
    for group in sorted(groups, key=lambda group: group.left):
        beside = [row for row in rows if row[-1].beside(group)]
        if beside:
            max(beside, key=lambda row: row[-1].right).append(group)
        else:
            rows.append([group])
    rows.sort(key=lambda row: sum(group.top + group.bottom for group in row) / len(row))
    separate = rows[:1]
    for row in rows[1:]:
        height = min(max(group.height for group in band) for band in (separate[-1], row))
        # In a number of several digits, rows may touch.
        least = -_BETWEEN if min(len(row), len(separate[-1])) > 1 else _BETWEEN
        if _gap(separate[-1], row) >= least * height:
            separate.append(row)
        else:
            separate[-1] = separate[-1] + row
    return separate


def _gap(upper: list[_Group], lower: list[_Group]) -> float:
    """The vertical distance between two rows, in pixels; below 0 if they overlap.

    Rows may rise. So each digit is compared with the nearest digit of the other row.
    """
    above = [min(upper, key=group.aside) for group in lower]
    return float(np.median([group.top - other.bottom for group, other in zip(lower, above, strict=True)]))


def _merged(groups: list[_Group]) -> list[_Group]:
    """Merge groups that are above each other. Returns the groups from left to right."""
    merged: list[_Group] = []
    for group in sorted(groups, key=lambda group: group.left):
        while merged and merged[-1].shared(group) >= _SHARED:
            group = merged.pop() + group
        merged.append(group)
    return merged


def _join(part: _Group, rows: list[list[_Group]]) -> None:
    """Join a piece that is too small for a digit with the nearest digit."""
    row, place = min(
        ((row, place) for row in rows for place in range(len(row))),
        key=lambda at: (at[0][at[1]].distance(part), -at[0][at[1]].shared(part)),
    )
    row[place] = row[place] + part


def _own(ink: NDArray[np.float32], pieces: NDArray[np.int32], group: _Group) -> NDArray[np.float32]:
    """The ink of this group only, in its rectangle."""
    place = np.s_[group.top : group.bottom, group.left : group.right]
    is_own = np.zeros(pieces.max() + 1, np.float32)
    is_own[group.pieces] = 1
    return ink[place] * is_own[pieces[place]]
