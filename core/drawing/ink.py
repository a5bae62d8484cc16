"""Find the ink in a picture: a drawing, a screenshot, a scan, or a photo of paper or of a blackboard.

The brightness in a photo is the brightness of the paper multiplied by the light. So the paper without the ink
is estimated, and the picture is divided by it. The result is the contrast of the ink, which does not depend
on the light. The paper of a drawing has one colour, and its contrast is that of `core.drawing.preprocess`.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.drawing import preprocess
from core.drawing.preprocess import EmptyDrawing, Pieces
from core.drawing.strokes import PEN
from core.i18n import _
from core.lazy import cv2

# A picture that is no larger is a drawing: on it, noise, light and strokes have the same size.
SMALL = 64  # pixels: the longer side
# Ink changes the brightness of the paper by at least this share. Thin pencil changes it by a third. Creases,
# and ink that shines through, change it by a tenth.
FAINTEST = 0.1
NOISE = 6  # standard deviations of the noise: a smaller contrast is paper
_NOISY = 0.7  # as a share of the contrast of ink: noise that is as strong hides parts of it
# Two classes explain this share of the variance. They explain 0.64 of Gaussian noise, and 0.75 of even noise.
_CLASSES = 0.78
LIGHTER = 0.6  # a stroke continues where its contrast is at least this share of the threshold

# Lengths as shares of the longer side of the picture.
_WINDOW = 0.25  # wider than a stroke, also where two strokes cross
_STRIP = 0.3  # wider than the visible part of the table
_BLUR = 1 / 800  # reduces noise; a thin pen is three times as wide
_BLURRED = 4 / 800  # for coarse paper
_STRONGER = 2  # on coarse paper, ink is at least so many times as strong as on other paper
_RIM = 2 / 800  # the width of the grey edge of a stroke
_LEAST = 0.01  # the longer side of the smallest digit
_INNER = 0.06  # the longer side of a digit, if something else touches the border
# As a share of the longer side of the digit: shorter pieces are specks. The parts of a digit are longer.
_SPECK = 0.1
# At the border, an area with less than this share of the brightness next to it is the table.
_TABLE = 0.4
# A line on the paper is thinner than this share of the pen's width, or one of so many lines.
_THINNER = 0.7
_SEVERAL = 3
# The sides of a printed box are covered by this share, and its inside is filled by less than this share.
_STRAIGHT = 0.9
_FILLED = 0.3
_STANDS = 0.6  # of the height, if a digit stands on a line
_SUPPORT = 0.85  # the share of its length at which the ink of a line is found
_TILT = 0.15  # radians: how much a line may rise
_CANDIDATES = 200
_DARK = 0.1  # as a share of white: darker paper counts as this dark
_SOME = 400  # pixels: a median is that of the pixels of a copy with about this side
_COPY = 240  # pixels: the longer side of the copy on which the paper is estimated
_FLAT = 4  # levels of 255: the paper of a drawing varies by less
_EVEN = 0.12  # the light on a scan varies by less than this share

Plane = NDArray[np.float32]  # (H, W)
Planes = NDArray[np.float32]  # (H, W, 3): red, green and blue, 0 to 1
Mask = NDArray[np.bool_]  # (H, W)
Kind = Literal["drawing", "scan", "photo"]


class Line(NamedTuple):
    """A line on the paper: its pixels, bool ``(H, W)``, and how many pixels thick it is."""

    pixels: Mask
    thickness: int


class Ink(NamedTuple):
    """The ink in a picture.

    Attributes:
        ink: float32 ``(H, W)``, 0 (paper) to 255, as from `core.drawing.preprocess.ink`.
        taken_for: what the picture seems to be.
        light: whether the ink is lighter than the paper.
        more: the pixels that are missing on either side of a stroke, to make it as wide as MNIST's.
        paper: the paper without the ink, uint8 ``(H, W)``.
        contrast: how much each pixel differs from the paper, uint8 ``(H, W)``.
    """

    ink: Plane
    taken_for: Kind
    light: bool
    more: float
    paper: NDArray[np.uint8]
    contrast: NDArray[np.uint8]


def find(pixels: NDArray[np.uint8], light: bool | None = None) -> Ink:
    """Find the ink in a picture.

    Args:
        pixels: uint8 ``(H, W, 4)``.
        light: whether the ink is lighter than the paper; None to find it out.

    Raises:
        EmptyDrawing: there is no ink on the paper.
        ValueError: the array has another dtype or shape.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype != np.uint8 or not pixels.size:
        raise ValueError(
            _("A picture must be a uint8 array of shape (H, W, 4), but this one is {dtype} {shape}.").format(
                dtype=pixels.dtype, shape=pixels.shape
            )
        )
    place = _inside(pixels)
    if place is not None:
        inked = find(pixels[place], light)
        planes = (_back(plane, place, pixels) for plane in (inked.ink, inked.paper, inked.contrast))
        return Ink(next(planes), inked.taken_for, inked.light, inked.more, *planes)
    small = max(pixels.shape) <= SMALL
    if light is None and (small or _is_flat(pixels)):
        return _drawn(pixels, small)
    return _photographed(pixels, light)


