"""Data augmentation: change each training image a little at random, so that the network generalises better.

The worker and the preview on a page use the same code, which needs only NumPy. Rotation, shear, zoom, shift
and the elastic distortion are combined into one map from each pixel to its position in the original. So each
image is resampled, and blurred, only once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.config import KNOBS, Amounts
from core.i18n import _

SIGMA = 4  # pixels; the smoothness of the elastic field
# The elastic field is a sum of Gaussian bumps of width SIGMA, at this distance in pixels. A smaller distance
# needs more random numbers, and the field does not become smoother.
SPACING = 5
# Images resampled at a time. The arrays for 64 images fit into a cache of 2 MB. In measurements, 32 to 128
# images were equally fast, and 256 images took twice as long per image.
CHUNK = 64

Size = tuple[int, ...]  # height and width, in pixels

NONE = Amounts()
MOST = Amounts(*(KNOBS[name].high for name in Amounts._fields))


class Changes(NamedTuple):
    """The random changes of n images.

    Attributes:
        rotation: float32 ``(n,)``, radians; positive is clockwise.
        shift: float32 ``(2, n)``, pixels down and to the right.
        zoom: float32 ``(n,)``, the scale factor.
        slope: float32 ``(n,)``, the shear: pixels to the right for each pixel down.
        thickness: float32 ``(n,)``, pixels.
        bumps: float32 ``(2, n, knots down, knots across)``, pixels: the heights of the bumps of the elastic
            fields, first downwards, then to the right. Without elastic distortion, ``(2, n, 0, 0)``.
    """

    rotation: NDArray[np.float32]
    shift: NDArray[np.float32]
    zoom: NDArray[np.float32]
    slope: NDArray[np.float32]
    thickness: NDArray[np.float32]
    bumps: NDArray[np.float32]

    def part(self, some: slice) -> Changes:
        """The changes of some of the images."""
        return Changes(
            self.rotation[some],
            self.shift[:, some],
            self.zoom[some],
            self.slope[some],
            self.thickness[some],
            self.bumps[:, some],
        )


def augment(images: NDArray[np.uint8], amounts: Amounts, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change each image at random.

    The thickness is changed first, because the strokes still have sharp edges then. After the resampling, a
    larger thickness would enlarge the blur, and a smaller thickness would remove faint strokes.

    Args:
        images: uint8 ``(n, height, width)``, or with colours ``(n, height, width, channels)``; 0 (paper) to
            255 (ink). The array is not changed.
        amounts: the largest changes. With `NONE`, the same array is returned.
        rng: the random generator. The same state gives the same result.

    Returns:
        uint8, the same shape. Areas from outside the image are paper.

    Raises:
        ValueError: the array has another dtype or shape, or an amount is not in the range from 0 to `MOST`.
    """
    _check(images, amounts)
    if amounts == NONE:
        return images
    changes = draw(len(images), amounts, rng, images.shape[1:3])
    moves = amounts._replace(thickness=0.0) != NONE
    result = np.empty_like(images, order="C")
    for start in range(0, len(images), CHUNK):
        some = slice(start, start + CHUNK)
        part = changes.part(some)
        ink: NDArray[np.uint8] | NDArray[np.float32] = images[some]
        if amounts.thickness:
            ink = thicken(images[some], part.thickness)
        if moves:
            ink = resample(ink, coordinates(part, images.shape[1:3]))
        # Interpolated values are within the range of the original values, so nothing has to be clipped.
        result[some] = np.rint(ink)
    return result


def _check(images: NDArray[np.uint8], amounts: Amounts) -> None:
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise ValueError(
            _(
                "Images must be a uint8 array of shape (n, height, width) or (n, height, width, channels), "
                "but these are {dtype} {shape}."
            ).format(dtype=images.dtype, shape=images.shape)
        )
    for name, amount, most in zip(Amounts._fields, amounts, MOST, strict=True):
        # Written in this way, the condition refuses NaN as well.
        if not 0 <= amount <= most:
            raise ValueError(
                _("The amount of {name} must be from 0 to {most}, but it is {amount}.").format(
                    name=name, most=most, amount=amount
                )
            )


def draw(n: int, amounts: Amounts, rng: np.random.Generator, size: Size) -> Changes:
    """Draw the changes for n images of this height and width.

    Changes with an amount of 0 are drawn as well, and the elastic field is drawn last. So with the same state
    of `rng`, a new value of one amount does not affect the other changes in a preview.
    """
    turn, down, right, scale, slant, edge = rng.uniform(-1, 1, (6, n)).astype(np.float32)
    down_and_across = [_knots(side) if amounts.elastic else 0 for side in size]
    bumps = rng.standard_normal((2, n, *down_and_across), np.float32)
    # Each axis has half of the mean square distance.
    bumps *= np.float32(amounts.elastic / math.sqrt(2))
    return Changes(
        rotation=turn * np.float32(math.radians(amounts.rotation)),
        shift=np.stack([down, right]) * np.float32(amounts.shift),
        zoom=1 + scale * np.float32(amounts.zoom),
        slope=np.tan(slant * np.float32(math.radians(amounts.shear))),
        thickness=edge * np.float32(amounts.thickness),
        bumps=bumps,
    )


def inverses(changes: Changes) -> NDArray[np.float32]:
    """The matrices from positions in the changed image to positions in the original.

    The forward order is zoom, shear, rotation, all about the centre of the image.

    Returns:
        float32 ``(2, 2, n)``, for (row, column) relative to the centre.
    """
    cos, sin, slope = np.cos(changes.rotation), np.sin(changes.rotation), changes.slope
    # Undo the rotation, then the shear, then the zoom.
    back: NDArray[np.float32] = np.array([[cos, -sin], [sin - slope * cos, cos + slope * sin]])
    back /= changes.zoom
    return back


