"""Photos: whatever the light, the ink and the paper, what comes out is what the clean canvas gives."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from core.data import datasets
from core.drawing import photo
from core.drawing.photo import NoPhoto
from core.drawing.preprocess import EmptyDrawing, canvas_to_image
from core.drawing.strokes import PEN
from core.network import predict
from core.runs import run_folder

HEIGHT, WIDTH = 240, 320
STARTER = predict.load(run_folder.STARTER)
Share = NDArray[np.float64]  # (H, W): how much of each pixel is ink
Photo = NDArray[np.uint8]

_TURN = np.linspace(0, 2 * np.pi, 40)
_RING = np.stack([0.5 + 0.4 * np.sin(_TURN), 0.5 - 0.5 * np.cos(_TURN)], axis=1)
# As people write them, in a box from (0, 0) to (1, 1), y downwards.
DIGITS = {
    0: [_RING],
    1: [[(0.4, 0.2), (0.6, 0), (0.6, 1)]],
    2: [[(0.1, 0.2), (0.4, 0), (0.8, 0.2), (0.7, 0.5), (0.1, 1), (0.9, 1)]],
    3: [[(0.1, 0), (0.8, 0.1), (0.4, 0.45), (0.9, 0.7), (0.5, 1), (0, 0.9)]],
    4: [[(0.4, 0), (0, 0.6), (0.9, 0.6)], [(0.7, 0.2), (0.6, 1)]],
    5: [[(0.2, 0), (0.1, 0.45), (0.7, 0.5), (0.8, 0.8), (0.4, 1), (0, 0.9)], [(0.3, 0), (0.9, 0.05)]],
    6: [[(0.8, 0), (0.2, 0.5), (0.3, 1), (0.8, 0.9), (0.7, 0.55), (0.2, 0.65)]],
    7: [[(0, 0), (0.9, 0), (0.4, 1)], [(0.3, 0.5), (0.9, 0.5)]],
    8: [_RING * (0.8, 0.5) + (0.1, 0), _RING * (1, 0.5) + (0, 0.5)],
    9: [[*(_RING * (1, 0.5))], [(0.9, 0.25), (0.7, 1)]],
}


@lru_cache(maxsize=64)
def drawn(digit: int, pen: float = PEN, side: float = 0.6, at: tuple[float, float] = (0.5, 0.5)) -> Share:
    """A digit, `side` of the photo's height large, its middle at `at`, with a pen so wide against it."""
    finer = 3
    scale = side * HEIGHT * finer / (1 + pen)
    corner = np.array([WIDTH * at[0], HEIGHT * at[1]]) * finer - scale / 2
    sheet = Image.new("L", (WIDTH * finer, HEIGHT * finer))
    brush = ImageDraw.Draw(sheet)
    for stroke in DIGITS[digit]:
        points = [tuple(point) for point in np.array(stroke) * scale + corner]
        brush.line(points, 255, round(pen * scale))
        for x, y in points:
            brush.circle((x, y), pen * scale / 2, 255)
    share: Share = np.asarray(sheet.reduce(finer)) / 255
    share.flags.writeable = False
    return share


BLACK, WHITE = (30, 30, 32), (235, 232, 225)
BOARD, CHALK = (38, 46, 42), (205, 205, 200)


def on_paper(
    share: Share,
    ink: tuple[int, ...] = BLACK,
    paper: tuple[int, ...] = WHITE,
    light: object = 1.0,
    noise: float = 0,
) -> Photo:
    """What a camera sees."""
    share, light = share[..., None], np.broadcast_to(np.asarray(light, float), share.shape)[..., None]
    seen = (share * ink + (1 - share) * np.array(paper)) * light
    seen = seen + noise * np.random.default_rng(0).standard_normal(seen.shape)
    return np.dstack([np.clip(np.rint(seen), 0, 255), np.full(share.shape, 255)]).astype(np.uint8)


def clean(share: Share) -> Photo:
    return on_paper(share, (255, 255, 255), (0, 0, 0))


def image(picture: Photo) -> NDArray[np.uint8]:
    return canvas_to_image(photo.canvas(picture))


