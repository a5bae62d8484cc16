"""Pen strokes: from the canvas, in a file's unit, in an address, and drawn."""

from __future__ import annotations

import itertools
import re
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.drawing import strokes
from core.drawing.preprocess import canvas_to_image
from tests.support.digits import DIGITS
from tests.support.drawings import SEVEN

points = st.lists(st.floats(-1000, 1000), min_size=2, max_size=2)
any_strokes = st.lists(st.lists(points, min_size=1, max_size=8), min_size=1, max_size=4)


def path(*points: tuple[float, float]) -> dict[str, Any]:
    """A path as the canvas makes it of the places where the pen was: a curve that bends towards them."""
    middles = [tuple(np.mean(pair, axis=0)) for pair in itertools.pairwise(points)]
    curves = [["Q", *point, *middle] for point, middle in zip(points, middles, strict=False)]
    return {"type": "Path", "path": [["M", *points[0]], *curves, ["L", *points[-1]]]}


def test_a_stroke_is_where_the_pen_was() -> None:
    corners, dot = [(10.0, 20.0), (50.0, 20.0), (30.0, 120.0)], [(7.0, 9.0)]
    drawn = strokes.from_canvas({"objects": [path(*corners), path(*dot)]})
    assert drawn == [[list(point) for point in stroke] for stroke in (corners, dot)]
    assert strokes.from_canvas({"objects": []}) == []


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["objects", "path"]), inner),
    max_leaves=12,
)


@given(json)
@settings(max_examples=100)
def test_whatever_a_browser_sends_is_read_as_strokes_or_refused(sent: object) -> None:
    for drawing in (
        sent,
        {"objects": sent},
        {"objects": [sent]},
        {"objects": [{"path": sent}]},
        {"objects": [path((1, 2), (3, 4)), {"path": [["M", 1, 2], ["Q", 3, sent, 4, 5]]}]},
    ):
        with suppress(ValueError):
            for stroke in strokes.from_canvas(drawing):
                assert np.isfinite(np.array(stroke, float)).all()


@pytest.mark.parametrize(
    "objects",
    [
        [path((1, 1))] * (strokes.MOST_STROKES + 1),
        [path(*[(1, 1)] * (strokes.MOST_POINTS + 1))],
        [path(*[(1, 1)] * (strokes.MOST_POINTS // 2 + 1))] * 2,
        [{"path": None}],
        "no objects",
    ],
    ids=["too many strokes", "one too long", "too long together", "no path", "no objects"],
)
def test_a_drawing_beyond_measure_is_refused_with_what_is_allowed(objects: object) -> None:
    with pytest.raises(ValueError, match="at most 20,000"):
        strokes.from_canvas({"objects": objects})


@given(any_strokes)
def test_in_a_file_the_longer_side_is_1(drawn: strokes.Strokes) -> None:
    coordinates = np.concatenate([np.array(stroke) for stroke in strokes.unit(drawn)])
    assert coordinates.min() == 0
    assert coordinates.max() in (pytest.approx(1, abs=1e-3), 0)
    assert [len(stroke) for stroke in strokes.unit(drawn)] == [len(stroke) for stroke in drawn]


on_canvas = st.lists(
    st.lists(st.lists(st.floats(0, 280), min_size=2, max_size=2), min_size=1, max_size=30), max_size=4
)


@given(on_canvas)
def test_strokes_in_an_address_come_back_and_are_drawn_as_they_were(drawn: strokes.Strokes) -> None:
    text = strokes.to_text(drawn, 280)
    assert re.fullmatch(r"[\w-]*", text, re.ASCII)
    restored = strokes.from_text(text, 280)
    assert len(restored) == len(drawn)
    for stroke, back in zip(drawn, restored, strict=True):
        # From end to end, no point farther from what is left than a hundredth of the canvas.
        np.testing.assert_allclose([back[0], back[-1]], [stroke[0], stroke[-1]], atol=0.6)
        apart = np.abs(np.array(stroke)[:, None] - np.array(back)[None]).max(axis=2).min(axis=1)
        assert apart.max() <= 280 / 100


@given(st.text(max_size=60) | st.text("AQgwz_-7=", max_size=60))
def test_whatever_an_address_says_there_are_strokes_on_the_canvas_or_none(text: str) -> None:
    for stroke in strokes.from_text(text, 280):
        assert stroke
        assert np.array(stroke).min() >= 0
        assert np.array(stroke).max() <= 280


@pytest.mark.parametrize("points", [1_500, 5_000, 70_000])
def test_a_scribble_is_too_long_for_an_address(points: int) -> None:
    scribble = [[[x % 280.0, x * 7 % 280.0] for x in range(points)]]
    assert strokes.to_text(scribble, 280) == ""


@given(any_strokes)
def test_any_strokes_can_be_drawn_and_read(drawn: strokes.Strokes) -> None:
    image = strokes.image(drawn)
    assert image.shape == (28, 28)
    assert image.max() == 255


def test_the_size_and_place_on_the_canvas_hardly_change_the_image() -> None:
    large = canvas_to_image(strokes.on_canvas(SEVEN, 280, 26, 0.8)).astype(int)
    small = canvas_to_image(strokes.on_canvas(SEVEN, 280, 14, 0.41, left=0.9, top=0.1)).astype(int)
    assert np.abs(large - small).mean() < 6


def test_a_wider_pen_leaves_more_ink() -> None:
    ink = [strokes.image(SEVEN, pen).sum(dtype=int) for pen in (0.06, 0.1, 0.14, 0.2)]
    assert ink == sorted(ink)
    # MNIST's own digits have about as much as its pen leaves.
    assert 0.5 < strokes.image(SEVEN).mean() / DIGITS.mean() < 1.5


def test_a_stroke_reaches_as_far_as_it_was_drawn() -> None:
    canvas = strokes.on_canvas([[[0.0, 0.0], [1.0, 0.0]]], 200, 20, 0.5, left=0.0, top=1.0)
    rows, columns = np.nonzero(canvas[..., 0] > 127)
    assert (columns.min(), columns.max()) == (pytest.approx(0, abs=1), pytest.approx(90 + 20, abs=1))
    assert (rows.min(), rows.max()) == (pytest.approx(180, abs=1), pytest.approx(199, abs=1))


@pytest.mark.parametrize(
    "wrong",
    [None, 3, "ab", [], [[]], [[[1, 2, 3]]], [[["a", 1]]], [[[float("nan"), 1]]], [[[1e9, 1]]], {"a": 1},
     [[[0, 0]] * (strokes.MOST_POINTS + 1)], [[[0, 0]]] * (strokes.MOST_STROKES + 1)],
)  # fmt: skip
def test_what_are_no_strokes_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"lists of points \[x, y\] with at most 20,000"):
        strokes.checked(wrong)


def test_strokes_are_taken_as_they_are() -> None:
    assert strokes.checked([[(0, 1), (2, 3)], [[4, 5]]]) == [[[0, 1], [2, 3]], [[4, 5]]]
