"""Pen strokes: read from the canvas, written to a file or an address, and drawn with a pen of any width.

Strokes are lists of points ``[x, y]``, y downwards. In a file, their unit is the longer side of the digit, so
that they do not depend on the canvas.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.drawing.preprocess import canvas_to_image
from core.i18n import _

Stroke = list[list[float]]
Strokes = list[Stroke]

PEN = 0.14  # the width of a stroke in MNIST, as a share of the longer side of the digit
MOST_POINTS = 20_000  # of one drawing, which takes minutes to draw
MOST_STROKES = 1_000  # of one drawing
_FARTHEST = 1e6  # the largest coordinate of a point, in any unit
MOST_TEXT = 4_000  # characters of a drawing in an address, many times a digit
_MOST_BYTES = MOST_TEXT * 3 // 4  # base64 writes them as MOST_TEXT characters
_APART = 2  # distance of two points in an address, where 255 is the side of the canvas
_SIDE = 140  # pixels of the canvas on which strokes from a file are drawn
_FINER = 3  # strokes are drawn this many times larger, to get smooth edges


def from_canvas(drawing: object) -> Strokes:
    """The strokes of a drawing, in pixels of its canvas.

    Args:
        drawing: the ``json_data`` of `streamlit_drawable_canvas`, in the format of Fabric.js. It comes from
            the browser, so it may be anything.

    Returns:
        A stroke for each path: the positions of the pen, which the canvas draws as curves.

    Raises:
        ValueError: a path is not a stroke, or there are too many.
    """
    objects = drawing.get("objects") if isinstance(drawing, Mapping) else None
    try:
        # A path begins with a move. Other commands are lines, or curves with pen positions as control points.
        strokes = [[command[1:3] for command in item["path"][1:]] for item in objects or []]
    except (TypeError, KeyError, IndexError, AttributeError):
        strokes = [[]]
    return checked(strokes) if strokes else []


def to_text(strokes: Strokes, side: int) -> str:
    """Write strokes as a text for an address, with some hundred characters for a digit.

    Args:
        strokes: in pixels of the canvas. Coordinates are limited to the range from 0 to `side`.
        side: the longer side of the canvas, in pixels.

    Returns:
        Letters, digits, ``-`` and ``_``: base64 of the strokes. Each stroke has the number of its points
        (two bytes) and its points (one byte for x and one for y, where 255 is `side`). Points with a distance
        below a hundredth of `side` are left out. "" if the text would be longer than `MOST_TEXT`.
    """
    packed = b""
    for stroke in strokes:
        points = np.rint(np.array(stroke) * (255 / side)).clip(0, 255)
        kept = [points[0]]
        for point in points[1:]:
            if np.abs(point - kept[-1]).max() >= _APART:
                kept.append(point)
            if len(packed) + 2 * len(kept) > _MOST_BYTES:
                return ""
        kept.append(points[-1])  # the last point is always kept
        packed += len(kept).to_bytes(2, "big") + np.array(kept, np.uint8).tobytes()
    if len(packed) > _MOST_BYTES:
        return ""
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def from_text(text: str, side: int) -> Strokes:
    """Read the text of `to_text`, exact to a hundredth of the side. No strokes if the text is not valid."""
    try:
        rest = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return []
    strokes: Strokes = []
    while rest:
        end = 2 + 2 * int.from_bytes(rest[:2], "big")
        points = np.frombuffer(rest[2:end], np.uint8)
        if not len(points) or len(rest) < end:
            return []
        strokes.append((points.reshape(-1, 2) * (side / 255)).tolist())
        rest = rest[end:]
    return strokes


def checked(value: Any) -> Strokes:
    """Check strokes from a file or a browser.

    Args:
        value: lists of points ``[x, y]``, in any unit.

    Raises:
        ValueError: the value is not a list of strokes, or has too many points or strokes.
    """
    try:
        strokes = [np.array(stroke, float).reshape(-1, 2) for stroke in value]
    except (TypeError, ValueError, OverflowError):
        strokes = []
    points = np.concatenate(strokes) if strokes else np.empty((0, 2))
    if (
        not 0 < len(points) <= MOST_POINTS
        or len(strokes) > MOST_STROKES
        or not np.isfinite(points).all()
        or np.abs(points).max() > _FARTHEST
    ):
        raise ValueError(
            _(
                "Strokes must be lists of points [x, y] with at most {most:,} points in all. The input is "
                "something else."
            ).format(most=MOST_POINTS)
        )
    return [stroke.tolist() for stroke in strokes if len(stroke)]


def unit(strokes: Strokes) -> Strokes:
    """Move the strokes to (0, 0), and scale them so that the longer side is 1. Rounded to four digits."""
    every = np.concatenate([np.array(stroke, float) for stroke in strokes])
    corner = every.min(axis=0)
    side = float((every.max(axis=0) - corner).max()) or 1.0
    return [np.round((np.array(stroke, float) - corner) / side, 4).tolist() for stroke in strokes]


def rgba(strokes: Strokes, pen: float = PEN) -> NDArray[np.uint8]:
    """Draw strokes, white on black, in the middle of a canvas and as large as possible.

    Args:
        strokes: at least one stroke, in any unit.
        pen: the width of the strokes, as a share of the longer side of the digit.

    Returns:
        uint8 ``(140, 140, 4)``.
    """
    room = 0.9 * _SIDE  # the rest is a border of paper, which the preprocessing needs
    brush = room * pen / (1 + pen)
    return on_canvas(strokes, _SIDE, brush, (room - brush) / (_SIDE - brush))


def on_canvas(
    strokes: Strokes, side: int, brush: float, size: float, left: float = 0.5, top: float = 0.5
) -> NDArray[np.uint8]:
    """Draw strokes at any size and position on a black canvas with white ink.

    Args:
        strokes: at least one stroke, in any unit.
        side: the side of the canvas, in pixels.
        brush: the width of the brush, in pixels.
        size: the longer side of the digit, as a share of the largest possible one, up to 1.
        left, top: the position: 0 is at the left or top side of the canvas, 1 is at the opposite side.

    Returns:
        uint8 ``(side, side, 4)``.
    """
    digit = unit(strokes)
    width, height = np.concatenate([np.array(stroke) for stroke in digit]).max(axis=0)
    room = side - brush
    scale = room * size
    across = brush / 2 + left * (room - width * scale)
    down = brush / 2 + top * (room - height * scale)
    placed = [[[across + x * scale, down + y * scale] for x, y in stroke] for stroke in digit]
    return painted(placed, (side, side), brush)


def painted(strokes: Strokes, size: tuple[int, int], brush: float) -> NDArray[np.uint8]:
    """Draw strokes on a black canvas with white ink.

    Args:
        strokes: in pixels of the canvas.
        size: the width and height of the canvas, in pixels.
        brush: the width of the brush, in pixels.

    Returns:
        uint8 ``(height, width, 4)``.
    """
    paper = Image.new("L", (size[0] * _FINER, size[1] * _FINER))
    pen = ImageDraw.Draw(paper)
    for stroke in strokes:
        line = [(x * _FINER, y * _FINER) for x, y in stroke]
        if len(line) > 1:
            pen.line(line, 255, round(brush * _FINER))
        for point in line:
            pen.circle(point, brush * _FINER / 2, 255)
    grey = np.asarray(paper.reduce(_FINER))
    return np.dstack([grey, grey, grey, np.full_like(grey, 255)])


def image(strokes: Strokes, pen: float = PEN) -> NDArray[np.uint8]:
    """The image of strokes for a network, uint8 ``(28, 28)``. The arguments are those of `rgba`."""
    return canvas_to_image(rgba(strokes, pen))