def difference(digit: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The mean difference in grey levels, 0 to 255, of the images a little blurred.

    The centre and the width, which are whole pixels, may round to the neighbouring one.
    """
    blurred = [ndimage.uniform_filter(pixels.astype(float), 3) for pixels in (digit, other)]
    shifts = [np.roll(blurred[0], (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return float(min(np.abs(shifted - blurred[1]).mean() for shifted in shifts))


SAME = 8.0  # grey levels: two photos of one digit mostly differ less


def across(angle: float) -> NDArray[np.float64]:
    """How far along a direction each pixel is, -1 to 1."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    return (x * np.cos(angle) + y * np.sin(angle)) / (abs(np.cos(angle)) + abs(np.sin(angle)))


def shadow(angle: float, depth: float, edge: float = 0.0, softness: float = 0.1) -> NDArray[np.float64]:
    return 1 - depth / (1 + np.exp(-np.clip((across(angle) - edge) / softness * 4, -50, 50)))


class Light(NamedTuple):
    """Brighter on one side, darker in the corners, and a shadow that falls across."""

    gradient: float
    vignette: float
    depth: float
    angle: float
    other_angle: float
    edge: float
    softness: float

    @property
    def field(self) -> NDArray[np.float64]:
        corners = (across(0) ** 2 + across(np.pi / 2) ** 2) / 2
        slope = 1 - self.gradient * (across(self.angle) + 1) / 2
        return (
            slope
            * (1 - self.vignette * corners)
            * shadow(self.other_angle, self.depth, self.edge, self.softness)
        )


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
    seen = photo.read(encoded(on_paper(drawn(digit, 0.05), noise=4), "JPEG", quality=quality))
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


def test_the_canvas_is_black_where_there_is_no_ink_and_has_grey_edges() -> None:
    canvas = photo.canvas(on_paper(drawn(8, 0.05), light=shadow(0.5, 0.4), noise=4))
    grey = canvas[..., 0]
    np.testing.assert_array_equal(canvas, np.dstack([grey, grey, grey, np.full_like(grey, 255)]))
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    assert border.max() == 0
    assert grey.max() == 255
    assert 0 < np.mean((grey > 0) & (grey < 255)) < 0.2


def test_the_steps_show_the_light_the_ink_against_it_and_the_canvas() -> None:
    light = shadow(0, 0.4)
    share = drawn(6)
    steps = photo.steps(on_paper(share, light=light))
    assert list(steps) == ["light", "contrast", "ink"]
    assert {step.dtype for step in steps.values()} == {np.dtype(np.uint8)}
    away = across(0)[0] ** 2 > 0.05  # at the shadow's edge the small copy blurs
    assert np.abs(steps["light"][:, away] / (231 * light)[:, away] - 1).max() < 0.1
    assert np.abs(steps["contrast"] / 255 - share).mean() < 0.03
    np.testing.assert_array_equal(steps["ink"], photo.canvas(on_paper(share, light=light))[..., 0])


# --------------------------------------------------------------------------- nothing on the paper


@given(lights, st.floats(0, 8), st.sampled_from([WHITE, (140, 140, 135), BOARD, (0, 0, 0), (255, 255, 255)]))
@settings(max_examples=20)
def test_blank_paper_is_empty_in_any_light(light: Light, noise: float, paper: tuple[int, ...]) -> None:
    noise = noise / 4 if paper == BOARD else noise  # which is a larger share of what is dark
    blank = on_paper(np.zeros((HEIGHT, WIDTH)), paper=paper, light=light.field, noise=noise)
    with pytest.raises(EmptyDrawing, match="No digit was found"):
        photo.canvas(blank)


def test_blank_paper_is_empty_after_jpeg() -> None:
    blank = on_paper(np.zeros((HEIGHT, WIDTH)), light=shadow(2, 0.5), noise=6)
    with pytest.raises(EmptyDrawing):
        photo.canvas(photo.read(encoded(blank, "JPEG", quality=50)))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=40)
def test_any_picture_gives_a_canvas_or_is_empty(height: int, width: int, seed: int, opaque: bool) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    picture[..., 3] |= np.uint8(255 * opaque)
    try:
        canvas = photo.canvas(picture)
    except EmptyDrawing:
        return
    assert canvas_to_image(canvas).max() == 255


@pytest.mark.parametrize(
    "wrong", [np.zeros((28, 28), np.uint8), np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9, 4)),
              np.zeros((0, 9, 4), np.uint8)]
)  # fmt: skip
def test_what_is_no_photo_is_refused_with_its_shape(wrong: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 4\), but this one is"):
        photo.canvas(wrong)


# ------------------------------------------------------------------------------------------ files


