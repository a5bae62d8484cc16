"""Find the digit in a photo of paper or of a blackboard, and draw it on a clean canvas.

The canvas is the input of `core.drawing.preprocess`.

The brightness in a photo is the brightness of the paper multiplied by the light. So the paper without the ink
is estimated, and the photo is divided by it. The result is the contrast of the ink, which does not depend on
the light.
"""

from __future__ import annotations

import io
import math
import struct
import threading
import warnings
import zlib
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from core.drawing.preprocess import TOUCHING, EmptyDrawing
from core.drawing.strokes import PEN
from core.i18n import _
from core.lazy import ndimage

MOST_BYTES = 10_000_000
MOST_PIXELS = 25_000_000
MOST_TIMES = 20  # the largest ratio of the longer side to the shorter side
FORMATS = ("PNG", "JPEG", "WEBP")
SIDE = 800  # pixels: the maximum of the longer side of a photo after reading

# Ink reduces the brightness of the paper by at least this share, and chalk increases it by this share. Thin
# pencil reduces it by a third. Creases, and ink that shines through, reduce it by a tenth.
FAINTEST = 0.1
NOISE = 6  # standard deviations of the noise: a smaller contrast is paper
LIGHTER = 0.6  # a stroke continues where its contrast is at least this share of the threshold

# Lengths as shares of the longer side of the photo.
_WINDOW = 0.25  # wider than a stroke, also where two strokes cross
_STRIP = 0.3  # wider than the visible part of the table
_BLUR = 1 / 800  # reduces noise; a thin pen is three times as wide
_RIM = 2 / 800  # the width of the grey edge of a stroke
_LEAST = 0.01  # the longer side of the smallest digit
_INNER = 0.06  # the longer side of a digit, if something else touches the border
# As a share of the longer side of the digit: shorter pieces are specks. The parts of a digit are longer.
_SPECK = 0.1
# A shadow may end at the border. So ink at the border must reduce the brightness by this share.
_SURE = 0.3
# At the border, an area with less than this share of the brightness next to it is the table.
_TABLE = 0.4
_DARK = 0.1  # as a share of white: darker paper counts as this dark
_SMALL = 240  # pixels: the longer side of the copy on which the paper is estimated
_DIGIT = 400  # pixels: the maximum of the longer side of the digit on the canvas

# The first bytes of other files that people may upload as photos.
_OTHERS = {
    b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF": "PDF", b"\0\0\1\0": "ICO",
}  # fmt: skip
_HEIF = (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1")

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
    struct.error,
    zlib.error,
)

# Only one photo is read at a time, because a large one takes 100 MB and `catch_warnings` is not thread-safe.
_reading = threading.Lock()

Plane = NDArray[np.float32]  # (H, W)
Planes = NDArray[np.float32]  # (3, H, W): red, green and blue, 0 to 1
Mask = NDArray[np.bool_]  # (H, W)
Sign = Literal[-1, 1]  # ink darkens the paper, or chalk brightens the board


class NoPhoto(ValueError):
    """The file is not a photo of an allowed kind, is damaged or is too large."""


class Paper(NamedTuple):
    """The paper in a small copy of the photo, without the ink."""

    levels: Planes
    table: Mask  # the areas along the border that are not paper


# Reading


def read(data: bytes) -> NDArray[np.uint8]:
    """Read a photo from the bytes of a file, upright, at most 800 pixels high and wide.

    An animation is read as its first frame.

    Args:
        data: a PNG, JPEG or WebP file of at most 10 MB and 25 megapixels, at most 20 times as long as wide.

    Returns:
        uint8 ``(H, W, 4)``: red, green, blue and opacity.

    Raises:
        NoPhoto: the file is of another kind, is damaged, or is too large.
    """
    if len(data) > MOST_BYTES:
        raise NoPhoto(
            _(
                "This file has {size:.1f} MB; at most {most:.0f} MB are allowed. Make the photo smaller."
            ).format(size=len(data) / 1e6, most=MOST_BYTES / 1e6)
        )
    with _reading, warnings.catch_warnings():
        # Pillow warns of damaged and of large images. They are refused here, with other messages.
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height <= MOST_PIXELS:
                    _check_shape(image)
                    return np.array(_upright(_reduced(image)))
        except NoPhoto:
            raise
        except Image.DecompressionBombError:
            pass  # the limit of Pillow, which is higher
        except _BROKEN as error:
            raise NoPhoto(_refusal(data)) from error
    raise NoPhoto(
        _("This photo has more than {most:.0f} megapixels. Make it smaller, then upload it again.").format(
            most=MOST_PIXELS / 1e6
        )
    )


