"""Random images that are no digits, from which the detector learns.

None of the shapes are those of `benchmarks.nondigits`, by which the detector is measured. Some of them happen
to look like a digit; they are few.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.drawing import preprocess, strokes
from core.drawing.strokes import Strokes
from core.lazy import cv2

Image = NDArray[np.uint8]
Line = NDArray[np.float64]  # points ``(n, 2)``, on a square of side 1, y downwards
Pick = Callable[[], tuple[Image, int]]  # takes a random digit, with its label
PENS = (0.03, 0.24)  # widths relative to the longer side of the drawing
_SIDE = 70  # pixels of the canvas


def make(
    number: int, digits: Image, labels: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Make images of all kinds in turn.

    Args:
        number: how many images.
        digits: images of digits, some of which are turned and crossed out; uint8 ``(n, 28, 28)``.
        labels: their labels, uint8 ``(n,)``.

    Returns:
        uint8 ``(number, 28, 28)``.
    """

    def pick() -> tuple[Image, int]:
        index = int(rng.integers(len(digits)))
        return digits[index], int(labels[index])

    return np.stack([KINDS[i % len(KINDS)](pick, rng) for i in range(number)])


def image(lines: Strokes, pen: float) -> Image:
    """Like `core.drawing.strokes.image`, but on a smaller canvas, which takes half the time."""
    room = 0.9 * _SIDE
    brush = room * pen / (1 + pen)
    canvas = strokes.on_canvas(lines, _SIDE, brush, (room - brush) / (_SIDE - brush))
    return preprocess.canvas_to_image(canvas)


def _drawn(lines: list[Line], rng: np.random.Generator) -> Image:
    """Draw lines with a random pen, width and slant, each a little wavy."""
    points = np.concatenate(lines)
    low, high = points.min(axis=0), points.max(axis=0)
    # Most digits are higher than wide.
    shape = np.array([rng.uniform(0.35, 1.15), 1.0])
    slant = np.array([[1, 0], [rng.normal(0, 0.2), 1]])
    placed = [((line - low) / np.maximum(high - low, 1e-3) * shape) @ slant for line in lines]
    pen = float(np.exp(rng.uniform(*np.log(PENS))))
    return image([_wavy(line, rng).tolist() for line in placed], pen)


def _wavy(line: Line, rng: np.random.Generator) -> Line:
    far = np.linspace(0, rng.uniform(2, 8), len(line))[:, None]
    return line + rng.normal(0, 0.015, 2) * np.sin(far + rng.uniform(0, 6, 2))


def _dense(corners: Line, number: int = 4) -> Line:
    """Add points on the segments between the corners."""
    along = np.linspace(0, len(corners) - 1, number * len(corners))
    return np.stack([np.interp(along, range(len(corners)), corners[:, axis]) for axis in (0, 1)], axis=1)


def _closed(corners: Line) -> Line:
    return np.concatenate([corners, corners[:1]])


def _smooth(corners: Line, *, closed: bool = False) -> Line:
    """A smooth curve near these corners: they are cut off three times."""
    if closed:
        corners = np.concatenate([corners, corners[:2]])
    for _round in range(3):
        before, after = corners[:-1], corners[1:]
        cut = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], axis=1).reshape(-1, 2)
        corners = cut if closed else np.concatenate([corners[:1], cut, corners[-1:]])
    return corners


def _corners(fewest: int, most: int, rng: np.random.Generator) -> Line:
    return rng.uniform(0, 1, (int(rng.integers(fewest, most + 1)), 2))


def _curve(most: int, rng: np.random.Generator) -> Line:
    """A curve by random corners, open or closed, round or sharp."""
    corners = _corners(3, most, rng)
    closed, is_round = rng.random() < 0.4, rng.random() < 0.65
    if is_round:
        return _smooth(corners, closed=closed)
    return _dense(_closed(corners) if closed else corners)


def _curves(_pick: Pick, rng: np.random.Generator) -> Image:
    return _drawn([_curve(8, rng) for _ in range(rng.choice([1, 1, 2, 3]))], rng)


def _tangle(_pick: Pick, rng: np.random.Generator) -> Image:
    """A long line with many turns."""
    corners = _corners(8, 24, rng)
    return _drawn([_smooth(corners) if rng.random() < 0.5 else _dense(corners)], rng)


def _rough(_pick: Pick, rng: np.random.Generator) -> Image:
    """Lines of a hand that trembles."""
    lines = []
    for _line in range(int(rng.integers(1, 3))):
        line = _dense(_corners(2, 5, rng), int(rng.integers(4, 14)))
        lines.append(line + rng.normal(0, rng.uniform(0.02, 0.1), line.shape))
    return _drawn(lines, rng)


def _winding(_pick: Pick, rng: np.random.Generator) -> Image:
    """The way of a pen that turns left and right, now more and now less, with a steady or a shaking hand."""
    steps = 40
    knots = rng.normal(0, 1, int(rng.integers(2, 8)))
    turns = np.interp(np.linspace(0, 1, steps), np.linspace(0, 1, len(knots)), knots)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.uniform(0.05, 0.5) * turns)
    heading += rng.choice([0, rng.uniform(0, 1)]) * rng.normal(0, 1, steps)
    way = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)
    return _drawn([way], rng)