def encoded(picture: Photo | Image.Image, kind: str, **options: object) -> bytes:
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    (picture.convert("RGB") if kind == "JPEG" and picture.mode == "RGBA" else picture).save(
        file, kind, **options
    )
    return file.getvalue()


SEEN = on_paper(drawn(4))


def test_png_and_lossless_webp_come_back_to_the_pixel_and_jpeg_nearly() -> None:
    np.testing.assert_array_equal(photo.read(encoded(SEEN, "PNG")), SEEN)
    np.testing.assert_array_equal(photo.read(encoded(SEEN, "WEBP", lossless=True)), SEEN)
    assert np.abs(photo.read(encoded(SEEN, "JPEG", quality=95)).astype(int) - SEEN).mean() < 3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_mode_of_a_file_is_read_as_the_same_digit(mode: str) -> None:
    grey = Image.fromarray(SEEN[..., 1])
    if mode == "I;16":
        picture = Image.fromarray(SEEN[..., 1].astype(np.uint16) * 257)
    else:
        # A bit is ink or paper here, not a share of dots.
        picture = (
            grey.convert(mode, dither=Image.Dither.NONE) if mode == "1" else grey.convert("RGB").convert(mode)
        )
    assert picture.mode == mode
    pixels = photo.read(encoded(picture, "JPEG" if mode == "CMYK" else "PNG"))
    assert (pixels.shape, pixels.dtype) == (SEEN.shape, np.uint8)
    assert difference(image(pixels), image(SEEN)) < SAME