def _check_shape(image: Image.Image) -> None:
    """Refuse a long strip, which would have no width after the reduction, and takes much memory.

    Raises:
        NoPhoto: the longer side is more than `MOST_TIMES` the shorter side.
    """
    if max(image.size) > MOST_TIMES * min(image.size):
        raise NoPhoto(
            _(
                "This photo has {width:,}×{height:,} pixels. One side is more than {most} times as long as "
                "the other. Crop the photo to the digit, with some paper around it."
            ).format(width=image.width, height=image.height, most=MOST_TIMES)
        )


def _reduced(image: Image.Image) -> Image.Image:
    """Convert an image to RGBA, and reduce it by area averaging so that the longer side is at most `SIDE`."""
    scale = SIDE / max(image.size)
    # A JPEG can be decoded at a half, a quarter or an eighth of its size, which is faster. It is decoded at
    # twice the needed size, for the averaging. Other formats ignore this call.
    image.draft(None, (round(2 * scale * image.width), round(2 * scale * image.height)))
    if image.mode.startswith("I"):  # 16-bit grey values, which Pillow would clip at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    # An image without opacity takes a third of the memory if it is reduced first.
    opaque = image.mode in ("L", "RGB") and "transparency" not in image.info
    image = image if opaque else image.convert("RGBA")
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=None)
    return image.convert("RGBA")


def _upright(image: Image.Image) -> Image.Image:
    """Rotate the photo as its EXIF data say. If they are damaged, it is not changed."""
    with suppress(*_BROKEN):
        return ImageOps.exif_transpose(image)
    return image


def _refusal(data: bytes) -> str:
    kind = _kind(data)
    if kind in FORMATS:
        return _("This {kind} file is damaged or incomplete. Save it again, or take another photo.").format(
            kind=kind
        )
    return _(
        "This file ({kind}, {n:,} bytes) is not a PNG, JPEG or WebP image. Save it in one of these "
        "formats, or take another photo."
    ).format(kind=kind or _("of an unknown kind"), n=len(data))


def _kind(data: bytes) -> str:
    """The kind of a file, from its first bytes; "" if it is unknown."""
    if data[4:12].startswith(_HEIF):
        return "HEIC"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    known = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", **_OTHERS}
    return next((kind for start, kind in known.items() if data.startswith(start)), "")


# Finding the ink