def _inside(pixels: NDArray[np.uint8]) -> tuple[slice, slice] | None:
    """The picture within a frame of one colour, as around a screenshot; None if there is no frame."""
    difference = _difference(pixels)
    other = difference > max(_FLAT, difference.max() / 2)
    if other.mean() <= 0.5:
        return None
    rows, columns = (np.flatnonzero(other.mean(axis=axis) > 0.5) for axis in (1, 0))
    if not rows.size or not columns.size:
        return None
    place = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return place if pixels[place].shape != pixels.shape else None


def _back(plane: NDArray[Any], place: tuple[slice, slice], pixels: NDArray[np.uint8]) -> NDArray[Any]:
    whole = np.zeros(pixels.shape[:2], plane.dtype)
    whole[place] = plane
    return whole


def _border(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _difference(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How much each pixel differs from the border's median, uint8 ``(H, W)``."""
    paper = np.median(_border(pixels), axis=0).astype(np.uint8)
    return _most(cv2.absdiff(pixels, np.broadcast_to(paper, pixels.shape).copy()))


def _is_flat(pixels: NDArray[np.uint8]) -> bool:
    """Whether the paper has one colour, as in a drawing: along the border, and in most of the picture."""
    border = _border(pixels)
    paper = np.median(border, axis=0)
    if paper[3] < 128:
        return True
    if np.quantile(np.abs(border - paper).max(axis=1), 0.9) > _FLAT:
        return False
    difference = _difference(pixels)
    paper_like, ink_like = np.mean(difference <= _FLAT), np.mean(difference > difference.max() / 2)
    return bool(1 - paper_like - ink_like < max(0.05, 2 * ink_like))


def _drawn(pixels: NDArray[np.uint8], small: bool) -> Ink:
    try:
        contrast = preprocess.ink(pixels) / np.float32(255)
    except EmptyDrawing:
        raise _nothing() from None
    border = _border(pixels).astype(np.float32)
    level = float(np.median(border[:, :3].mean(axis=1))) if np.median(border[:, 3]) >= 128 else 255.0
    light = bool(pixels[..., :3][contrast > contrast.max() / 2].mean() > level)
    more = 0.0
    if small:
        # Only what is faint and stands alone is left out.
        pieces = preprocess.pieces(contrast)
        strongest = np.zeros(pieces.number + 1, np.float32)
        np.maximum.at(strongest, pieces.labels.ravel(), contrast.ravel())
        ink = np.where((strongest > strongest.max() / 2)[pieces.labels], contrast, np.float32(0))
    else:
        digits, _floor = _digits(contrast)
        ink = np.where(_distance(~digits) <= _rim(digits), contrast, np.float32(0))
        more = _missing(digits)
    paper = np.full(contrast.shape, round(level), np.uint8)
    return Ink(ink * np.float32(255), "drawing", light, more, paper, _picture(contrast))


def _photographed(pixels: NDArray[np.uint8], light: bool | None) -> Ink:
    levels = _levels(pixels)
    small = _resized(levels, min(1, _COPY / max(levels.shape)))
    if light is None:
        light = lighter(small)
    sheet, table = paper(small, light)
    contrasts = contrast(levels, sheet, table, light)
    blur = _BLUR * max(levels.shape)
    digits, floor = _digits(contrasts)
    # On coarse paper, the noise is as strong as ink. Where it is averaged, it is weaker.
    while _is_noisy(contrasts, digits) and blur < _BLURRED * max(levels.shape):
        blur *= 2
        contrasts = contrast(_blurred(levels, blur), sheet, table, light)
        digits, floor = _digits(contrasts, _STRONGER * FAINTEST)
    if not digits.any():
        raise _nothing()
    full = np.float32(np.median(contrasts[digits]))
    ink: Plane = np.clip((contrasts - floor / 2) / (full - floor / 2), 0, 1)
    ink[_distance(~digits) > _rim(digits)] = 0
    bare = sheet.mean(axis=2)[~table] if not table.all() else sheet.mean(axis=2)
    low, middle, high = np.quantile(bare, (0.05, 0.5, 0.95))
    kind: Kind = "scan" if high - low <= _EVEN * middle and not table.any() else "photo"
    return Ink(
        ink * np.float32(255), kind, light, _missing(digits),
        _picture(_scaled(sheet, contrasts.shape).mean(axis=2)), _picture(contrasts / contrasts.max()),
    )  # fmt: skip


def _nothing() -> EmptyDrawing:
    return EmptyDrawing(
        _(
            "No digit was found in this picture. Write one large, dark digit, and take the photo from close "
            "by."
        )
    )


def _picture(plane: Plane) -> NDArray[np.uint8]:
    return np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8)


def _median(plane: Plane) -> np.float32:
    step = 1 + max(plane.shape) // _SOME
    return np.float32(np.median(plane[::step, ::step]))


def _most(planes: NDArray[Any]) -> NDArray[Any]:
    """The largest of the colours. NumPy is many times slower along an axis of length 3."""
    most: NDArray[Any]
    most, *others = cv2.split(planes)
    for other in others:
        most = cv2.max(most, other)
    return most


def _rim(plane: NDArray[Any]) -> int:
    return max(1, round(float(_RIM * max(plane.shape))))


def _levels(pixels: NDArray[np.uint8]) -> Planes:
    """Red, green and blue, slightly blurred. Ink on a transparent background becomes black on white."""
    opacity = pixels[..., 3:] * np.float32(1 / 255)
    colour = pixels[..., :3] * np.float32(1 / 255)
    if np.median(_border(opacity)) < 0.5:
        colour = np.zeros_like(colour)
    levels: Planes = colour * opacity + (1 - opacity)
    return _blurred(levels, max(0.3, _BLUR * max(levels.shape)))


def _blurred(levels: Planes, blur: float) -> Planes:
    blurred: Planes = cv2.GaussianBlur(levels, (0, 0), blur)
    return blurred


def _is_noisy(contrast: Plane, digits: Mask) -> bool:
    return not digits.any() or _noise(contrast) > _NOISY * float(np.median(contrast[digits]))


def _noise(contrast: Plane) -> float:
    """The largest contrast of noise.

    Where ink covers much of the picture, as in a number that is cropped tight, the deviation is that of ink
    as well. But there, the contrasts of paper and of ink are two classes.
    """
    noise = NOISE * _deviation(contrast)
    threshold = _otsu(contrast)
    ink = contrast > threshold
    share = float(ink.mean())
    if noise > FAINTEST and 0 < share < 1:
        between = float(contrast[ink].mean() - contrast[~ink].mean())
        if share * (1 - share) * between**2 >= _CLASSES * float(contrast.var()):
            return min(noise, LIGHTER * threshold)
    return noise


def _deviation(contrast: Plane) -> float:
    """The standard deviation of the paper's noise, 1.48 times the median absolute deviation.

    Ink has no effect on the median, because it covers few pixels.
    """
    return 1.4826 * float(_median(np.abs(contrast)))


def _resized(planes: Planes, scale: float) -> Planes:
    size = [max(1, round(side * scale)) for side in planes.shape[:2]]
    return _scaled(planes, (size[0], size[1]))


def _scaled(planes: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Resize by area averaging if the result is smaller, otherwise by interpolation."""
    way = cv2.INTER_AREA if shape < planes.shape[:2] else cv2.INTER_LINEAR
    scaled: NDArray[Any] = cv2.resize(planes, (shape[1], shape[0]), interpolation=way)
    return scaled


def lighter(small: Planes) -> bool:
    """Whether the picture has chalk on a blackboard, or dark ink on light paper.

    Within a wide window, most pixels are paper. So the median is paper, whatever the ink.
    """
    grey = small.mean(axis=2)
    window = 2 * round(_WINDOW * max(grey.shape)) + 1
    # The median filter takes bytes.
    level = cv2.medianBlur(_picture(grey), window) / np.float32(255)
    change = (grey - level) / np.maximum(np.maximum(grey, level), _DARK)
    change[np.abs(change) < max(FAINTEST, NOISE * _deviation(change))] = 0
    return bool((np.maximum(change, 0) ** 2).sum() > (np.minimum(change, 0) ** 2).sum())


def paper(small: Planes, light: bool) -> tuple[Planes, Mask]:
    """Estimate the paper without the ink, by a morphological closing (or an opening, for chalk).

    A closing (a maximum filter, then a minimum filter) removes dark lines that are narrower than its window.
    It keeps gradients, and the edges of shadows.

    Args:
        small: the levels of the picture, about 240 pixels high or wide.
        light: whether the ink is lighter than the paper.

    Returns:
        The paper, and the areas along the border that are the table.
    """
    calm = cv2.medianBlur(small, 3)
    levels = _closed(calm, _WINDOW, light, cv2.BORDER_REPLICATE)
    # With paper around the picture, a dark strip along the border is removed as well.
    beyond = _closed(calm, _STRIP, light, cv2.BORDER_CONSTANT).mean(axis=2)
    level = levels.mean(axis=2)
    table = beyond < _TABLE * level if light else level < _TABLE * beyond
    return levels, cv2.dilate(table.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(np.bool_)


def _closed(planes: Planes, window: float, light: bool, border: int) -> Planes:
    """A closing or, for chalk, an opening."""
    width = round(window * max(planes.shape)) | 1
    blank = (0.0, 0.0, 0.0) if light else (1.0, 1.0, 1.0)
    padded = cv2.copyMakeBorder(planes, width, width, width, width, border, value=blank)
    way = cv2.MORPH_OPEN if light else cv2.MORPH_CLOSE
    closed = cv2.morphologyEx(padded, way, np.ones((width, width), np.uint8))
    return np.ascontiguousarray(closed[width:-width, width:-width])


def contrast(levels: Planes, sheet: Planes, table: Mask, light: bool) -> Plane:
    """The share of the paper's brightness that ink removes, or chalk adds, float32 ``(H, W)``.

    The strongest of the three colours counts, so that blue and red ink have the same contrast as black ink.
    On the table, the contrast is 0.
    """
    bare = _scaled(sheet, levels.shape)
    # In the dark, the quantisation and the noise of the camera would be divided by nearly 0.
    change = (levels - bare) / np.maximum(bare, _DARK)
    strongest = _most(change if light else -change)
    is_table = _scaled(table.astype(np.float32), levels.shape) > 0
    return np.where(is_table, np.float32(0), strongest - _median(strongest))


def _digits(contrast: Plane, faintest: float = FAINTEST) -> tuple[Mask, float]:
    """The strokes of the digits, and the smallest contrast of ink.

    Contrast below a minimum is noise or a faint line. Above the minimum, Otsu's threshold finds the ink. A
    stroke also includes weaker pixels that are connected with it.
    """
    floor = max(faintest, _noise(contrast))
    candidates = contrast[contrast > floor]
    if not candidates.size:
        return np.zeros(contrast.shape, np.bool_), floor
    faint = contrast > floor
    threshold = max(floor, _otsu(candidates))
    floor = max(floor, LIGHTER * threshold)
    mask = without_lines(contrast > floor, faint)
    pieces = preprocess.pieces(mask)
    strong = np.bincount(pieces.labels[contrast >= threshold], minlength=pieces.number + 1)[1:] > 0
    chosen = _chosen(pieces, strong, contrast.shape)
    digits: Mask = np.append(False, chosen)[pieces.labels]
    return digits, floor


def _otsu(values: NDArray[np.float32]) -> float:
    """Otsu's threshold, which separates two classes of values best."""
    low, high = float(values.min()), float(values.max())
    scaled = np.rint((values - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
    level, _binary = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(low + (level + 0.5) / 255 * (high - low))


def _chosen(pieces: Pieces, strong: Mask, shape: tuple[int, ...]) -> Mask:
    """The pieces that are digits: no specks, and nothing at the border that does not look like the rest."""
    side = max(shape)
    left, top, width, height = pieces.boxes.T
    length = np.where(strong & ~_boxes(pieces, shape), np.maximum(width, height), 0)
    outer = (left == 0) | (top == 0) | (left + width == shape[1]) | (top + height == shape[0])
    inner = np.where(outer, 0, length)
    if inner.size and inner.max() >= _INNER * side:
        tallest = height[inner.argmax()]
        alike = (height > 0.6 * tallest) & (height < 1.7 * tallest)
        length = np.where(outer & ~alike, 0, length)
    chosen: Mask = length > max(_SPECK * length.max(initial=0), _LEAST * side)
    return chosen


def _boxes(pieces: Pieces, shape: tuple[int, ...]) -> Mask:
    """The printed boxes: straight on four sides, and around a piece or of another height than the others."""
    left, top, width, height = pieces.boxes.T
    long = np.minimum(width, height) >= _INNER * max(shape)
    boxes = np.zeros(pieces.number, np.bool_)
    for piece in np.flatnonzero(long):
        x, y, w, h = pieces.boxes[piece]
        is_box = pieces.labels[y : y + h, x : x + w] == piece + 1
        down, across = max(1, h // 10), max(1, w // 10)
        sides = [
            is_box[:down].any(0),
            is_box[-down:].any(0),
            is_box[:, :across].any(1),
            is_box[:, -across:].any(1),
        ]
        if (
            min(side.mean() for side in sides) < _STRAIGHT
            or is_box[down:-down, across:-across].mean() > _FILLED
        ):
            continue
        inside = (left > x) & (top > y) & (left + width < x + w) & (top + height < y + h) & (height > h / 4)
        others = height[long & (np.arange(pieces.number) != piece)]
        boxes[piece] = inside.any() or (others.size > 0 and not 0.7 < h / others.max() < 1.4)
    return boxes


def without_lines(mask: Mask, faint: Mask) -> Mask:
    """The ink without the lines of ruled and squared paper, which go from side to side of the picture.

    They are thinner than the strokes of a pen, or there are several of them.

    Args:
        mask: the ink, bool ``(H, W)``.
        faint: the ink and what is fainter, in which the lines are found.
    """
    ink = faint.view(np.uint8)
    across = _lines(ink)
    down = [Line(line.pixels.T, line.thickness) for line in _lines(np.ascontiguousarray(ink.T))]
    if not across and not down:
        return mask
    rest = mask & ~np.logical_or.reduce([line.pixels for line in across + down])
    if not rest.any():
        return mask
    pen, several = _width(rest), len(across) + len(down) >= _SEVERAL
    # A stroke that goes from the left to the right side is no line if the digit is lost without it.
    stands = _tallest(rest) >= _STANDS * _tallest(mask)
    for line in across:
        if several or stands or line.thickness < _THINNER * pen:
            mask = mask & ~line.pixels
    for line in down:
        if several or line.thickness < _THINNER * pen:
            mask = mask & ~line.pixels
    return mask


def _tallest(mask: Mask) -> int:
    return int(preprocess.pieces(mask).boxes[:, 3].max(initial=0))


def _lines(ink: NDArray[np.uint8]) -> list[Line]:
    """The nearly horizontal lines from side to side, without the strokes that cross them."""
    height, width = ink.shape
    straight = cv2.HoughLines(
        ink,
        2,
        np.pi / 360,
        round(width * _SUPPORT / 2),
        min_theta=np.pi / 2 - _TILT,
        max_theta=np.pi / 2 + _TILT,
    )
    columns, reach = np.arange(width), max(3, height // 80)
    band = np.ones((2 * reach + 1, 1), np.uint8)
    offsets = np.arange(-reach, reach + 1)[:, None]
    edge = max(2, width // 50)
    lines: list[Line] = []
    near = cv2.dilate(ink, band)  # where there is ink above or below
    for distance, angle in [] if straight is None else straight[:_CANDIDATES, 0, :2]:
        row = np.rint((distance - columns * np.cos(angle)) / np.sin(angle)).astype(int)
        inside = (row >= 0) & (row < height)
        covered = near[row.clip(0, height - 1), columns][inside] > 0
        if (
            not covered.size
            or covered.mean() < _SUPPORT
            or not (covered[:edge].any() and covered[-edge:].any())
        ):
            continue
        rows = row + offsets
        pixels = np.zeros(ink.shape, np.bool_)
        pixels[rows.clip(0, height - 1), columns] = inside
        near[cv2.dilate(pixels.view(np.uint8), band) > 0] = 0
        pixels &= ink > 0
        # Where a stroke crosses the line, there is more ink above and below it.
        amounts = pixels.sum(axis=0)
        thickness = int(np.median(amounts[amounts > 0]))
        tall = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((thickness + thickness // 2 + 1, 1), np.uint8))
        lines.append(Line(pixels & (tall == 0), thickness))
    return lines


def _distance(mask: Mask) -> Plane:
    """The distance of each pixel of a mask to the nearest pixel that is not in it."""
    if mask.all():
        return np.full(mask.shape, np.inf, np.float32)
    inside: Plane = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return inside


# The pen


def _missing(digits: Mask, pen: float = PEN) -> float:
    """How many pixels are missing on either side of a stroke, to make it as wide as MNIST's; at least 0.

    The strokes in MNIST are wide, and a network that was trained on them cannot classify thin lines well.

    Args:
        digits: the strokes, bool ``(H, W)``.
        pen: the width as a share of the height of the tallest digit, measured between the middles of
            strokes, as in `core.drawing.strokes`.
    """
    _left, _top, width, height = preprocess.pieces(digits).boxes.T
    tallest = int(height.argmax())
    # A digit may be a little wider than its height. Digits that touch are much wider.
    side = max(height[tallest], min(width[tallest], 1.3 * height[tallest]))
    stroke = _width(digits)
    return float(max(0.0, (pen * (side - stroke) - stroke) / 2))


def _width(digits: Mask) -> float:
    """The width of the strokes, in pixels. In a long strip, it is four times the mean distance to the paper.

    Distances are measured between pixels: they are 1 in a strip of one or two pixels. So 2 is subtracted.
    """
    inside = _distance(np.pad(digits, 1))
    return max(1.0, 4 * float(inside[inside > 0].mean()) - 2)


def thicken(ink: Plane, more: float) -> Plane:
    """Make strokes wider on either side, and add a border of paper.

    Args:
        ink: float32 ``(H, W)``, 0 to 255.
        more: the pixels to add on either side, at least 0.
    """
    if more <= 0:
        return ink
    border = round(more) + 2
    ink = np.pad(ink, border)
    wide = np.clip(more + 0.5 - _distance(ink <= 85), 0, 1) * np.float32(255)
    thick: Plane = np.maximum(ink, wide)
    return thick