def test_a_palette_may_have_a_transparent_colour() -> None:
    sheet = Image.fromarray(np.rint(drawn(4) * 255).astype(np.uint8)).convert("P")
    pixels = photo.read(encoded(sheet, "PNG", transparency=bytes([0] + [255] * 255)))
    assert pixels[0, 0, 3] == 0
    assert difference(image(pixels), image(SEEN)) < SAME


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_comes_upright_as_its_exif_data_say(kind: str, orientation: int) -> None:
    # How to store it so that the orientation, as the EXIF standard has it, brings it upright.
    stored: dict[int, Callable[[Photo], Photo]] = {
        1: lambda seen: seen, 2: np.fliplr, 3: lambda seen: np.rot90(seen, 2), 4: np.flipud,
        5: lambda seen: seen.swapaxes(0, 1), 6: np.rot90, 7: lambda seen: np.rot90(seen, 2).swapaxes(0, 1),
        8: lambda seen: np.rot90(seen, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = photo.read(encoded(np.ascontiguousarray(stored[orientation](SEEN)), kind, exif=exif))
    assert pixels.shape == SEEN.shape
    assert np.abs(pixels.astype(int) - SEEN).mean() < 3


def test_damaged_exif_data_leave_the_photo_as_it_lies() -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(range(40))
    assert photo.read(encoded(SEEN, "JPEG", exif=exif)).shape == SEEN.shape


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_read(kind: str) -> None:
    frames = [Image.fromarray(on_paper(drawn(digit))) for digit in (4, 7)]
    animation = encoded(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    np.testing.assert_array_equal(photo.read(animation)[..., :3], SEEN[..., :3])


@pytest.mark.parametrize("size", [(4000, 3000), (3000, 4000)])
def test_a_photo_of_12_megapixels_is_reduced(size: tuple[int, int]) -> None:
    pixels = photo.read(encoded(Image.fromarray(SEEN).resize(size, Image.Resampling.BICUBIC), "JPEG"))
    assert pixels.shape == (size[1] // 5, size[0] // 5, 4)
    expected = np.asarray(
        Image.fromarray(SEEN).resize((size[0] // 5, size[1] // 5), Image.Resampling.BICUBIC)
    )
    assert np.abs(pixels.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_what_has_no_opacity_is_made_smaller_as_what_has(mode: str) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (1700, 1300, 3), np.uint8)).convert(
        mode
    )
    pixels = photo.read(encoded(picture, "PNG"))
    assert np.abs(pixels.astype(int) - photo.read(encoded(picture.convert("RGBA"), "PNG"))).max() <= 1


def test_a_photo_much_longer_than_high_is_read_at_its_length() -> None:
    assert photo.read(encoded(Image.new("L", (5000, 250)), "PNG")).shape == (40, 800, 4)


# -------------------------------------------------------------------------------- what is refused


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int) -> bytes:
    """The beginning of a PNG that claims to be so large, and has no pixels."""
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return start + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(5001, 5000), (12_000, 12_000), (100_000, 100_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_from_the_header(size: tuple[int, int]) -> None:
    with pytest.raises(NoPhoto, match="more than 25 megapixels"):
        photo.read(header(*size))


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((20_000, 2), "20,000×2 pixels"), ((1, 25_000_000), "1×25,000,000 pixels"),
        ((1, 21), "1×21 pixels"), ((8001, 400), "8,001×400 pixels"),
    ],
)  # fmt: skip
def test_a_strip_is_refused_from_the_header(size: tuple[int, int], words: str) -> None:
    with pytest.raises(NoPhoto, match=rf"{words}\. One side is more than 20 times as long as the other"):
        photo.read(header(*size))


def test_as_many_pixels_as_are_allowed_are_no_reason_to_refuse() -> None:
    with pytest.raises(NoPhoto, match="PNG file is damaged"):
        photo.read(header(5000, 5000))


def test_more_than_10_mb_are_refused_whatever_they_are() -> None:
    data = encoded(SEEN, "PNG")
    assert photo.read(data + bytes(photo.MOST_BYTES - len(data))).shape == SEEN.shape
    with pytest.raises(NoPhoto, match=r"has 12\.0 MB; at most 10 MB are allowed"):
        photo.read(data + bytes(12_000_000 - len(data)))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (encoded(SEEN, "GIF"), "GIF"),
        (encoded(SEEN, "BMP"), "BMP"),
        (encoded(SEEN, "TIFF"), "TIFF"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"a digit", "of an unknown kind"),
        (b"", "of an unknown kind"),
    ],
)
def test_other_files_are_refused_by_their_kind(data: bytes, kind: str) -> None:
    with pytest.raises(NoPhoto, match=rf"\({kind}, {len(data):,} bytes\) is not a PNG, JPEG or WebP image"):
        photo.read(data)


SMALL = on_paper(drawn(4))[100:200:4, 150:250:4]
FILES = [
    encoded(SMALL, "PNG"),
    encoded(SMALL, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"),
    encoded(SMALL, "JPEG", progressive=True),
    encoded(SMALL, "WEBP"),
    encoded(SMALL, "WEBP", lossless=True),
    encoded(Image.fromarray(SMALL).convert("P"), "PNG", transparency=0),
    encoded(Image.fromarray(SMALL[..., 0].astype(np.uint16) * 257), "PNG"),
    encoded(Image.fromarray(SMALL), "PNG", save_all=True, append_images=[Image.fromarray(SMALL[::-1])]),
]


def is_read_or_refused(data: bytes) -> None:
    try:
        pixels = photo.read(data)
    except NoPhoto:
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape[2:] == (4,)
    assert 0 < max(pixels.shape) <= photo.SIDE


@given(st.sampled_from(FILES), st.data())
@settings(max_examples=20)
def test_a_file_that_is_cut_short_is_read_or_refused(file: bytes, data: st.DataObject) -> None:
    is_read_or_refused(file[: data.draw(st.integers(0, len(file)))])


@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), min_size=1, max_size=6),
)
@settings(max_examples=100)
def test_a_file_with_some_bytes_changed_is_read_or_refused(
    file: bytes, flips: list[tuple[float, int]]
) -> None:
    damaged = bytearray(file)
    for place, flip in flips:
        damaged[int(place * len(file))] ^= flip
    is_read_or_refused(bytes(damaged))


@given(
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBP"]),
    st.binary(max_size=300),
)
@settings(max_examples=20)
def test_random_bytes_are_read_or_refused(start: bytes, rest: bytes) -> None:
    is_read_or_refused(start + rest)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"tRNS", b"PLTE", b"iCCP", b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"gAMA", b"cHRM",
                             b"pHYs", b"acTL", b"fcTL", b"fdAT", b"IDAT", b"IHDR", b"IEND", b"sRGB"]),
            st.binary(max_size=40),
        ),
        max_size=4,
    )
)  # fmt: skip
@settings(max_examples=20)
def test_a_png_with_odd_chunks_is_read_or_refused(chunks: list[tuple[bytes, bytes]]) -> None:
    first = 8 + 25  # the signature and the header
    odd = b"".join(chunk(*parts) for parts in chunks)
    is_read_or_refused(FILES[0][:first] + odd + FILES[0][first:])