def canvas(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The digit in a photo, white on black, cropped, with strokes as wide as in MNIST.

    Args:
        photo: uint8 ``(H, W, 4)``, as from `read`.

    Returns:
        uint8 ``(h, w, 4)``, at most about 500 pixels high and wide. Paper is exactly 0, and edges are grey.

    Raises:
        EmptyDrawing: there is no ink on the paper.
        ValueError: the array has another dtype or shape.
    """
    grey = steps(photo)["ink"]
    return np.dstack([grey, grey, grey, np.full_like(grey, 255)])


def steps(photo: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """The steps of `canvas` as images.

    Args:
        photo: uint8 ``(H, W, 4)``.

    Returns:
        uint8 by the step's name, in order: ``light`` ``(H, W)``, the paper without the ink;
        ``contrast`` ``(H, W)``, how much each pixel differs from it; ``ink`` ``(h, w)``, the canvas.

    Raises:
        EmptyDrawing, ValueError: like `canvas`.
    """
    if photo.ndim != 3 or photo.shape[2] != 4 or photo.dtype != np.uint8 or not photo.size:
        raise ValueError(
            _("A photo must be a uint8 array of shape (H, W, 4), but this one is {dtype} {shape}.").format(
                dtype=photo.dtype, shape=photo.shape
            )
        )
    levels = _levels(photo)
    small = _small(levels)
    papers: dict[Sign, Paper] = {-1: paper(small, -1), 1: paper(small, 1)}
    sign = polarity(small, papers)
    contrasts = contrast(levels, papers[sign], sign)
    digit, floor = strokes(contrasts)
    if not digit.any():
        raise EmptyDrawing(
            _(
                "No digit was found in this photo. Write one large, dark digit, and take the photo from "
                "close by."
            )
        )
    return {
        "light": _picture(_resized(papers[sign].levels, contrasts.shape).mean(axis=0)),
        "contrast": _picture(contrasts / contrasts.max()),
        "ink": _picture(thicken(_fitted(_grey(contrasts, digit, floor)))),
    }


def _picture(plane: Plane) -> NDArray[np.uint8]:
    return np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8)


def _levels(photo: NDArray[np.uint8]) -> Planes:
    """Red, green and blue, slightly blurred. Ink on a transparent background becomes black on white."""
    image = Image.fromarray(photo)
    border = np.concatenate([photo[0], photo[-1], photo[:, 0], photo[:, -1]])[:, 3]
    if np.median(border) < 128:
        image = ImageOps.invert(image.getchannel("A")).convert("RGB")
    else:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    image = image.filter(ImageFilter.GaussianBlur(_BLUR * max(image.size)))
    return np.moveaxis(np.asarray(image), 2, 0).astype(np.float32) / np.float32(255)


def _small(levels: Planes) -> Planes:
    height, width = levels.shape[1:]
    scale = min(1, _SMALL / max(height, width))
    return _resized(levels, (max(1, round(height * scale)), max(1, round(width * scale))))


def _resized(planes: Planes, shape: tuple[int, ...]) -> Planes:
    """Resize by area averaging if the result is smaller, otherwise by interpolation."""
    kernel = Image.Resampling.BOX if shape < planes.shape[1:] else Image.Resampling.BILINEAR
    height, width = shape
    return np.stack([np.asarray(Image.fromarray(plane).resize((width, height), kernel)) for plane in planes])


def paper(small: Planes, sign: Sign) -> Paper:
    """Estimate the paper without the ink, by a morphological closing (or an opening, for chalk).

    A closing (a maximum filter, then a minimum filter) removes dark lines that are narrower than its window.
    It keeps gradients, and the edges of shadows.

    Args:
        small: the levels of the photo, about 160 pixels high or wide.
        sign: -1 if the ink is darker than the paper, 1 if it is lighter.
    """
    calm = ndimage.median_filter(small, (1, 3, 3))
    levels = _closed(calm, _WINDOW, sign, mode="edge")
    # With paper around the photo, a dark strip along the border is removed as well.
    blank = 1 if sign < 0 else 0
    beyond = _closed(calm, _STRIP, sign, mode="constant", constant_values=blank).mean(axis=0)
    level = levels.mean(axis=0)
    table = level < _TABLE * beyond if sign < 0 else beyond < _TABLE * level
    return Paper(levels, ndimage.binary_dilation(table, TOUCHING, iterations=3))


def _closed(planes: Planes, window: float, sign: Sign, **around: Any) -> Planes:
    """A closing or, for chalk, an opening. `around` is the mode of `np.pad`."""
    width = round(window * max(planes.shape[1:])) | 1
    padded = np.pad(planes, ((0, 0), (width, width), (width, width)), **around)
    operation = ndimage.grey_closing if sign < 0 else ndimage.grey_opening
    closed: Planes = operation(padded, (1, width, width))[:, width:-width, width:-width]
    return np.ascontiguousarray(closed)


def polarity(small: Planes, papers: dict[Sign, Paper]) -> Sign:
    """Whether the photo has dark ink on light paper (-1), or chalk on a blackboard (1).

    The search for dark and for light lines finds the ink, and also the gaps in the ink, such as the hole of
    a 0. A gap is as bright as the paper outside the strokes, but ink is not.
    """
    masks = {sign: strokes(contrast(small, paper, sign))[0] for sign, paper in papers.items()}
    unclear = np.logical_or.reduce([*masks.values(), *(paper.table for paper in papers.values())])
    level = ndimage.median_filter(small.mean(axis=0), 3)
    # The nearest pixel that is certainly paper has the same light.
    nearest = ndimage.distance_transform_edt(
        ndimage.binary_dilation(unclear, iterations=2), return_distances=False, return_indices=True
    )
    plain = level[tuple(nearest)]
    change = (level - plain) / np.maximum(np.maximum(level, plain), 1e-6)
    return max((-1, 1), key=lambda sign: _evidence(sign * change, masks[sign]))


def _evidence(change: Plane, mask: Mask) -> float:
    """How strong the contrast in a mask is, and how similar its shape is to a line: long and thin."""
    if not mask.any():
        return 0.0
    reach = float(sum(map(np.ptp, np.nonzero(mask))))
    return max(0.0, float(change[mask].mean())) ** 2 * reach / math.sqrt(_width(mask))


def contrast(levels: Planes, paper: Paper, sign: Sign) -> Plane:
    """The share of the paper's brightness that ink removes, or chalk adds, float32 ``(H, W)``.

    The strongest of the three colours counts, so that blue and red ink have the same contrast as black ink.
    On the table, the contrast is 0.
    """
    shape = levels.shape[1:]
    bare = _resized(paper.levels, shape)
    # In the dark, the quantisation and the noise of the camera would be divided by nearly 0.
    change = (levels - bare) / np.maximum(bare, _DARK)
    strongest = np.maximum.reduce(list(sign * change))
    table = _resized(paper.table[None].astype(np.float32), shape)[0] > 0
    return np.where(table, np.float32(0), strongest - np.median(strongest))


def strokes(contrast: Plane) -> tuple[Mask, float]:
    """Find the strokes of the digit, and the smallest contrast of ink.

    Contrast below a minimum is noise or a faint line. Above the minimum, Otsu's threshold finds the ink. A
    stroke also includes weaker pixels that are connected with it.

    Args:
        contrast: float32 ``(H, W)``, about 0 on paper.

    Returns:
        The strokes, bool ``(H, W)``, all False if there is no ink; and the smallest contrast of ink.
    """
    # The median absolute deviation times 1.48 estimates the standard deviation of the paper's noise. Ink has
    # no effect on the median, because it covers few pixels.
    floor = max(FAINTEST, NOISE * 1.4826 * float(np.median(np.abs(contrast))))
    candidates = contrast[contrast > floor]
    if not candidates.size:
        return np.zeros(contrast.shape, np.bool_), floor
    threshold = max(floor, otsu(candidates))
    floor = max(floor, LIGHTER * threshold)
    labels, _n = ndimage.label(contrast > floor, TOUCHING)
    return _digit(labels, np.unique(labels[contrast >= threshold]), threshold >= _SURE), floor


def otsu(values: NDArray[np.float32]) -> float:
    """The threshold that separates two classes of values best.

    It maximises the variance between the classes, w₀w₁(μ₀ − μ₁)², where w is the share and μ the mean of a
    class (Otsu, "A threshold selection method from gray-level histograms", 1979).
    """
    counts, edges = np.histogram(values, 256)
    middles = (edges[1:] + edges[:-1]) / 2
    below, sums = counts.cumsum()[:-1], (counts * middles).cumsum()
    above = values.size - below
    means = sums[:-1] / np.maximum(below, 1), (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    between = below * above * (means[0] - means[1]) ** 2
    return float(edges[1:-1][between.argmax()])


def _digit(labels: NDArray[np.int32], strong: NDArray[np.int32], sure: bool) -> Mask:
    """Select the pieces of the digit: no specks, and nothing at the border unless there is nothing else."""
    side = max(labels.shape)
    length = np.zeros(labels.max() + 1)
    for piece, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        length[piece] = max(rows.stop - rows.start, columns.stop - columns.start)
    length[np.setdiff1d(np.arange(len(length)), strong)] = 0
    length[0] = 0  # number 0 is the paper
    inner = length.copy()
    inner[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = 0
    if inner.max() >= _INNER * side or not sure:
        length = inner
    digit: Mask = (length > max(_SPECK * length.max(), _LEAST * side))[labels]
    return digit


# Drawing it again


def _grey(contrast: Plane, digit: Mask, floor: float) -> Plane:
    """The ink of the digit, 0 to 1, cropped. It is proportional to the contrast, so that edges are grey."""
    rim = max(1, round(_RIM * max(digit.shape)))
    rows, columns = (np.flatnonzero(digit.any(axis=axis)) for axis in (1, 0))
    window = tuple(slice(max(0, inked[0] - rim), inked[-1] + 1 + rim) for inked in (rows, columns))
    contrast, digit = contrast[window], digit[window]
    full = np.float32(np.median(contrast[digit]))
    ink: Plane = np.clip((contrast - floor / 2) / (full - floor / 2), 0, 1)
    ink[ndimage.distance_transform_edt(~digit) > rim] = 0
    return ink


def _fitted(ink: Plane) -> Plane:
    """Reduce to at most `_DIGIT` pixels, which is enough for an image of 28×28 and is fast."""
    scale = min(1, _DIGIT / max(ink.shape))
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    fitted: Plane = _resized(ink[None], (height, width))[0]
    return fitted


def thicken(ink: Plane, pen: float = PEN) -> Plane:
    """Make thin strokes as wide as this pen, and add a border of paper.

    The strokes in MNIST are wide, and a network that was trained on them cannot classify thin lines well.

    Args:
        ink: float32 ``(H, W)``, 0 to 1.
        pen: the width as a share of the longer side of the digit, measured between the middles of strokes, as
            in `core.drawing.strokes`.
    """
    digit = ink > 1 / 3
    width = _width(digit)
    more = (pen * (max(ink.shape) - width) - width) / 2  # on either side
    border = max(0, round(more)) + 2
    ink, digit = np.pad(ink, border), np.pad(digit, border)
    if more <= 0:
        return ink
    wide: Plane = np.clip(more + 0.5 - ndimage.distance_transform_edt(~digit), 0, 1)
    return np.maximum(ink, wide)


def _width(digit: Mask) -> float:
    """The width of the strokes, in pixels. In a long strip, it is four times the mean distance to the paper.

    Distances are measured between pixels: they are 1 in a strip of one or two pixels. So 2 is subtracted.
    """
    inside = ndimage.distance_transform_edt(np.pad(digit, 1))
    return max(1.0, 4 * float(inside[inside > 0].mean()) - 2)
