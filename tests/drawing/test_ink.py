"""Ink: whatever the light, the pen and the paper, what comes out is what the clean canvas gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from core.data import datasets
from core.drawing import ink, pictures
from core.drawing.preprocess import EmptyDrawing, canvas_to_image
from core.drawing.strokes import PEN
from core.evaluation import numbers
from core.network import predict
from core.runs import run_folder
from tests.support.photos import (
    BOARD,
    CHALK,
    DIGITS,
    HEIGHT,
    SAME,
    WHITE,
    WIDTH,
    Light,
    Photo,
    across,
    clean,
    difference,
    drawn,
    encoded,
    on_paper,
    shadow,
)

STARTER = predict.load(run_folder.STARTER)


def image(picture: Photo) -> NDArray[np.uint8]:
    return numbers.one(picture)


angles = st.floats(0, 6.28)
lights = st.builds(
    Light, gradient=st.floats(0, 0.7), vignette=st.floats(0, 0.4), depth=st.floats(0, 0.45), angle=angles,
    other_angle=angles, edge=st.floats(-0.5, 0.5), softness=st.floats(0.03, 0.4),
)  # fmt: skip
digits = st.integers(0, 9)
pens = st.floats(0.03, PEN)
places = st.tuples(st.floats(0.4, 0.6), st.floats(0.4, 0.6))


# --------------------------------------------------------------------------- what is on the paper


def reads(image: NDArray[np.uint8]) -> int:
    """What the starter takes it for."""
    return int(STARTER.probabilities(image[None])[0].argmax())


def test_the_digits_of_these_tests_are_read_from_a_clean_canvas() -> None:
    assert [reads(canvas_to_image(clean(drawn(digit)))) for digit in DIGITS] == list(DIGITS)


@pytest.mark.parametrize("digit", DIGITS)
def test_a_photo_in_even_light_gives_what_the_clean_canvas_gives(digit: int) -> None:
    share = drawn(digit)
    assert reads(image(on_paper(share))) == digit
    assert difference(image(on_paper(share)), canvas_to_image(clean(share))) < 1.5 * SAME


@given(digits, lights, st.floats(0, 3), pens, places)
@settings(max_examples=20)
def test_neither_light_nor_noise_nor_the_pen_makes_a_difference(
    digit: int, light: Light, noise: float, pen: float, at: tuple[float, float]
) -> None:
    seen = on_paper(drawn(digit, pen, at=at), light=light.field, noise=noise)
    assert reads(image(seen)) == digit


@given(digits, lights, st.floats(0, 2), st.floats(0.06, PEN))
@settings(max_examples=10)
def test_chalk_on_a_blackboard_reads_as_ink_on_paper(
    digit: int, light: Light, noise: float, pen: float
) -> None:
    seen = on_paper(drawn(digit, pen), CHALK, BOARD, light._replace(gradient=light.gradient / 2).field, noise)
    assert reads(image(seen)) == digit


@pytest.mark.parametrize(
    "ink",
    [(25, 40, 150), (190, 35, 40), (20, 120, 60), (150, 150, 152)],
    ids=["blue", "red", "green", "pencil"],
)
@pytest.mark.parametrize("digit", [0, 4, 8])
def test_ink_of_any_colour_is_ink(ink: tuple[int, ...], digit: int) -> None:
    seen = on_paper(drawn(digit, 0.04), ink, light=shadow(1, 0.4), noise=2)
    assert reads(image(seen)) == digit


@pytest.mark.parametrize("digit", [2, 5, 8])
@pytest.mark.parametrize("quality", [30, 60, 90])
def test_what_jpeg_leaves_of_a_noisy_photo_reads_the_same(digit: int, quality: int) -> None:
    data = encoded(on_paper(drawn(digit, 0.05), noise=4), "JPEG", quality=quality)
    seen = pictures.read(data).pixels
    assert reads(image(seen)) == digit


@pytest.mark.parametrize("angle", [0.05, 1.5, 3.1, 4.75])
@pytest.mark.parametrize("digit", [0, 1, 4, 9])
def test_the_table_beyond_the_papers_edge_is_not_the_digit(angle: float, digit: int) -> None:
    seen = on_paper(drawn(digit, 0.06, side=0.5), noise=2)
    grain = (
        1
        + 0.1 * ndimage.gaussian_filter(np.random.default_rng(1).standard_normal((HEIGHT, WIDTH)), (1, 9)) * 7
    )
    table = across(angle) > 0.8
    seen[table, :3] = np.clip(grain[table, None] * (75, 50, 32), 0, 255)
    assert reads(image(seen)) == digit


def test_specks_are_not_the_digit() -> None:
    share = drawn(2, 0.06).copy()
    rng = np.random.default_rng(0)
    for top, left in zip(rng.integers(0, HEIGHT - 3, 40), rng.integers(0, WIDTH - 3, 40), strict=True):
        share[top : top + 3, left : left + 3] = 0.8
    # Those that lie on the ink's edge are part of it.
    assert reads(image(on_paper(share))) == 2


@pytest.mark.parametrize("digit", [0, 1, 3, 6])
def test_faint_squares_on_the_paper_are_not_the_digit(digit: int) -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    squares = 1 - 0.2 * ((x % 25 == 0) | (y % 25 == 0))
    seen = on_paper(drawn(digit, 0.06), light=squares, noise=2)
    assert reads(image(seen)) == digit


@pytest.mark.parametrize("digit", [1, 4, 7, 9])
def test_what_reaches_the_border_is_the_digit_if_there_is_nothing_else(digit: int) -> None:
    share = drawn(digit)
    foot = np.flatnonzero(share.any(axis=1))[-1]
    assert reads(image(on_paper(share[: foot - 3]))) == digit


def test_ink_on_a_transparent_sheet_is_ink_whatever_its_colour() -> None:
    share = drawn(3)
    for colour in (0, 90, 255):
        sheet = np.full((*share.shape, 4), colour, np.uint8)
        sheet[..., 3] = np.rint(share * 255)
        assert reads(image(sheet)) == 3


def test_thin_strokes_are_drawn_as_wide_as_mnists_and_wide_ones_stay() -> None:
    amounts = {pen: float(image(on_paper(drawn(5, pen))).mean()) for pen in (0.02, 0.05, 0.1, PEN, 0.2)}
    assert amounts[0.02] == pytest.approx(amounts[PEN], rel=0.15)
    assert amounts[0.1] == pytest.approx(amounts[PEN], rel=0.1)
    assert amounts[0.2] > 1.08 * amounts[PEN]


def test_an_image_as_small_as_mnists_is_read_too() -> None:
    some = datasets.load("mnist-5k").x_train[:60]
    # A wide pen, so that nothing is to be thickened.
    wide = [digit for digit in some if digit.mean() > 40]
    differences = [
        difference(image(np.dstack([255 - digit] * 3 + [np.full_like(digit, 255)])), digit) for digit in wide
    ]
    assert len(wide) > 10
    assert np.median(differences) < SAME


def test_the_ink_is_black_where_there_is_paper_and_has_grey_edges() -> None:
    inked = ink.find(on_paper(drawn(8, 0.05), light=shadow(0.5, 0.4), noise=4)).ink
    border = np.concatenate([inked[0], inked[-1], inked[:, 0], inked[:, -1]])
    assert border.max() == 0
    assert inked.max() == 255
    assert 0 < np.mean((inked > 0) & (inked < 255)) < 0.2


def test_the_paper_is_the_light_and_the_contrast_is_the_ink() -> None:
    light = shadow(0, 0.4)
    share = drawn(6)
    inked = ink.find(on_paper(share, light=light))
    assert inked.taken_for == "photo"
    assert not inked.light
    away = across(0)[0] ** 2 > 0.05  # at the shadow's edge the small copy blurs
    assert np.abs(inked.paper[:, away] / (231 * light)[:, away] - 1).max() < 0.1
    assert np.abs(inked.contrast / 255 - share).mean() < 0.03


# --------------------------------------------------------------------------- nothing on the paper


@given(lights, st.floats(0, 8), st.sampled_from([WHITE, (140, 140, 135), BOARD, (0, 0, 0), (255, 255, 255)]))
@settings(max_examples=20)
def test_blank_paper_is_empty_in_any_light(light: Light, noise: float, paper: tuple[int, ...]) -> None:
    noise = noise / 4 if paper == BOARD else noise  # which is a larger share of what is dark
    blank = on_paper(np.zeros((HEIGHT, WIDTH)), paper=paper, light=light.field, noise=noise)
    with pytest.raises(EmptyDrawing):
        ink.find(blank)


def test_blank_paper_is_empty_after_jpeg() -> None:
    blank = on_paper(np.zeros((HEIGHT, WIDTH)), light=shadow(2, 0.5), noise=6)
    with pytest.raises(EmptyDrawing):
        ink.find(pictures.read(encoded(blank, "JPEG", quality=50)).pixels)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=40)
def test_any_picture_gives_a_canvas_or_is_empty(height: int, width: int, seed: int, opaque: bool) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    picture[..., 3] |= np.uint8(255 * opaque)
    try:
        assert image(picture).max() == 255
    except EmptyDrawing:
        return


@pytest.mark.parametrize(
    "wrong", [np.zeros((28, 28), np.uint8), np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9, 4)),
              np.zeros((0, 9, 4), np.uint8)]
)  # fmt: skip
def test_what_is_no_photo_is_refused_with_its_shape(wrong: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 4\), but this one is"):
        ink.find(wrong)
