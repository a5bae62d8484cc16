"""Files of pictures: every format and mode is read upright. What cannot be read is refused in a sentence."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.drawing import pictures
from core.drawing.pictures import NoPicture
from core.evaluation import numbers
from tests.support.photos import SAME, Photo, difference, drawn, encoded, on_paper

SEEN = on_paper(drawn(4))


# The same, as a phone writes it.
HEIC = (Path(__file__).parent / "four.heic").read_bytes()


def pixels_of(data: bytes) -> Photo:
    return pictures.read(data).pixels


def test_png_and_lossless_webp_come_back_to_the_pixel_and_jpeg_nearly() -> None:
    np.testing.assert_array_equal(pixels_of(encoded(SEEN, "PNG")), SEEN)
    np.testing.assert_array_equal(pixels_of(encoded(SEEN, "WEBP", lossless=True)), SEEN)
    assert np.abs(pixels_of(encoded(SEEN, "JPEG", quality=95)).astype(int) - SEEN).mean() < 3


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
    pixels = pixels_of(encoded(picture, "JPEG" if mode == "CMYK" else "PNG"))
    assert (pixels.shape, pixels.dtype) == (SEEN.shape, np.uint8)
    assert difference(numbers.one(pixels), numbers.one(SEEN)) < SAME


def test_a_palette_may_have_a_transparent_colour() -> None:
    sheet = Image.fromarray(np.rint(drawn(4) * 255).astype(np.uint8)).convert("P")
    pixels = pixels_of(encoded(sheet, "PNG", transparency=bytes([0] + [255] * 255)))
    assert pixels[0, 0, 3] == 0
    assert difference(numbers.one(pixels), numbers.one(SEEN)) < SAME


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
    pixels = pixels_of(encoded(np.ascontiguousarray(stored[orientation](SEEN)), kind, exif=exif))
    assert pixels.shape == SEEN.shape
    assert np.abs(pixels.astype(int) - SEEN).mean() < 3


def test_heic_is_read() -> None:
    picture = pictures.read(HEIC)
    assert (picture.width, picture.height) == SEEN.shape[1::-1]
    assert np.abs(picture.pixels.astype(int) - SEEN).mean() < 4


def test_the_size_is_that_of_the_upright_picture_in_the_file() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = pictures.read(encoded(Image.new("L", (3000, 2000)), "JPEG", exif=exif))
    assert (picture.width, picture.height) == (2000, 3000)
    assert picture.pixels.shape == (1200, 800, 4)


def test_a_picture_is_turned_clockwise_and_then_cropped() -> None:
    turned = pictures.adjusted(SEEN, 1)
    np.testing.assert_array_equal(turned, np.rot90(SEEN, -1))
    cropped = pictures.adjusted(SEEN, 1, (25, 75), (10, 100))
    np.testing.assert_array_equal(cropped, turned[32:320, 60:180])


@given(st.integers(0, 3), *[st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted)] * 2)
@settings(max_examples=30)
def test_something_is_left_of_every_crop(turns: int, across: list[int], down: list[int]) -> None:
    cropped = pictures.adjusted(SEEN[:30, :7], turns, (across[0], across[1]), (down[0], down[1]))
    assert min(cropped.shape) > 0


def test_damaged_exif_data_leave_the_photo_as_it_lies() -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(range(40))
    assert pixels_of(encoded(SEEN, "JPEG", exif=exif)).shape == SEEN.shape


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_read(kind: str) -> None:
    frames = [Image.fromarray(on_paper(drawn(digit))) for digit in (4, 7)]
    animation = encoded(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    np.testing.assert_array_equal(pixels_of(animation)[..., :3], SEEN[..., :3])


@pytest.mark.parametrize("size", [(4000, 3000), (3000, 4000)])
def test_a_photo_of_12_megapixels_is_reduced(size: tuple[int, int]) -> None:
    pixels = pixels_of(encoded(Image.fromarray(SEEN).resize(size, Image.Resampling.BICUBIC), "JPEG"))
    assert pixels.shape == (size[1] * 3 // 10, size[0] * 3 // 10, 4)
    expected = np.asarray(
        Image.fromarray(SEEN).resize((size[0] * 3 // 10, size[1] * 3 // 10), Image.Resampling.BICUBIC)
    )
    assert np.abs(pixels.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_what_has_no_opacity_is_made_smaller_as_what_has(mode: str) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (1700, 1300, 3), np.uint8)).convert(
        mode
    )
    pixels = pixels_of(encoded(picture, "PNG"))
    assert np.abs(pixels.astype(int) - pixels_of(encoded(picture.convert("RGBA"), "PNG"))).max() <= 1


def test_a_photo_much_longer_than_high_is_read_at_its_length() -> None:
    assert pixels_of(encoded(Image.new("L", (5000, 250)), "PNG")).shape == (60, 1200, 4)


# -------------------------------------------------------------------------------- what is refused


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int) -> bytes:
    """The beginning of a PNG that claims to be so large, and has no pixels."""
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return start + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(7072, 7072), (12_000, 12_000), (100_000, 100_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_from_the_header(size: tuple[int, int]) -> None:
    with pytest.raises(NoPicture, match="more than 50 megapixels"):
        pixels_of(header(*size))


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((20_000, 2), "20,000×2 pixels"), ((1, 25_000_000), "1×25,000,000 pixels"),
        ((1, 21), "1×21 pixels"), ((8001, 400), "8,001×400 pixels"),
    ],
)  # fmt: skip
def test_a_strip_is_refused_from_the_header(size: tuple[int, int], words: str) -> None:
    with pytest.raises(NoPicture, match=rf"{words}\. One side is more than 20 times as long as the other"):
        pixels_of(header(*size))


def test_as_many_pixels_as_are_allowed_are_no_reason_to_refuse() -> None:
    with pytest.raises(NoPicture, match="PNG file is damaged"):
        pixels_of(header(8000, 6000))


def test_more_than_40_mb_are_refused_whatever_they_are() -> None:
    data = encoded(SEEN, "PNG")
    assert pixels_of(data + bytes(pictures.MOST_BYTES - len(data))).shape == SEEN.shape
    with pytest.raises(NoPicture, match=r"has 42\.0 MB; at most 40 MB are allowed"):
        pixels_of(data + bytes(42_000_000 - len(data)))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (encoded(SEEN, "GIF"), "GIF"),
        (encoded(SEEN, "BMP"), "BMP"),
        (encoded(SEEN, "TIFF"), "TIFF"),
        (b"%PDF-1.7\n", "PDF"),
        (b"a digit", "of an unknown kind"),
        (b"", "of an unknown kind"),
    ],
)
def test_other_files_are_refused_by_their_kind(data: bytes, kind: str) -> None:
    with pytest.raises(
        NoPicture, match=rf"\({kind}, {len(data):,} bytes\) is not a PNG, JPEG, WebP or HEIC image"
    ):
        pixels_of(data)


SMALL = on_paper(drawn(4))[100:200:4, 150:250:4]
FILES = [
    HEIC,
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
        pixels = pixels_of(data)
    except NoPicture:
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape[2:] == (4,)
    assert 0 < max(pixels.shape) <= pictures.SIDE


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
    st.sampled_from(
        [
            b"",
            b"\xff\xd8\xff",
            b"\x89PNG\r\n\x1a\n",
            b"RIFF\x40\0\0\0WEBP",
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        ]
    ),
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
