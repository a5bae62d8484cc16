"""Preprocessing: MNIST's own digits come back, and place, size and colours make no difference."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core import datasets, preprocess
from core.preprocess import EmptyDrawing, canvas_to_image
from tests.conftest import paste

DIGITS = datasets.load("mnist-5k").x_train


class Pasted(NamedTuple):
    """An MNIST digit, by its index, and where on a canvas of 280×280 it is, how many times as large."""

    index: int
    scale: int
    top: int
    left: int

    @property
    def digit(self) -> NDArray[np.uint8]:
        return DIGITS[self.index]

    @property
    def canvas(self) -> NDArray[np.uint8]:
        return paste(self.digit, self.scale, self.top, self.left)


@st.composite
def pasted(draw: st.DrawFn) -> Pasted:
    scale = draw(st.integers(3, 10))
    place = st.integers(0, 280 - 28 * scale)
    return Pasted(draw(st.integers(0, len(DIGITS) - 1)), scale, draw(place), draw(place))


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The mean difference of two images in grey levels, 0 to 255."""
    return float(np.abs(one.astype(int) - other).mean())


@given(pasted())
@settings(max_examples=300)
def test_mnists_own_digits_come_back(example: Pasted) -> None:
    digit, canvas = example.digit, example.canvas
    # A tenth of MNIST has 254 as its strongest ink, which stretching makes 255: one grey level.
    assert difference(canvas_to_image(canvas), digit) < 0.5


def test_all_but_a_few_of_mnist_5k_come_back_to_the_pixel() -> None:
    some = DIGITS[:1000]
    back = np.stack([canvas_to_image(paste(digit, 5, 30, 60)) for digit in some])
    worst = np.abs(back.astype(int) - some).max(axis=(1, 2))
    # The few whose longer side is not 20 pixels, or whose centre of mass is half way between two.
    assert np.mean(worst <= 1) > 0.995


@given(pasted(), st.integers(0, 255), st.integers(0, 255))
def test_any_ink_on_any_paper_reads_the_same(example: Pasted, paper: int, ink: int) -> None:
    white_on_black = example.canvas
    if abs(paper - ink) < 64:
        return
    share = white_on_black[..., 0].astype(float) / 255
    grey = np.rint(paper + share * (ink - paper)).astype(np.uint8)
    canvas = np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    # Fewer grey levels between ink and paper round more; a faint edge may round to paper.
    assert difference(canvas_to_image(canvas), canvas_to_image(white_on_black)) < 12


@given(pasted(), st.tuples(*[st.integers(0, 255)] * 3))
def test_ink_on_a_transparent_canvas_reads_the_same_whatever_its_colour(
    example: Pasted, colour: tuple[int, int, int]
) -> None:
    white_on_black = example.canvas
    canvas = np.zeros_like(white_on_black)
    canvas[..., 3] = white_on_black[..., 0]
    canvas[canvas[..., 3] > 0, :3] = colour
    np.testing.assert_array_equal(canvas_to_image(canvas), canvas_to_image(white_on_black))


@given(pasted())
def test_the_result_is_as_mnist_made_it(example: Pasted) -> None:
    image = canvas_to_image(example.canvas)
    assert (image.shape, image.dtype, image.max()) == ((28, 28), np.uint8, 255)
    rows, columns = np.nonzero(image)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
    weights = image.astype(float) / image.sum()
    for axis in (0, 1):
        mass = np.arange(28) @ weights.sum(axis=1 - axis)
        assert abs(mass - 14) <= 0.51 or 0 in (rows, columns)[axis] or 27 in (rows, columns)[axis]


@given(pasted(), st.integers(1, 4))
def test_a_little_noise_on_the_paper_is_not_ink(example: Pasted, strength: int) -> None:
    clean = example.canvas
    noise = np.random.default_rng(0).integers(0, strength + 1, clean.shape[:2])
    noisy = clean.copy()
    noisy[..., :3] = np.clip(clean[..., :3].astype(int) + noise[..., None], 0, 255)
    one, other = canvas_to_image(clean), canvas_to_image(noisy)
    # The centre of mass may just round to the neighbouring pixel.
    shifts = [np.roll(other, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    assert min(difference(one, shifted) for shifted in shifts) < 8


def solid(grey: int, alpha: int = 255, side: int = 280) -> NDArray[np.uint8]:
    canvas = np.full((side, side, 4), grey, np.uint8)
    canvas[..., 3] = alpha
    return canvas


@pytest.mark.parametrize(
    "canvas",
    [solid(0, alpha=0), solid(0), solid(255), solid(90), solid(255, side=1), solid(0, alpha=0, side=1)],
    ids=["transparent", "all black", "all white", "all grey", "1×1", "1×1 transparent"],
)
def test_a_canvas_without_ink_is_an_empty_drawing(canvas: NDArray[np.uint8]) -> None:
    with pytest.raises(EmptyDrawing, match="nothing drawn"):
        canvas_to_image(canvas)


def test_one_dot_is_a_drawing() -> None:
    canvas = solid(255)
    canvas[200:210, 20:30, :3] = 0
    image = canvas_to_image(canvas)
    assert image.sum() == 20 * 20 * 255
    assert image[4:24, 4:24].min() == 255


def test_a_canvas_need_not_be_square() -> None:
    canvas = np.zeros((100, 400, 4), np.uint8)
    canvas[..., 3] = 255
    canvas[20:80, 300:310, :3] = 255
    assert np.count_nonzero(canvas_to_image(canvas)) == 20 * 3


@pytest.mark.parametrize(
    "wrong", [np.zeros((28, 28), np.uint8), np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9, 4)),
              np.zeros((0, 9, 4), np.uint8)]
)  # fmt: skip
def test_what_is_no_canvas_is_refused_with_its_shape(wrong: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 4\), but this one is"):
        canvas_to_image(wrong)


def test_normalising_maps_the_range_to_0_and_1() -> None:
    values = preprocess.normalise(np.arange(256, dtype=np.uint8))
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.arange(256, dtype=np.float32) / np.float32(255))