def coordinates(changes: Changes, size: Size) -> NDArray[np.float32]:
    """The position in the original of each pixel of the changed images.

    Args:
        size: the height and width of the images.

    Returns:
        float32 ``(2, n, *size)``: rows and columns in pixels. They may be outside the image.
    """
    # Relative to the centre. The shift, which comes last, is undone first.
    down, across = (
        np.arange(side, dtype=np.float32) - np.float32(_centre(side)) - shift[:, None]
        for side, shift in zip(size, changes.shift, strict=True)
    )
    centres = np.array([_centre(side) for side in size], np.float32)[:, None, None]
    inverse = inverses(changes)[..., None]
    by_row, by_column = inverse[:, 0] * down, inverse[:, 1] * across + centres
    places: NDArray[np.float32] = by_row[:, :, :, None] + by_column[:, :, None, :]
    if changes.bumps.size:
        # One axis and one image at a time. One large product was twelve times slower, because BLAS starts
        # threads for it, which compete with the training for the cores.
        places += _profiles(size[0]).T @ (changes.bumps @ _profiles(size[1]))
    return places


def _centre(side: int) -> float:
    """The position of the centre along an axis, in pixels."""
    return (side - 1) / 2


def _knots(side: int) -> int:
    """The number of bumps along an axis. The outermost bumps are about 3 SIGMA outside the image."""
    return math.floor((side - 1 + 6 * SIGMA) / SPACING) + 1


@cache
def _profiles(side: int) -> NDArray[np.float32]:
    """The bumps of an elastic field along one axis. The field is their weighted sum.

    The method is that of Simard, Steinkraus and Platt ("Best practices for convolutional neural networks
    applied to visual document analysis", 2003): white noise, smoothed by a Gaussian with a sigma of 4 pixels,
    one field for each axis. Smoothed noise is a sum of Gaussian bumps of random height, one at each pixel.
    Here, there are fewer and higher bumps, and the sum is equally smooth.

    Returns:
        float32 ``(knots, side)``. The sum of the squares is 1 at each pixel. So heights with a standard
        deviation of 1 make a field with a standard deviation of 1 everywhere.
    """
    number = _knots(side)
    knots = _centre(side) + SPACING * (np.arange(number) - (number - 1) / 2)
    profiles = np.exp(-(((knots[:, None] - np.arange(side)) / SIGMA) ** 2) / 2)
    unit: NDArray[np.float32] = (profiles / np.sqrt((profiles**2).sum(axis=0))).astype(np.float32)
    return unit


def thicken(images: NDArray[np.uint8], thickness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move the edges of the strokes.

    With a thickness of 1 pixel, the ink of a pixel is the maximum of its 3×3 neighbourhood (grey-scale
    dilation). With -1, it is the minimum (erosion). Other values are interpolated.

    Args:
        images: uint8, as in `augment`.
        thickness: float32 ``(n,)``, pixels, -1 to 1; positive is thicker.

    Returns:
        float32, the same shape, 0 to 255.
    """
    if images.ndim == 4:
        return _by_channel(lambda channel: thicken(channel, thickness), images)
    # Thinner ink is thicker paper, so the images to be made thinner are inverted before and after.
    negative = np.where(thickness < 0, 255, 0).astype(np.uint8)[:, None, None]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1))) ^ negative
    rows = np.maximum(np.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])
    most = np.maximum(np.maximum(rows[:, :, :-2], rows[:, :, 1:-1]), rows[:, :, 2:]) ^ negative
    ink: NDArray[np.float32] = images.astype(np.float32)
    ink += (most - ink) * np.abs(thickness)[:, None, None]
    return ink


def resample(
    images: NDArray[np.uint8] | NDArray[np.float32], places: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Read the images at these positions, with bilinear interpolation. Outside the image is paper.

    Args:
        images: 0 to 255, in the shape of `augment`.
        places: float32 ``(2, n, height, width)``: rows and columns in pixels.

    Returns:
        float32, the same shape as the images, 0 to 255.
    """
    if images.ndim == 4:
        return _by_channel(lambda channel: resample(channel, places), images)
    # Add one pixel of paper before the image and two after it. Positions outside are moved to this border,
    # and the interpolation also reads the next pixel. All images are one array, which is read by index.
    _n, height, width = images.shape
    side = width + 3
    paper = np.zeros((len(images), height + 3, side), np.float32)
    paper[:, 1:-2, 1:-2] = images
    flat = paper.ravel()
    places = np.clip(places, -1, np.array([height, width], np.float32)[:, None, None, None])
    corner = np.floor(places)
    down, right = places - corner
    row, column = corner.astype(np.int32)
    first = np.arange(len(images), dtype=np.int32)[:, None, None] * paper[0].size + (side + 1)
    # `take` would convert another type to this one in each of the four calls.
    index = (row * side + column + first).astype(np.intp)
    # `index` is always valid, and "clip" is faster than the check.
    above, below = (
        _between(flat[start:].take(index, mode="clip"), flat[start + 1 :].take(index, mode="clip"), right)
        for start in (0, side)
    )
    return _between(above, below, down)


def _by_channel(
    change: Callable[[NDArray[Any]], NDArray[np.float32]], images: NDArray[Any]
) -> NDArray[np.float32]:
    """Resample images with colours, each channel as a separate image."""
    return np.stack([change(images[..., channel]) for channel in range(images.shape[-1])], axis=-1)


def _between(
    start: NDArray[np.float32], end: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    """This share of the way from the start to the end. The memory of `end` is used up."""
    end -= start
    end *= share
    end += start
    return end