def _marked(_pick: Pick, rng: np.random.Generator) -> Image:
    """A curve or an outline, with dots or short lines inside it or beside it."""
    if rng.random() < 0.4:
        line = _curve(6, rng)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
        outline = rng.uniform(0.35, 0.5) * np.stack([np.sin(angles), np.cos(angles)], axis=1)
        line = _smooth(outline, closed=True) if rng.random() < 0.5 else _dense(_closed(outline))
    low, high = line.min(axis=0), line.max(axis=0)
    lines = [line]
    for _mark in range(int(rng.integers(1, 5))):
        place = low + (high - low) * rng.uniform(-0.2, 1.2, 2)
        lines.append(place + rng.choice([0.02, 0.15, 0.25]) * (2 * _corners(2, 3, rng) - 1))
    return _drawn(lines, rng)


def _sign(_pick: Pick, rng: np.random.Generator) -> Image:
    """A sign of a script that does not exist: lines and arcs between the points of a grid."""
    rows = int(rng.integers(3, 5))
    grid = np.array([(x, y) for x in np.linspace(0, 1, 3) for y in np.linspace(0, 1, rows)])
    grid += rng.normal(0, 0.05, grid.shape)
    # The share of lines that are upright or level.
    straight = rng.random()
    lines = []
    at = int(rng.integers(len(grid)))
    for _line in range(int(rng.integers(2, 7))):
        # Most lines begin where another one begins or ends.
        if rng.random() < 0.3:
            at = int(rng.integers(len(grid)))
        to = at
        while to == at or (rng.random() < straight and to // rows != at // rows and to % rows != at % rows):
            to = int(rng.integers(len(grid)))
        along = np.linspace(0, 1, 9)[:, None]
        across = (grid[to] - grid[at])[::-1] * (1, -1)
        bulge = rng.choice([0, 0, rng.uniform(-0.7, 0.7)]) if straight < 0.6 else 0
        lines.append(grid[at] + along * (grid[to] - grid[at]) + bulge * np.sin(np.pi * along) * across)
        at = to if rng.random() < 0.6 else at
    return _drawn(lines, rng)


def _symmetric(_pick: Pick, rng: np.random.Generator) -> Image:
    """Curves and their mirror images, side by side or one above the other."""
    lines = []
    if rng.random() < 0.5:
        lines.append(_dense(np.array([[0, rng.uniform(0, 0.5)], [0, rng.uniform(0.5, 1)]])))
    for _line in range(int(rng.integers(1, 3))):
        corners = _corners(2, 4, rng)
        if rng.random() < 0.7:
            corners[0, 0] = 0  # touches its mirror image
        line = _smooth(corners) if rng.random() < 0.5 else _dense(corners)
        lines += [line, line * (-1, 1)]
    if rng.random() < 0.3:
        lines = [line[:, ::-1] for line in lines]
    return _drawn(lines, rng)


# The ways to turn an image, and the digits that may still be digits then.
_TURNS: list[tuple[Callable[[Image], Image], tuple[int, ...]]] = [
    (lambda image: image[:, ::-1], (0, 1, 2, 5, 8)),
    (lambda image: image[::-1], (0, 1, 2, 3, 5, 8)),
    (lambda image: image[::-1, ::-1], (0, 1, 2, 5, 6, 8, 9)),
    (lambda image: np.rot90(image), (0,)),
    (lambda image: np.rot90(image, 3), (0,)),
]


def _turned(pick: Pick, rng: np.random.Generator) -> Image:
    """A digit that is mirrored or turned."""
    while True:
        turn, same = _TURNS[int(rng.integers(len(_TURNS)))]
        digit, label = pick()
        if label not in same:
            return turn(digit)


def _crossed(pick: Pick, rng: np.random.Generator) -> Image:
    """A digit with more lines over it."""
    digit, _label = pick()
    for _line in range(int(rng.integers(1, 3))):
        line = _drawn([_curve(5, rng)], rng)
        digit = np.maximum(digit, np.roll(line, rng.integers(-5, 6, 2), (0, 1)))
    return fitted(digit)


def fitted(parts: Image) -> Image:
    """An image like those of MNIST from an image of another size, which has ink."""
    return preprocess.image(np.kron(parts, np.ones((3, 3))).astype(np.float32))


def _surface(_pick: Pick, rng: np.random.Generator) -> Image:
    """Smooth noise, spots, or a shape that is filled with it."""
    noise = cv2.GaussianBlur(rng.normal(0, 1, (28, 28)), (0, 0), *rng.uniform(0.3, 4, 2))
    noise = (noise - noise.min()) / np.ptp(noise)
    match int(rng.integers(3)):
        case 0:
            surface = noise
        case 1:
            surface = (noise > rng.uniform(0.35, 0.65)) * rng.uniform(0.4, 1)
        case _:
            down, across = np.mgrid[-1:1:28j, -1:1:28j]
            height = cv2.GaussianBlur(rng.normal(0, 1, (28, 28)), (0, 0), *rng.uniform(2.5, 5, 2))
            round_ = (across / rng.uniform(0.5, 1)) ** 2 + down**2
            inside = height / height.std() - rng.uniform(1, 5) * round_ + rng.uniform(0.5, 2) > 0
            surface = inside * (1 - rng.uniform(0, 0.8) * noise)
    grey = (255 * surface).astype(np.uint8)
    return fitted(grey) if rng.random() < 0.5 and grey.max() > preprocess.FAINTEST else grey


KINDS: list[Callable[[Pick, np.random.Generator], Image]] = [
    _curves, _tangle, _rough, _marked, _sign, _symmetric, _turned, _crossed, _surface, _winding,
    # The kinds with the most variety come twice.
    _curves, _marked, _sign, _surface, _winding,
]  # fmt: skip
