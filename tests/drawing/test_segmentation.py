"""Several digits on one canvas: each is found, in order, and is the image that it would be alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.data import datasets
from core.drawing import segmentation, strokes
from core.drawing.preprocess import EmptyDrawing, canvas_to_image
from core.drawing.segmentation import Found
from tests.conftest import paste
from tests.support.digits import DIGITS, solid


def found(rgba: NDArray[np.uint8]) -> list[Found]:
    """The digits of a drawing of one row."""
    (row,) = segmentation.find(rgba)
    return row


def canvas(*placed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Canvases beside each other."""
    return np.concatenate(placed, axis=1)


@given(
    st.lists(st.tuples(st.integers(0, 999), st.integers(4, 7), st.integers(0, 60)), min_size=1, max_size=5)
)
@settings(max_examples=100)
def test_digits_side_by_side_are_what_they_would_be_alone(digits: list[tuple[int, int, int]]) -> None:
    alone = [paste(DIGITS[index], scale, top, 10, side=256) for index, scale, top in digits]
    segments = found(canvas(*alone))
    assert len(segments) == len(alone)
    for segment, digit in zip(segments, alone, strict=True):
        # A fleck that is dust to a digit on its own may be less than dust to a whole number.
        assert np.abs(segment.image.astype(int) - canvas_to_image(digit)).mean() < 8
    assert [segment.left for segment in segments] == sorted(segment.left for segment in segments)


def test_the_bar_above_the_belly_of_a_5_is_a_part_of_it() -> None:
    five = [[[0.1, 0.0], [0.6, 0.0]], [[0.1, 0.15], [0.1, 0.45], [0.5, 0.5], [0.6, 0.8], [0.1, 1.0]]]
    (segment,) = found(strokes.rgba(five, pen=0.08))
    np.testing.assert_array_equal(segment.image, canvas_to_image(strokes.rgba(five, pen=0.08)))


def test_a_dot_beside_a_digit_is_not_a_digit() -> None:
    drawn = paste(DIGITS[0], 6, 40, 20)
    drawn[200:209, 255:264, :3] = 255
    assert len(found(drawn)) == 1


def test_the_parts_of_two_zeros_that_touch_are_zeros() -> None:
    zeros = [
        [[centre + 0.5 * np.cos(t), 0.5 * np.sin(t)] for t in np.linspace(0, 2 * np.pi, 40)]
        for centre in (0, 1)
    ]
    (both,) = found(strokes.rgba(zeros, pen=0.1))
    parts = segmentation.cut(both, both.ink.shape[0])
    assert len(parts) > 2
    middle = len(parts) // 2
    (alone,) = found(strokes.rgba(zeros[:1], pen=0.1))
    for half in (parts[:middle], parts[middle:]):
        height, width = segmentation.together(half).ink.shape
        assert width == pytest.approx(height, rel=0.35)
    # Nothing of the ink is lost.
    np.testing.assert_array_equal(segmentation.together(parts).ink, both.ink)
    assert alone.pieces == 1


def test_rows_come_from_top_to_bottom_also_if_they_rise() -> None:
    ones = [[[x, y + 0.1 * x], [x, y + 1 + 0.1 * x]] for y in (0, 1.4) for x in range(4)]
    rows = segmentation.find(strokes.on_canvas(ones, 400, 8, 1))
    assert [len(row) for row in rows] == [4, 4]
    assert max(digit.top for digit in rows[0]) < min(digit.box[3] for digit in rows[1])
    for row in rows:
        assert [digit.left for digit in row] == sorted(digit.left for digit in row)


def test_there_are_never_more_digits_than_a_number_may_have() -> None:
    ones = [[[x / 10, 0.0], [x / 10, 1.0]] for x in range(20)]
    assert len(found(strokes.rgba(ones, pen=0.02))) == segmentation.MOST


@pytest.mark.parametrize("empty", [solid(0), solid(255, alpha=0)])
def test_no_ink_is_no_number(empty: NDArray[np.uint8]) -> None:
    with pytest.raises(EmptyDrawing):
        segmentation.find(empty)


def test_almost_every_single_digit_of_mnist_is_found_as_one() -> None:
    counts = [len(found(paste(digit, 5, 30, 60))) for digit in datasets.load("mnist-5k").x_test[:500]]
    assert np.mean(np.array(counts) == 1) > 0.99


def test_nothing_but_specks_is_still_read_as_something() -> None:
    specks = solid(0)
    specks[5:275:9, 5:275:9, :3] = 255
    specks[5:8, 5:7, :3] = 255
    assert 1 <= len(found(specks)) <= segmentation.MOST
