"""Preprocessing: MNIST's own digits come back, and place, size and colours make no difference."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from core.drawing import preprocess, segmentation
from core.drawing.preprocess import EmptyDrawing, canvas_to_image
from tests.conftest import paste
from tests.support.digits import DIGITS, solid


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


# Of mnist-5k's training digits: their centre of mass is half way between two pixels, they have a fleck, or
# their longer side is 19 pixels.
OTHERWISE_MADE = {69, 300, 523, 1741, 2569, 3083, 3652}


@st.composite
def pasted(draw: st.DrawFn) -> Pasted:
    scale = draw(st.integers(3, 10))
    place = st.integers(0, 280 - 28 * scale)
    return Pasted(draw(st.integers(0, len(DIGITS) - 1)), scale, draw(place), draw(place))


def difference(image: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The mean difference of two images in grey levels, 0 to 255."""
    return float(np.abs(image.astype(int) - other).mean())


@given(pasted())
@settings(max_examples=300)
def test_mnists_own_digits_come_back(example: Pasted) -> None:
    assume(example.index not in OTHERWISE_MADE)
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
    image, other = canvas_to_image(clean), canvas_to_image(noisy)
    # The centre of mass may just round to the neighbouring pixel.
    shifts = [np.roll(other, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    assert min(difference(image, shifted) for shifted in shifts) < 8


@pytest.mark.parametrize(
    "canvas",
    [solid(0, alpha=0), solid(0), solid(255), solid(90), solid(255, side=1), solid(0, alpha=0, side=1)],
    ids=["transparent", "all black", "all white", "all grey", "1×1", "1×1 transparent"],
)
def test_a_canvas_without_ink_is_an_empty_drawing(canvas: NDArray[np.uint8]) -> None:
    with pytest.raises(EmptyDrawing, match="drawing is empty"):
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


# ------------------------------------------------------------------------------- step by step, and specks


@given(pasted())
def test_the_last_step_is_the_whole_recipe(example: Pasted) -> None:
    images = preprocess.steps(example.canvas)
    assert tuple(images) == preprocess.STEPS
    np.testing.assert_array_equal(images["centre"], canvas_to_image(example.canvas))
    assert max(images["fit"].shape) == 20
    assert images["stretch"].max() == pytest.approx(255)


@given(pasted(), st.sets(st.sampled_from(preprocess.STEPS)))
@settings(max_examples=50)
def test_any_steps_can_be_left_out(example: Pasted, without: set[str]) -> None:
    images = preprocess.steps(example.canvas, without)
    assert images["centre"].shape == (28, 28)
    assert all(0 <= step.min() <= step.max() <= 256 for step in images.values())
    if "crop" in without:
        assert images["crop"].shape == (280, 280)
    if "fit" in without:
        assert images["fit"].shape == (28, 28)


def test_with_every_step_left_out_the_canvas_is_only_shrunk() -> None:
    canvas = paste(DIGITS[5], 5, 90, 20)
    shrunk = preprocess.steps(canvas, preprocess.STEPS)["centre"]
    means = canvas[..., 0].reshape(28, 10, 28, 10).mean(axis=(1, 3))
    np.testing.assert_allclose(shrunk, means, atol=1)


def test_without_the_step_that_reads_the_paper_black_ink_stays_black() -> None:
    white_on_black = paste(DIGITS[5], 5, 90, 20)
    black_on_white = white_on_black.copy()
    black_on_white[..., :3] = 255 - black_on_white[..., :3]
    as_it_is = preprocess.steps(black_on_white, {"ink"})["centre"]
    # The paper shines where the ink should.
    assert as_it_is.mean() > 2 * preprocess.steps(black_on_white)["centre"].mean()
    np.testing.assert_array_equal(
        preprocess.steps(black_on_white)["centre"], preprocess.steps(white_on_black)["centre"]
    )


@given(pasted(), st.integers(0, 3), st.integers(1, 4))
def test_a_speck_far_from_the_digit_changes_nothing(example: Pasted, corner: int, size: int) -> None:
    clean = example.canvas
    speckled = clean.copy()
    top, left = (0 if corner < 2 else 280 - size), (0 if corner % 2 else 280 - size)
    rows, columns = np.nonzero(clean[..., 0])
    gap = max(
        rows.min() - top - size, top - rows.max() - 1, columns.min() - left - size, left - columns.max() - 1
    )
    if gap <= preprocess.FAR * max(np.ptp(rows), np.ptp(columns)) + 1:
        return  # too near to be told from a part of the digit
    speckled[top : top + size, left : left + size, :3] = 255
    if size**2 * 255 >= 0.9 * preprocess.LITTLE * clean[..., 0].sum():
        return  # too large for a speck
    np.testing.assert_array_equal(canvas_to_image(speckled), canvas_to_image(clean))


@pytest.mark.parametrize(("every", "dot"), [(2, 1), (3, 1), (5, 3), (20, 10)])
def test_a_digit_of_many_dots_is_none_of_specks(every: int, dot: int) -> None:
    dotted = solid(0)
    for row, column in np.ndindex(dot, dot):
        dotted[100 + row : 200 : every, 80 + column : 200 : every, :3] = 255
    np.testing.assert_array_equal(canvas_to_image(dotted), preprocess.of_cropped(_between(dotted)))


def test_a_speck_far_from_a_digit_of_many_dots_changes_nothing() -> None:
    dotted = solid(0)
    for row, column in np.ndindex(10, 10):
        dotted[100 + row : 200 : 20, 80 + column : 200 : 20, :3] = 255
    clean = canvas_to_image(dotted)
    dotted[10:13, 10:13, :3] = 255
    np.testing.assert_array_equal(canvas_to_image(dotted), clean)


def _between(canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
    """All that lies between the outermost ink, specks or not."""
    ink = preprocess.ink(canvas)
    return ink[preprocess.box(ink)]


@given(
    canvas=arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=40).map(lambda shape: (*shape, 4)),
                  elements=st.sampled_from([0, 1, 40, 128, 255])),
    without=st.sets(st.sampled_from(preprocess.STEPS)),
)  # fmt: skip
def test_whatever_a_canvas_holds_it_is_read_or_empty(canvas: NDArray[np.uint8], without: set[str]) -> None:
    try:
        assert canvas_to_image(canvas).max() == 255
    except EmptyDrawing:
        return
    for digit in itertools.chain(*segmentation.find(canvas)):
        assert digit.image.max() == 255
    assert preprocess.steps(canvas, without)["centre"].shape == (28, 28)


def test_a_part_of_the_digit_is_no_speck() -> None:
    canvas = solid(0)
    canvas[100:200, 100:110, :3] = 255
    canvas[100:110, 150:200, :3] = 255  # far, but not little
    columns = np.flatnonzero(canvas_to_image(canvas).any(axis=0))
    assert np.ptp(columns) + 1 == 20


def test_all_of_a_full_black_canvas_but_its_border_is_ink() -> None:
    canvas = solid(255)
    canvas[1:-1, 1:-1, :3] = 0
    assert (canvas_to_image(canvas)[4:24, 4:24] == 255).all()


def test_half_transparent_ink_is_half_as_strong_and_stretched() -> None:
    canvas = solid(0)
    canvas[100:150, 100:150, :3] = 255
    canvas[100:150, 100:150, 3] = 128
    np.testing.assert_array_equal(canvas_to_image(canvas)[4:24, 4:24], 255)
