"""Make the input image of the network from a drawing, in the same way as MNIST's images were made.

The recipe is LeCun's ("The MNIST database of handwritten digits": size-normalised to fit a 20×20
box with the aspect ratio kept, anti-aliased, centred in 28×28 by the centre of mass), as
reconstructed by Yadav and Bottou ("Cold case: the lost MNIST digits", 2019; facebookresearch/qmnist).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

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
# A speck has less than this share of the ink, and is farther from the rest than this share of its longer
# side. Of the separate parts of people's digits, such as the bar of a 5, none is both.
LITTLE = 0.04
FAR = 0.2
# And it is less than this share of the largest piece: of a digit of many dots, no dot is much of the whole.
_OF_LARGEST = 0.2
# The steps from a drawing to an image, in order.
STEPS = ("ink", "crop", "fit", "stretch", "centre")
TOUCHING = np.ones((3, 3))  # pixels that touch, if only at a corner, are one piece


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
    return image(ink(rgba))


def image(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The ink, float32 ``(H, W)`` and not all 0, as MNIST would show it, uint8 ``(28, 28)``."""
    return of_cropped(crop(ink))


def of_cropped(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    """As `image`, of ink that fills its rectangle and has no specks."""
    return centre(stretch(fit(ink)))


def steps(rgba: NDArray[np.uint8], without: Collection[str] = ()) -> dict[str, NDArray[np.float32]]:
    """The drawing after each step of the recipe, with all steps or without some of them.

    Args:
        rgba: uint8 ``(H, W, 4)``.
        without: names from `STEPS`. What then happens instead is what the usual demo does: it takes the
            greys as they are, the whole canvas, the canvas squeezed into 28×28, the ink as faint as
            it has become, and the middle of the box.

    Returns:
        float32 by the step's name, in order, 0 to 255; the last one is ``(28, 28)`` and, with nothing
        left out, `canvas_to_image`'s.

    Raises:
        EmptyDrawing, ValueError: as `canvas_to_image`.
    """
    now = ink(rgba)  # also to say that there is none
    if "ink" in without:
        now = _grey(rgba)
    found = {"ink": now}
    # Black on a transparent canvas is ink, but its greys are all 0: then there is nothing to go by.
    blank = not now.any()
    found["crop"] = now = now if blank or "crop" in without else crop(now)
    found["fit"] = now = _squeeze(now) if "fit" in without else fit(now)
    found["stretch"] = now = now if blank or "stretch" in without else stretch(now)
    found["centre"] = (_middle(now) if blank or "centre" in without else centre(now)).astype(np.float32)
    return found


def _grey(rgba: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The drawing's greys as a picture viewer shows them on black, whatever is ink in it."""
    grey: NDArray[np.float32] = rgba[..., :3].mean(axis=2, dtype=np.float32) * (
        rgba[..., 3] / np.float32(255)
    )
    return grey


def _squeeze(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.BOX))


def _middle(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    found = np.zeros((SIZE, SIZE), np.uint8)
    height, width = image.shape
    top, left = (SIZE - height) // 2, (SIZE - width) // 2
    found[top : top + height, left : left + width] = np.rint(image)
    return found


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
            _("A drawing must be a uint8 array of shape (H, W, 4), but this one is {dtype} {shape}.").format(
                dtype=rgba.dtype, shape=rgba.shape
            )
        )
    paper, spread = _paper(rgba)
    # Most of a canvas is paper to the last bit, and looking at all of it again and again would be most of the
    # time between a stroke and its answer.
    pixels = np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
    other = pixels != np.rint(paper).astype(np.uint8).view(np.uint32)
    found = np.zeros(rgba.shape[:2], np.float32)
    if other.any():
        drawn = box(other)
        contrast = _contrast(rgba[drawn], paper)
        found[drawn] = contrast * (contrast > NOISE * spread)
    if found.max() < FAINTEST:
        raise EmptyDrawing(_("The drawing is empty. Draw a digit from 0 to 9."))
    return found


def _paper(rgba: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """The paper's colour, RGBA, and how far its own grey spreads around that."""
    border = np.concatenate([rgba[0], rgba[-1], rgba[1:-1, 0], rgba[1:-1, -1]]).astype(np.float32)
    if (border == border[0]).all():
        return border[0], 0.0
    # Ink may touch the border but not fill it, so the median is paper.
    paper = np.median(border, axis=0)
    return paper, min(MOST_SPREAD, np.quantile(np.abs(border - paper).max(axis=1), 0.9))


def _contrast(rgba: NDArray[np.uint8], paper: NDArray[np.float32]) -> NDArray[np.float32]:
    opacity = rgba[..., 3]
    if paper[3] < 128:
        # On a transparent canvas the ink is what covers it, whatever its colour.
        return opacity.astype(np.float32)
    # In rows of bytes, because along an axis of four NumPy is many times slower.
    level = np.tile(np.rint(paper).astype(np.uint8), rgba.shape[1])
    rows = rgba.reshape(len(rgba), -1)
    difference = (np.maximum(rows, level) - np.minimum(rows, level)).reshape(rgba.shape)
    # The strongest of the three channels, so that red or blue ink is as dark as black ink.
    strongest: NDArray[np.uint8] = np.maximum(
        np.maximum(difference[..., 0], difference[..., 1]), difference[..., 2]
    )
    found = strongest.astype(np.float32)
    if opacity.min() < 255:
        found *= opacity / np.float32(255)
    return found


def crop(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The smallest rectangle that holds all of the ink, but for specks far from the digit.

    A speck of dust or a slip of the pen would make the rectangle larger and the digit in it smaller.
    """
    ink = ink[box(ink)]
    found, number = pieces(ink)
    if number > 1:
        ink = _without_specks(ink, found, number)
        ink = ink[box(ink)]
    return ink


def pieces(ink: NDArray[np.float32]) -> tuple[NDArray[np.int32], int]:
    """The pieces of ink that do not touch each other, numbered from 1, and how many there are."""
    found, number = ndimage.label(ink > 0, structure=TOUCHING)
    return found, number


def box(ink: NDArray[Any]) -> tuple[slice, slice]:
    """The smallest rectangle that holds all that is not 0; there has to be some."""
    is_ink = ink != 0  # to look for any bool is faster than for any number
    rows, columns = np.flatnonzero(is_ink.any(axis=1)), np.flatnonzero(is_ink.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _without_specks(ink: NDArray[np.float32], pieces: NDArray[np.int32], number: int) -> NDArray[np.float32]:
    """The ink without the pieces that are little and far from the rest."""
    mass = ndimage.sum_labels(ink, pieces, range(1, number + 1))
    little = np.flatnonzero(mass < least(mass)) + 1
    if not len(little):
        return ink
    rest = box(np.where(np.isin(pieces, little), 0, ink))
    far = FAR * max(side.stop - side.start for side in rest)
    places = ndimage.find_objects(pieces)
    specks = [piece for piece in little if _gap(rest, places[piece - 1]) > far]
    return np.where(np.isin(pieces, specks), np.float32(0), ink) if specks else ink


def least(mass: NDArray[Any], share: float = LITTLE) -> float:
    """The ink from which on a piece is no speck; the largest one never is.

    Args:
        mass: the ink of each piece, ``(n,)``, above 0.
        share: of all ink together.
    """
    return float(min(share * mass.sum(), _OF_LARGEST * mass.max()))


def _gap(one: tuple[slice, slice], other: tuple[slice, slice]) -> int:
    """How many pixels lie between two rectangles, along the axis in which they are farther apart."""
    gaps: list[int] = [max(b.start - a.stop, a.start - b.stop) for a, b in zip(one, other, strict=True)]
    return max(gaps)


def fit(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Resize so that the longer side is 20 pixels and the aspect ratio stays, by averaging areas."""
    height, width = ink.shape
    scale = BOX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Pillow's box filter: each new pixel is the mean of the old ones whose centres lie in it.
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
