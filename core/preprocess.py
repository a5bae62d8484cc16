"""From a drawing to the image that the network gets, made as MNIST's images were made.

The recipe is LeCun's ("The MNIST database of handwritten digits": size-normalised to fit a 20×20
box with the aspect ratio kept, anti-aliased, centred in 28×28 by the centre of mass), as
reconstructed by Yadav and Bottou ("Cold case: the lost MNIST digits", 2019; facebookresearch/qmnist).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.i18n import _

SIZE = 28  # side of an image, in pixels
BOX = 20  # side of the square that the digit fits into
# Contrast up to so many times the spread of the paper's own grey is paper. On a clean canvas that
# spread is 0 and the faintest grey counts as ink, as it must for MNIST's own digits to come back.
NOISE = 3
# The spread is measured on the border, which ink may touch: what is more than this is ink.
MOST_SPREAD = 4
# The least contrast, of 255, that counts as a drawing at all.
FAINTEST = 16


class EmptyDrawing(ValueError):
    """There is no ink on the canvas, or no paper left around it to tell the ink by."""


def canvas_to_image(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The drawing as MNIST would show it: white ink on black, 28×28.

    The paper's colour is read from the canvas's border, so that black on white, white on black
    and ink on a transparent canvas all come out the same.

    Args:
        rgba: uint8 ``(H, W, 4)``, a canvas of any size.

    Returns:
        uint8 ``(28, 28)``, 0 (paper) to 255 (ink).

    Raises:
        EmptyDrawing: there is no ink.
        ValueError: not a uint8 array of shape (H, W, 4).
    """
    return centre(stretch(fit(crop(ink(rgba)))))


def ink(rgba: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much ink there is in each pixel: its contrast to the paper.

    Args:
        rgba: uint8 ``(H, W, 4)``.

    Returns:
        float32 ``(H, W)``, 0 (paper) to 255.

    Raises:
        EmptyDrawing: nothing stands out from the paper.
        ValueError: not a uint8 array of shape (H, W, 4).
    """
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8 or not rgba.size:
        raise ValueError(
            _("A drawing is a uint8 array of shape (H, W, 4), but this one is {dtype} {shape}.").format(
                dtype=rgba.dtype, shape=rgba.shape
            )
        )
    border = np.concatenate([rgba[0], rgba[-1], rgba[1:-1, 0], rgba[1:-1, -1]]).astype(np.float32)
    # Ink may touch the border but not fill it, so the median is paper.
    paper = np.median(border, axis=0)
    spread = min(MOST_SPREAD, np.quantile(np.abs(border - paper).max(axis=1), 0.9))
    found = _contrast(rgba, paper)
    found[found <= NOISE * spread] = 0
    if found.max() < FAINTEST:
        raise EmptyDrawing(_("There is nothing drawn yet. Draw a digit from 0 to 9."))
    return found


def _contrast(rgba: NDArray[np.uint8], paper: NDArray[np.float32]) -> NDArray[np.float32]:
    red, green, blue, opacity = (rgba[..., channel].astype(np.float32) for channel in range(4))
    if paper[3] < 128:
        # On a transparent canvas the ink is what covers it, whatever its colour.
        return opacity
    # The strongest of the three channels, so that red or blue ink is as dark as black ink.
    channels = zip((red, green, blue), paper[:3], strict=True)
    strongest: NDArray[np.float32] = np.maximum.reduce(
        [np.abs(channel - level) for channel, level in channels]
    )
    return strongest * (opacity / np.float32(255))


def crop(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The smallest rectangle that holds all of the ink."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fit(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Resize so that the longer side is 20 pixels and the aspect ratio stays, by area averaging."""
    height, width = ink.shape
    scale = BOX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Pillow's box filter is the exact area average, also for scales that are no whole number.
    return np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BOX))


def stretch(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale so that the strongest ink is 255."""
    return ink * np.float32(255 / ink.max())


def centre(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Put the ink, at most 20×20, into 28×28 so that its centre of mass is at the centre.

    The shift is by whole pixels, and stops where ink would leave the image.
    """
    image = np.zeros((SIZE, SIZE), np.uint8)
    top, left = (_offset(ink.sum(axis=1 - axis)) for axis in (0, 1))
    height, width = ink.shape
    image[top : top + height, left : left + width] = np.rint(ink)
    return image


def _offset(profile: NDArray[np.float32]) -> int:
    """Where a row or column of ink has to begin for its centre of mass to be at the centre."""
    length = len(profile)
    mass = float(np.arange(length) @ profile / profile.sum())
    return int(np.clip(round(SIZE / 2 - mass), 0, SIZE - length))


def normalise(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixel values as the network gets them.

    Args:
        images: uint8, 0 to 255, any shape.

    Returns:
        float32 of the same shape, 0 to 1.
    """
    return images.astype(np.float32) / np.float32(255)
