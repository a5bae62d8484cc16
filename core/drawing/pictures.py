"""Read a picture that a person brings, from the bytes of a file: a drawing, screenshot, scan or photo."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from core.i18n import _
from core.lazy import pi_heif

MOST_BYTES = 40_000_000
MOST_PIXELS = 50_000_000
MOST_TIMES = 20  # the largest ratio of the longer side to the shorter side
TYPES = ("png", "jpg", "jpeg", "webp", "heic", "heif")  # the endings of the files
SIDE = 1200  # pixels: the maximum of the longer side of a picture after reading

# The formats of Pillow by the first bytes of a file.
_FORMATS = {"PNG": "PNG", "JPEG": "JPEG", "WEBP": "WEBP", "HEIC": "HEIF"}
# The first bytes of other files that people may upload as pictures.
_OTHERS = {
    b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF": "PDF", b"\0\0\1\0": "ICO",
}  # fmt: skip
_HEIC = (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1")

# The errors of Pillow for a file that is damaged or is not an image.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
)

# Only one picture is read at a time, because a large one takes 200 MB, and `catch_warnings` is not
# thread-safe.
_reading = threading.Lock()


class NoPicture(ValueError):
    """The file is not a picture of an allowed kind, is damaged or is too large."""


class Picture(NamedTuple):
    """A picture, upright.

    Attributes:
        pixels: uint8 ``(H, W, 4)``, red, green, blue and opacity. The longer side is at most `SIDE`.
        width, height: of the picture in the file, in pixels.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int


def read(data: bytes) -> Picture:
    """Read a picture from the bytes of a file, upright, and reduce it to at most 1,200 pixels.

    An animation is read as its first frame.

    Args:
        data: a PNG, JPEG, WebP or HEIC file of at most 40 MB and 50 megapixels, at most 20 times as long as
            wide.

    Raises:
        NoPicture: the file is of another kind, is damaged, or is too large.
    """
    if len(data) > MOST_BYTES:
        raise NoPicture(
            _(
                "This file has {size:.1f} MB; at most {most:.0f} MB are allowed. Make the picture smaller."
            ).format(size=len(data) / 1e6, most=MOST_BYTES / 1e6)
        )
    kind = _kind(data)
    if kind not in _FORMATS:
        raise NoPicture(
            _(
                "This file ({kind}, {n:,} bytes) is not a PNG, JPEG, WebP or HEIC image. Save it in one of "
                "these formats, or take another photo."
            ).format(kind=kind or _("of an unknown kind"), n=len(data))
        )
    if kind == "HEIC":
        pi_heif.register_heif_opener()
    with _reading, warnings.catch_warnings():
        # Pillow warns of damaged and of large images. They are refused here, with other messages.
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=(_FORMATS[kind],)) as image:
                if image.width * image.height <= MOST_PIXELS:
                    _check_shape(image)
                    return _picture(image)
        except NoPicture:
            raise
        except Image.DecompressionBombError:
            pass  # the limit of Pillow, which is higher
        except _BROKEN as error:
            raise NoPicture(
                _("This {kind} file is damaged or incomplete. Save it again, or take another photo.").format(
                    kind=kind
                )
            ) from error
    raise NoPicture(
        _("This picture has more than {most:.0f} megapixels. Make it smaller, then try again.").format(
            most=MOST_PIXELS / 1e6
        )
    )


def adjusted(
    pixels: NDArray[np.uint8],
    turns: int = 0,
    across: tuple[int, int] = (0, 100),
    down: tuple[int, int] = (0, 100),
) -> NDArray[np.uint8]:
    """Turn a picture, then crop it, as a person wants it.

    Args:
        pixels: uint8 ``(H, W, 4)``.
        turns: quarter turns, clockwise.
        across, down: what is kept from left to right and from top to bottom, in percent; at least one
            pixel.
    """
    turned = np.rot90(pixels, -turns)
    rows, columns = (
        slice(min(side * low // 100, side - 1), max(side * high // 100, side * low // 100 + 1))
        for side, (low, high) in zip(turned.shape, (down, across), strict=False)
    )
    return np.ascontiguousarray(turned[rows, columns])


def _picture(image: Image.Image) -> Picture:
    size = image.size
    reduced = _reduced(image)
    upright = _upright(reduced)
    width, height = (
        size if (upright.width > upright.height) == (reduced.width > reduced.height) else size[::-1]
    )
    return Picture(np.array(upright), width, height)


def _check_shape(image: Image.Image) -> None:
    """Refuse a long strip, which would have no width after the reduction, and takes much memory.

    Raises:
        NoPicture: the longer side is more than `MOST_TIMES` the shorter side.
    """
    if max(image.size) > MOST_TIMES * min(image.size):
        raise NoPicture(
            _(
                "This picture has {width:,}×{height:,} pixels. One side is more than {most} times as long as "
                "the other. Crop the picture to the digit, with some paper around it."
            ).format(width=image.width, height=image.height, most=MOST_TIMES)
        )


def _reduced(image: Image.Image) -> Image.Image:
    """Convert an image to RGBA, and reduce it by area averaging so that the longer side is at most `SIDE`."""
    scale = SIDE / max(image.size)
    # A JPEG can be decoded at a half, a quarter or an eighth of its size, which is faster. It is decoded at
    # twice the needed size, for the averaging. Other formats ignore this call.
    image.draft(None, (round(2 * scale * image.width), round(2 * scale * image.height)))
    if image.mode.startswith("I"):  # 16-bit grey values, which Pillow would clip at 255
        info = image.info  # with the orientation
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        image.info = info
    # An image without opacity takes a third of the memory if it is reduced first.
    opaque = image.mode in ("L", "RGB", "CMYK") and "transparency" not in image.info
    image = image if opaque else image.convert("RGBA")
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=None)
    return image.convert("RGBA")


def _upright(image: Image.Image) -> Image.Image:
    """Rotate the picture as its EXIF data say. If they are damaged, it is not changed."""
    with suppress(*_BROKEN):
        return ImageOps.exif_transpose(image)
    return image


def _kind(data: bytes) -> str:
    """The kind of a file, from its first bytes; "" if it is unknown."""
    if data[4:12].startswith(_HEIC):
        return "HEIC"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    known = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", **_OTHERS}
    return next((kind for start, kind in known.items() if data.startswith(start)), "")
