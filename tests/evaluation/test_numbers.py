"""Pictures that people bring: known digits on made paper are read, whatever lies around them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from core.data import datasets
from core.drawing import pictures
from core.evaluation import numbers, recognition
from core.runs import run_folder
from tests.support.photos import (
    BLACK,
    HEIGHT,
    WHITE,
    WIDTH,
    Light,
    Photo,
    across,
    drawn,
    encoded,
    on_paper,
    shadow,
)

READER = recognition.load(run_folder.STARTER)
digits = st.integers(0, 9)
lights = st.builds(
    Light, gradient=st.floats(0, 0.6), vignette=st.floats(0, 0.4), depth=st.floats(0, 0.4),
    angle=st.floats(0, 6.28), other_angle=st.floats(0, 6.28), edge=st.floats(-0.5, 0.5),
    softness=st.floats(0.05, 0.4),
)  # fmt: skip


def read(picture: Photo, **options: bool) -> str:
    return numbers.read_picture(READER, picture, **options).text


def number(text: str, size: float = 0.5, rise: float = 0.0, pen: float = 0.1) -> NDArray[np.float64]:
    """The ink of a number, each digit with a little other height than the one before, (240, 140 × digits)."""
    parts = []
    for place, digit in enumerate(text):
        side = size * (1 - 0.15 * (place % 2))
        share = drawn(int(digit), pen, side, (0.5, 0.5 + rise * (place - len(text) / 2)))
        parts.append(share[:, WIDTH // 2 - 70 : WIDTH // 2 + 70])
    return np.concatenate(parts, axis=1)


def jpeg(picture: Photo, quality: int = 30) -> Photo:
    return pictures.read(encoded(picture, "JPEG", quality=quality)).pixels


def lit(share: NDArray[np.float64], depth: float = 0.3) -> NDArray[np.float64]:
    """A shadow across a picture of any width."""
    return np.resize(np.linspace(1, 1 - depth, share.shape[1]), share.shape)


# --------------------------------------------------------------------------------------- numbers


@given(st.text("0123456789", min_size=2, max_size=6), st.floats(-0.03, 0.03), st.floats(0.05, 0.12))
@settings(max_examples=20)
def test_a_photo_of_a_number_is_read_digit_by_digit(text: str, rise: float, pen: float) -> None:
    share = number(text, rise=rise, pen=pen)
    assert read(jpeg(on_paper(share, light=lit(share), noise=2))) == text


def test_a_number_has_up_to_12_digits_and_begins_with_zeros() -> None:
    assert read(on_paper(number("001234567890"))) == "001234567890"


def test_two_rows_are_read_one_after_the_other() -> None:
    share = np.concatenate([number("1572", rise=0.02), number("4389", rise=0.02)])
    assert read(jpeg(on_paper(share, light=lit(share), noise=2))) == "15724389"


def test_each_digit_has_its_box_in_reading_order() -> None:
    answer = numbers.read_picture(READER, on_paper(number("307")))
    assert answer.text == "307"
    for place, digit in enumerate(answer.digits):
        left, top, right, bottom = digit.segment.box
        assert 140 * place <= left < right <= 140 * (place + 1)
        assert 0 < top < bottom < HEIGHT


def test_zeros_that_touch_are_cut() -> None:
    zero = drawn(0, 0.1, 0.5)
    columns = np.flatnonzero(zero.any(axis=0))
    zero = zero[:, columns[0] : columns[-1] + 1]
    width = zero.shape[1]
    share = np.zeros((HEIGHT, 3 * width + 120))
    for place in range(3):
        part = share[:, 60 + (width - 4) * place :][:, :width]
        np.maximum(part, zero, out=part)
    assert ndimage.label(share > 0.3)[1] == 1
    assert read(on_paper(share, noise=2)) == "000"


def test_a_person_can_say_that_it_is_one_digit_or_a_number() -> None:
    share = number("11", size=0.4)
    assert read(on_paper(share)) == "11"
    assert len(read(on_paper(share), single=True)) == 1
    assert len(read(on_paper(drawn(0)), single=False)) > 1


def test_a_person_can_say_which_is_the_ink() -> None:
    picture = on_paper(drawn(4))
    assert not numbers.read_picture(READER, picture).ink.light
    assert numbers.read_picture(READER, picture, light=True).ink.light
    assert read(picture, light=False) == "4"


# -------------------------------------------------------------------------- small white on black


@pytest.mark.parametrize(
    ("kind", "options", "least"), [("PNG", {}, 0.98), ("JPEG", {"quality": 75}, 0.96)], ids=["PNG", "JPEG"]
)
def test_mnists_images_as_files_are_drawings(kind: str, options: dict[str, int], least: float) -> None:
    test = datasets.load("mnist-5k")
    right = []
    for image, label in zip(test.x_test[:250], test.y_test[:250], strict=True):
        file = io.BytesIO()
        Image.fromarray(image).save(file, kind, **options)
        answer = numbers.read_picture(READER, pictures.read(file.getvalue()).pixels)
        assert answer.ink.taken_for == "drawing"
        assert answer.ink.light
        right.append(answer.text == str(label))
    assert np.mean(right) >= least


# ------------------------------------------------------------------------- paper and what is on it


@given(digits, st.floats(-0.06, 0.06))
@settings(max_examples=10)
def test_a_number_on_a_ruled_line_that_is_cropped_tight(digit: int, slope: float) -> None:
    share = number(f"{digit}3{digit}", size=0.7)
    rows = np.flatnonzero(share.any(axis=1))
    share = share[rows[0] - 12 : rows[-1] + 12].copy()
    for column in range(share.shape[1]):
        row = round(share.shape[0] - 16 + slope * (column - share.shape[1] / 2))
        share[max(0, row) : max(0, row + 3), column] = np.maximum(
            share[max(0, row) : max(0, row + 3), column], 0.9
        )
    assert read(on_paper(share, noise=2)) == f"{digit}3{digit}"


@pytest.mark.parametrize("digit", [0, 2, 4, 7, 8])
def test_strong_lines_of_squared_paper_are_no_ink(digit: int) -> None:
    share = drawn(digit, 0.12).copy()
    share[10::30] = np.maximum(share[10::30], 0.85)
    share[:, 10::30] = np.maximum(share[:, 10::30], 0.85)
    assert read(jpeg(on_paper(share, noise=2), 60)) == str(digit)


@pytest.mark.parametrize("digit", range(10))
def test_a_thin_line_across_the_picture_is_no_ink(digit: int) -> None:
    share = drawn(digit).copy()
    share[118:120] = 1
    assert read(on_paper(share, noise=2)) == str(digit)


@given(digits, st.sampled_from([(120, 84, 60), (200, 180, 90), (90, 120, 160)]), st.floats(10, 22))
@settings(max_examples=10)
def test_coarse_coloured_paper_that_fills_the_picture(
    digit: int, paper: tuple[int, int, int], grain: float
) -> None:
    assert read(on_paper(drawn(digit), BLACK, paper, noise=grain)) == str(digit)


@pytest.mark.parametrize("digit", [0, 3, 5, 6])
def test_a_gradient_across_the_picture_is_light(digit: int) -> None:
    light = 1 - 0.4 * (across(0.6) + 1)
    assert read(on_paper(drawn(digit), light=light)) == str(digit)


@pytest.mark.parametrize("around", [True, False], ids=["around", "beside"])
@pytest.mark.parametrize("digit", [0, 2, 5, 9])
def test_a_printed_box_is_no_digit(digit: int, around: bool) -> None:
    share = np.pad(drawn(digit, 0.1, 0.5), ((0, 0), (0, 160)))
    top, bottom, left, right = (30, 210, 60, 260) if around else (100, 160, 330, 390)
    box = np.zeros(share.shape, bool)
    box[top:bottom, left:right] = True
    box[top + 3 : bottom - 3, left + 3 : right - 3] = False
    share = np.where(box, 0.9, share)
    assert read(jpeg(on_paper(share, noise=2))) == str(digit)


@pytest.mark.parametrize("digit", [2, 4, 7])
def test_the_frame_of_a_screenshot_is_no_ink(digit: int) -> None:
    share = drawn(digit).copy()
    share[:4] = share[-4:] = 1
    share[:, :4] = share[:, -4:] = 1
    assert read(on_paper(share)) == str(digit)


@given(digits, lights, st.floats(0.45, 0.75))
@settings(max_examples=15)
def test_a_light_pen_on_creased_paper(digit: int, light: Light, faint: float) -> None:
    ink = tuple(round(faint * level) for level in WHITE)
    creases = 1 - 0.06 * (np.abs(across(0.7)) < 0.01) - 0.05 * (np.abs(across(2.2) - 0.3) < 0.01)
    seen = on_paper(drawn(digit, 0.08), ink, light=light.field * creases, noise=1)
    assert read(seen) == str(digit)


@given(digits, st.integers(1, 3))
@settings(max_examples=10)
def test_a_picture_on_its_side_is_turned_by_its_exif_data(digit: int, quarter: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = {1: 6, 2: 3, 3: 8}[quarter]
    turned = np.ascontiguousarray(np.rot90(on_paper(drawn(digit), noise=1), quarter))
    assert read(pictures.read(encoded(turned, "JPEG", exif=exif)).pixels) == str(digit)


@given(digits, st.floats(0.5, 1.5), st.integers(0, 359))
@settings(max_examples=15)
def test_a_blurred_photo_in_a_shadow_after_jpeg_at_30(digit: int, blur: float, angle: int) -> None:
    seen = on_paper(drawn(digit, 0.1), light=shadow(np.radians(angle), 0.4), noise=2)
    blurred = ndimage.gaussian_filter(seen.astype(float), (blur, blur, 0)).astype(np.uint8)
    assert read(jpeg(blurred)) == str(digit)
