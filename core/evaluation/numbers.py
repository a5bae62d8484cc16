"""Read the digits of a number. If digits touch or strokes are broken, the network judges it."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.drawing import ink, preprocess, segmentation
from core.drawing.ink import Ink
from core.drawing.segmentation import Found
from core.evaluation.recognition import Reader, Reading

# A digit is rarely wider than its height. Wider pieces are cut, too.
_WIDE = 0.9
_NARROW = 0.5  # if a person says that it is a number
_WIDEST = 1.4  # of a digit that is made of several pieces or parts
_NEAR = 0.2  # pieces of a digit are not further apart, as a share of the height
_MOST_PARTS = 8  # of one digit
# A part, or a join of two pieces, costs as much as this factor in the confidence. It costs less where there
# are several digits anyway.
_DOUBT = 0.25
_NUMBER = 0.6
_BROAD = 10.0  # how strongly the width counts that a digit has beyond `_WIDTH` of its height
_WIDTH = 1.25
_SURELY = 0.9  # what is less unlike digits may be wide: some people's zeros and twos are


class Digit(NamedTuple):
    """A digit of a number.

    Attributes:
        segment: its ink and its place.
        reading: the prediction for it.
    """

    segment: Found
    reading: Reading


class _Span(NamedTuple):
    """A candidate for a digit: neighbouring parts of a row."""

    first: int
    last: int  # exclusive
    segment: Found
    changes: int  # cuts and joins that it needs


class Answer(NamedTuple):
    """What was read in a picture.

    Attributes:
        digits: in reading order, at least one. Their places are pixels of the picture.
        ink: the ink of the picture, and what the picture was taken for.
    """

    digits: list[Digit]
    ink: Ink

    @property
    def text(self) -> str:
        return "".join(str(digit.reading.digit) for digit in self.digits)


def read_picture(
    reader: Reader, pixels: NDArray[np.uint8], *, light: bool | None = None, single: bool | None = None
) -> Answer:
    """Read the digits in a picture: a drawing, a screenshot, a scan or a photo.

    Args:
        pixels: uint8 ``(H, W, 4)``, as from `core.drawing.pictures`.
        light: whether the ink is lighter than the paper; None to find it out.
        single: whether the picture has one digit, or a number; None to find it out.

    Raises:
        EmptyDrawing: there is no ink in the picture.
        ValueError: the array has another dtype or shape.
    """
    inked = ink.find(pixels, light)
    return Answer(read(reader, segmentation.digits(inked.ink), inked.more, single=single), inked)


def one(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image of the only digit in a picture, for a network. Raises what `read_picture` raises."""
    inked = ink.find(pixels)
    return _thickened(_whole(segmentation.digits(inked.ink)), inked.more).image


def read(
    reader: Reader, rows: list[list[Found]], more: float = 0, *, single: bool | None = None
) -> list[Digit]:
    """Read the digits in reading order.

    Args:
        rows: as from `core.drawing.segmentation.digits`.
        more: by how many pixels the strokes are made wider on either side.
        single: whether all ink is one digit, or a number; None to find it out.
    """
    whole = _Span(0, 1, _whole(rows), 0)
    # Pieces above each other are two rows of one digit each, or one digit.
    stacked = single is None and list(map(len, rows)) == [1, 1]
    candidates = (
        [[whole]]
        if single
        else [_spans(row, _NARROW if single is False else _WIDE) for row in rows] + [[whole]] * stacked
    )
    thick = [_thickened(span.segment, more) for row in candidates for span in row]
    readings = reader.read(np.stack([segment.image for segment in thick]))
    digits = iter([Digit(*both) for both in zip(thick, readings, strict=True)])
    best = [_best(row, [next(digits) for _span in row], cut=single is False) for row in candidates]
    if stacked:
        both, alone = best[:2], best[2:]
        best = alone if alone[0][0] > sum(total for total, _row in both) else both
    return [digit for _total, row in best for digit in row][: segmentation.MOST]


def _whole(rows: list[list[Found]]) -> Found:
    return segmentation.together([digit for row in rows for digit in row])


def _thickened(segment: Found, more: float) -> Found:
    if more <= 0:
        return segment
    wide = ink.thicken(segment.ink, more)
    border = (wide.shape[0] - segment.ink.shape[0]) // 2
    rows, columns = preprocess.box(wide)
    return segment._replace(
        ink=wide[rows, columns],
        left=segment.left - border + int(columns.start),
        top=segment.top - border + int(rows.start),
    )


def _spans(row: list[Found], wide: float) -> list[_Span]:
    """All candidates for the digits of a row."""
    height = float(max(digit.ink.shape[0] for digit in row))
    pieces = [
        segmentation.cut(digit, height) if digit.ink.shape[1] > wide * height else [digit] for digit in row
    ]
    parts = [part for some in pieces for part in some]
    ends = np.cumsum([0, *map(len, pieces)]).tolist()
    spans = [_Span(first, last, digit, 0) for digit, first, last in zip(row, ends, ends[1:], strict=False)]
    for place, (first, last) in enumerate(itertools.pairwise(ends)):
        for start in range(first, last):
            for stop in range(start + 1, min(last, start + _MOST_PARTS) + 1):
                if (start, stop) != (first, last):
                    segment = segmentation.together(parts[start:stop])
                    if segment.ink.shape[1] <= _WIDEST * height:
                        spans.append(_Span(start, stop, segment, 1))
        if place + 1 < len(row):
            left, right = row[place : place + 2]
            joined = segmentation.together([left, right])
            gap = right.left - left.left - left.ink.shape[1]
            if gap <= _NEAR * height and joined.ink.shape[1] <= _WIDEST * height:
                spans.append(_Span(first, ends[place + 2], joined, 1))
    return spans


def _best(spans: list[_Span], digits: list[Digit], *, cut: bool) -> tuple[float, list[Digit]]:
    """The candidates that cover the row with the largest sum of their scores, and this sum.

    Args:
        cut: whether a row that is one piece has to be cut, if it can be.
    """
    end = max(span.last for span in spans)
    alone = any((span.first, span.last, span.changes) == (0, end, 0) for span in spans)
    doubt = math.log(_DOUBT if alone else _NUMBER)
    ways: dict[int, tuple[float, list[Digit]]] = {0: (0.0, [])}
    for span, digit in sorted(zip(spans, digits, strict=True), key=lambda both: both[0].last):
        if cut and len(spans) > 1 and (span.first, span.last) == (0, end):
            continue
        # Digits that touch may share a stroke, as two zeros do. It is a part of both.
        shares = span.changes > 0 and span.last > span.first + 1
        for start in (span.first, span.first + 1)[: 1 + shares]:
            if start not in ways:
                continue
            total, before = ways[start]
            total += _score(digit) + span.changes * doubt
            if span.last not in ways or total > ways[span.last][0]:
                ways[span.last] = total, [*before, digit]
    return ways[end]


def _score(digit: Digit) -> float:
    height, width = digit.segment.ink.shape
    unlike = 1.0 if digit.reading.unlike is None else digit.reading.unlike
    broad = max(0.0, width / height - _WIDTH) * (unlike > _SURELY)
    score: float = math.log(max(digit.reading.confidence, 1e-6)) - _BROAD * broad
    return score
