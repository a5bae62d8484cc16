"""Pen strokes: read from the canvas, written to a file or an address, and drawn with a pen of any width.

Strokes are lists of points ``[x, y]``, y downwards. In a file their unit is the longer side of the
digit, so that they say nothing about the canvas they were drawn on.
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

PEN = 0.14  # how wide MNIST's pen is, in longer sides of the digit
MOST_POINTS = 20_000  # of one drawing, which is minutes of scribbling
MOST_STROKES = 1_000  # of one drawing
_FARTHEST = 1e6  # of a point, in any unit
MOST_TEXT = 4_000  # characters of a drawing in an address, which is a digit over and over
_MOST_BYTES = MOST_TEXT * 3 // 4  # which base64 writes as MOST_TEXT characters
_APART = 2  # between two points in an address, where 255 is the canvas's side
_SIDE = 140  # pixels of the canvas on which strokes are drawn again
_FINER = 3  # times as large while they are drawn, so that edges come out smooth


def from_canvas(drawing: object) -> Strokes:
    """The strokes of a drawing, in pixels of its canvas.

    Args:
        drawing: what `streamlit_drawable_canvas` gives as ``json_data``: Fabric.js's description of
            the canvas. It comes from the browser, so it may be anything.

    Returns:
        One stroke for each path: the places where the pen was, of which the canvas makes curves.

    Raises:
        ValueError: its paths are no strokes, or too many.
    """
    objects = drawing.get("objects") if isinstance(drawing, Mapping) else None
    try:
        # Each path begins with a move. Its other commands are lines, or curves that bend where the pen was.
        found = [[command[1:3] for command in item["path"][1:]] for item in objects or []]
    except (TypeError, KeyError, IndexError, AttributeError):
        found = [[]]
    return checked(found) if found else []


def to_text(strokes: Strokes, side: int) -> str:
    """Strokes as a text for an address: some hundred characters for a digit.

    Args:
        strokes: in pixels of the canvas. What lies beyond `side` is moved there.
        side: the longer side of the canvas, in pixels.

    Returns:
        Letters, digits, ``-`` and ``_``: base64 of the strokes, of each the number of its points (two bytes)
        and its points (a byte for x and one for y, 255 is `side`). Points that are closer together than
        a hundredth of that are left out. "" where it would be longer than `MOST_TEXT`.
    """
    found = b""
    for stroke in strokes:
        points = np.rint(np.array(stroke) * (255 / side)).clip(0, 255)
        kept = [points[0]]
        for point in points[1:]:
            if np.abs(point - kept[-1]).max() >= _APART:
                kept.append(point)
            if len(found) + 2 * len(kept) > _MOST_BYTES:
                return ""
        kept.append(points[-1])  # to its very end
        found += len(kept).to_bytes(2, "big") + np.array(kept, np.uint8).tobytes()
    if len(found) > _MOST_BYTES:
        return ""
    return base64.urlsafe_b64encode(found).decode().rstrip("=")


def from_text(text: str, side: int) -> Strokes:
    """What `to_text` was given, to a hundredth of the side. Nothing where the text is something else."""
    try:
        rest = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return []
    found: Strokes = []
    while rest:
        end = 2 + 2 * int.from_bytes(rest[:2], "big")
        points = np.frombuffer(rest[2:end], np.uint8)
        if not len(points) or len(rest) < end:
            return []
        found.append((points.reshape(-1, 2) * (side / 255)).tolist())
        rest = rest[end:]
    return found


def checked(value: Any) -> Strokes:
    """Strokes from a file or a browser, checked.

    Args:
        value: lists of points ``[x, y]``, in any unit.

    Raises:
        ValueError: it is something else, or too much.
    """
    try:
        found = [np.array(stroke, float).reshape(-1, 2) for stroke in value]
    except (TypeError, ValueError, OverflowError):
        found = []
    points = np.concatenate(found) if found else np.empty((0, 2))
    if (
        not 0 < len(points) <= MOST_POINTS
        or len(found) > MOST_STROKES
        or not np.isfinite(points).all()
        or np.abs(points).max() > _FARTHEST
    ):
        raise ValueError(
            _(
                "Strokes must be lists of points [x, y] with at most {most:,} points in all. The input is "
                "something else."
            ).format(most=MOST_POINTS)
        )
    return [stroke.tolist() for stroke in found if len(stroke)]


def unit(strokes: Strokes) -> Strokes:
    """The strokes moved to (0, 0) and scaled so that the longer side is 1, to four digits."""
    every = np.concatenate([np.array(stroke, float) for stroke in strokes])
    corner = every.min(axis=0)
    side = float((every.max(axis=0) - corner).max()) or 1.0
    return [np.round((np.array(stroke, float) - corner) / side, 4).tolist() for stroke in strokes]


def rgba(strokes: Strokes, pen: float = PEN) -> NDArray[np.uint8]:
    """The strokes drawn again, white on black, in the middle of a canvas and as large as it allows.

    Args:
        strokes: at least one, in any unit.
        pen: how wide to draw them, in longer sides of the digit.

    Returns:
        uint8 ``(140, 140, 4)``.
    """
    room = 0.9 * _SIDE  # a border of paper, to tell the ink by
    brush = room * pen / (1 + pen)
    return on_canvas(strokes, _SIDE, brush, (room - brush) / (_SIDE - brush))


def on_canvas(
    strokes: Strokes, side: int, brush: float, size: float, left: float = 0.5, top: float = 0.5
) -> NDArray[np.uint8]:
    """The strokes as they look when somebody draws them on a black canvas with white ink.

    Args:
        strokes: at least one, in any unit.
        side: of the canvas, in pixels.
        brush: how wide the brush is, in pixels.
        size: the digit's longer side, as a share of what the canvas has room for, up to 1.
        left, top: where it is: at 0 it touches that side of the canvas, at 1 the other.

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
    """A black canvas with these strokes in white ink.

    Args:
        strokes: in pixels of the canvas.
        size: the canvas's width and height, in pixels.
        brush: how wide the brush is, in pixels.

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
    """The strokes as MNIST would show them, uint8 ``(28, 28)``; else as `rgba`."""
    return canvas_to_image(rgba(strokes, pen))
