"""Data augmentation: change each training image a little at random, so that the network generalises better.

The worker augments the training images with it, and a page shows a preview with it, so it needs only
NumPy. Turning, slanting, zooming, shifting and the elastic warp are one map from each
pixel to its place in the original, and the image is resampled once: ink is blurred only once.
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

SIGMA = 4  # pixels; the elastic field's smoothness
# The field is made of Gaussian bumps of width SIGMA, one every so many pixels. Closer together they
# make no smoother field, only more numbers to draw.
SPACING = 5
# Images resampled at a time: what 64 need on the way stays in a core's cache of 2 MB. As measured,
# 32 to 128 are about as fast as each other, and 256 take twice as long for each.
CHUNK = 64

Size = tuple[int, ...]  # height and width, in pixels

NONE = Amounts()
MOST = Amounts(*(KNOBS[name].high for name in Amounts._fields))


class Changes(NamedTuple):
    """What is done to each of n images, drawn at random.

    Attributes:
        rotation: float32 ``(n,)``, radians; positive turns the digit clockwise, as it is seen.
        shift: float32 ``(2, n)``, pixels down and to the right.
        zoom: float32 ``(n,)``, the scale factor.
        slope: float32 ``(n,)``, the shear: pixels to the right for each pixel down.
        thickness: float32 ``(n,)``, pixels.
        bumps: float32 ``(2, n, knots down, knots across)``, pixels: heights of the elastic fields'
            bumps, first the field down, then the one to the right. Without elasticity ``(2, n, 0, 0)``.
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
    """The images, each changed by its own random draw.

    Thickness comes first, while strokes still have the sharp edges that MNIST gave them: after the
    resampling, growing would also grow the blur, and shrinking would take faint strokes away.

    Args:
        images: uint8 ``(n, height, width)``, or with colours ``(n, height, width, channels)``; 0 (paper) to
            255 (ink). They are not changed.
        amounts: how much; with `NONE` the very same array comes back.
        rng: draws the changes. The same state of it gives the same result.

    Returns:
        uint8, the same shape. What comes in from outside of an image is paper.

    Raises:
        ValueError: not a uint8 array of that shape, or an amount is outside of 0 to `MOST`.
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
        # A mean of grey levels lies within their range, so that nothing has to be clipped.
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
        # Turned round so that NaN is refused as well.
        if not 0 <= amount <= most:
            raise ValueError(
                _("The amount of {name} must be from 0 to {most}, but it is {amount}.").format(
                    name=name, most=most, amount=amount
                )
            )


def draw(n: int, amounts: Amounts, rng: np.random.Generator, size: Size) -> Changes:
    """Draw the changes for n images of this height and width.

    What is off is drawn as well, and the elastic field last, so that from the same state of `rng`
    one amount can be changed and all the other changes stay: a preview does not jump.
    """
    turn, down, right, scale, slant, edge = rng.uniform(-1, 1, (6, n)).astype(np.float32)
    down_and_across = [_knots(side) if amounts.elastic else 0 for side in size]
    bumps = rng.standard_normal((2, n, *down_and_across), np.float32)
    # One axis has half of the mean square distance.
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
    """The matrices that lead from the changed image back to the original.

    Forwards, a digit is zoomed, then slanted, then turned, all about the image's centre.

    Returns:
        float32 ``(2, 2, n)``: applied to (row, column), both measured from the centre.
    """
    cos, sin, slope = np.cos(changes.rotation), np.sin(changes.rotation), changes.slope
    # Turn back; take the slant off the columns; divide by the zoom.
    back: NDArray[np.float32] = np.array([[cos, -sin], [sin - slope * cos, cos + slope * sin]])
    back /= changes.zoom
    return back


def coordinates(changes: Changes, size: Size) -> NDArray[np.float32]:
    """Where in the original each pixel of the changed images comes from.

    Args:
        size: height and width of the images.

    Returns:
        float32 ``(2, n, *size)``: rows and columns, in pixels, any value.
    """
    # From the centre, with the shift, which is done last, taken back.
    down, across = (
        np.arange(side, dtype=np.float32) - np.float32(_centre(side)) - shift[:, None]
        for side, shift in zip(size, changes.shift, strict=True)
    )
    centres = np.array([_centre(side) for side in size], np.float32)[:, None, None]
    inverse = inverses(changes)[..., None]
    by_row, by_column = inverse[:, 0] * down, inverse[:, 1] * across + centres
    places: NDArray[np.float32] = by_row[:, :, :, None] + by_column[:, :, None, :]
    if changes.bumps.size:
        # One axis after the other, and one image after the other: in one large product, BLAS would
        # start threads, which take the cores from the training and were twelve times slower.
        places += _profiles(size[0]).T @ (changes.bumps @ _profiles(size[1]))
    return places


def _centre(side: int) -> float:
    """Where the turning point is along an axis, in pixels."""
    return (side - 1) / 2


def _knots(side: int) -> int:
    """Bumps along an axis of so many pixels: the outermost are about 3 SIGMA outside of the image."""
    return math.floor((side - 1 + 6 * SIGMA) / SPACING) + 1


@cache
def _profiles(side: int) -> NDArray[np.float32]:
    """The bumps that an elastic field is the sum of, along one axis.

    The recipe is that of Simard, Steinkraus and Platt ("Best practices for convolutional neural
    networks applied to visual document analysis", 2003): white noise, smoothed by a Gaussian with a
    sigma of 4 pixels, one field for each axis. Smoothed noise is a sum of Gaussian bumps of random
    height, one at each pixel; these are fewer and higher, and the sum is as smooth.

    Returns:
        float32 ``(knots, side)``. The squares sum to 1 in each pixel, so that heights of standard
        deviation 1 make a field of standard deviation 1 everywhere.
    """
    number = _knots(side)
    knots = _centre(side) + SPACING * (np.arange(number) - (number - 1) / 2)
    profiles = np.exp(-(((knots[:, None] - np.arange(side)) / SIGMA) ** 2) / 2)
    unit: NDArray[np.float32] = (profiles / np.sqrt((profiles**2).sum(axis=0))).astype(np.float32)
    return unit


def thicken(images: NDArray[np.uint8], thickness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move the edges of the strokes.

    A whole pixel outwards, the ink of a pixel is the most in its 3×3 neighbourhood (grey-scale
    dilation); inwards it is the least (erosion). A share of a pixel is that share of the way.

    Args:
        images: uint8, as of `augment`.
        thickness: float32 ``(n,)``, pixels, -1 to 1; positive is outwards.

    Returns:
        float32, the same shape, 0 to 255.
    """
    if images.ndim == 4:
        return _by_channel(lambda channel: thicken(channel, thickness), images)
    # Ink shrinks where paper grows: the images to shrink are made negatives of themselves and back.
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
    """Read the images at these places, by bilinear interpolation; outside is paper.

    Args:
        images: 0 to 255, else as of `augment`.
        places: float32 ``(2, n, height, width)``: rows and columns, in pixels.

    Returns:
        float32, the same shape as the images, 0 to 255.
    """
    if images.ndim == 4:
        return _by_channel(lambda channel: resample(channel, places), images)
    # A pixel of paper before the image and two after it: farther out is as good as just outside, and the
    # next pixel after that is read as well. All images are one row of numbers, read by index.
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
    # `take` would turn another type into this one at each of the four calls.
    index = (row * side + column + first).astype(np.intp)
    # `index` is never outside; "clip" saves looking for that.
    above, below = (
        _between(flat[start:].take(index, mode="clip"), flat[start + 1 :].take(index, mode="clip"), right)
        for start in (0, side)
    )
    return _between(above, below, down)


def _by_channel(
    change: Callable[[NDArray[Any]], NDArray[np.float32]], images: NDArray[Any]
) -> NDArray[np.float32]:
    """Images of several colours, each colour changed as an image by itself."""
    return np.stack([change(images[..., channel]) for channel in range(images.shape[-1])], axis=-1)


def _between(
    one: NDArray[np.float32], other: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    """This share of the way from the one to the other. The other's memory is used up."""
    other -= one
    other *= share
    other += one
    return other
