"""Make the input image of the network from a drawing, in the same way as MNIST's images were made.

The recipe is LeCun's ("The MNIST database of handwritten digits": size-normalised to fit a 20×20
box with the aspect ratio kept, anti-aliased, centred in 28×28 by the centre of mass), as
reconstructed by Yadav and Bottou ("Cold case: the lost MNIST digits", 2019; facebookresearch/qmnist).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.i18n import _
from core.lazy import cv2

SIZE = 28  # side of an image, in pixels
BOX = 20  # side of the square that the digit fits into
# Contrast up to this multiple of the paper's deviation is paper. On a clean canvas, the deviation is 0 and
# the weakest grey is ink. So the images of MNIST themselves do not change.
NOISE = 3
# The deviation is measured on the border, which ink may touch. A larger contrast there is ink.
MOST_SPREAD = 4
# The smallest contrast of a drawing, of 255.
FAINTEST = 16
# A speck has less than this share of the ink, and its distance from the rest is more than this share of the
# longer side. Separate parts of real digits, such as the bar of a 5, are larger or nearer.
LITTLE = 0.04
FAR = 0.2
# A speck is also smaller than this share of the largest piece, so that a digit of many dots keeps its dots.
_OF_LARGEST = 0.2
# The steps from a drawing to an image, in order.
STEPS = ("ink", "crop", "fit", "stretch", "centre")


class EmptyDrawing(ValueError):
    """There is no ink on the canvas, or no paper around the ink."""


class Pieces(NamedTuple):
    """The connected pieces of ink. Pixels that touch at a side or a corner are in one piece.

    Attributes:
        labels: the number of each pixel's piece, int32 ``(H, W)``; 0 is the paper.
        boxes: left, top, width and height of each piece, int32 ``(n, 4)``; piece 1 is the first row.
        areas: the number of pixels of each piece, int32 ``(n,)``.
    """

    labels: NDArray[np.int32]
    boxes: NDArray[np.int32]
    areas: NDArray[np.int32]

    @property
    def number(self) -> int:
        return len(self.areas)


def canvas_to_image(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make an image like those of MNIST from a drawing: white ink on black, 28×28.

    The colour of the paper is that of the border. So black on white, white on black and ink on a transparent
    canvas give the same image.

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
    """Make an image like those of MNIST, uint8 ``(28, 28)``, from ink, float32 ``(H, W)`` and not all 0."""
    return of_cropped(crop(ink))


def of_cropped(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Like `image`, for ink that is already cropped and has no specks."""
    return centre(stretch(fit(ink)))


def steps(rgba: NDArray[np.uint8], without: Collection[str] = ()) -> dict[str, NDArray[np.float32]]:
    """The drawing after each step of the preprocessing.

    Args:
        rgba: uint8 ``(H, W, 4)``.
        without: names from `STEPS` to leave out. They are replaced by what simple demos do: the grey values
            do not change, the whole canvas is used, it is stretched to 28×28, the contrast does not change,
            and the middle of the rectangle is used.

    Returns:
        By the name of the step, in order: float32, 0 to 255. The last image is ``(28, 28)``. With all steps,
        it is the image of `canvas_to_image`.

    Raises:
        EmptyDrawing, ValueError: like `canvas_to_image`.
    """
    now = ink(rgba)  # also raises EmptyDrawing
    if "ink" in without:
        now = _grey(rgba)
    pictures = {"ink": now}
    # Black ink on a transparent canvas has only grey values of 0.
    blank = not now.any()
    pictures["crop"] = now = now if blank or "crop" in without else crop(now)
    pictures["fit"] = now = _squeeze(now) if "fit" in without else fit(now)
    pictures["stretch"] = now = now if blank or "stretch" in without else stretch(now)
    pictures["centre"] = (_middle(now) if blank or "centre" in without else centre(now)).astype(np.float32)
    return pictures


def _grey(rgba: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The grey values of the drawing on a black background, without finding the ink."""
    grey: NDArray[np.float32] = rgba[..., :3].mean(axis=2, dtype=np.float32) * (
        rgba[..., 3] / np.float32(255)
    )
    return grey


def _squeeze(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.BOX))


def _middle(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    placed = np.zeros((SIZE, SIZE), np.uint8)
    height, width = image.shape
    top, left = (SIZE - height) // 2, (SIZE - width) // 2
    placed[top : top + height, left : left + width] = np.rint(image)
    return placed


def ink(rgba: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The ink of each pixel: its contrast to the paper.

    Args:
        rgba: uint8 ``(H, W, 4)``.

    Returns:
        float32 ``(H, W)``, 0 (paper) to 255.

    Raises:
        EmptyDrawing: no pixel has enough contrast to the paper.
        ValueError: not a uint8 array of shape (H, W, 4).
    """
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8 or not rgba.size:
        raise ValueError(
            _("A drawing must be a uint8 array of shape (H, W, 4), but this one is {dtype} {shape}.").format(
                dtype=rgba.dtype, shape=rgba.shape
            )
        )
    paper, spread = _paper(rgba)
    # Most pixels have exactly the colour of the paper. Computing with all of them would take most of the time
    # between a stroke and its prediction.
    pixels = np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
    other = pixels != np.rint(paper).astype(np.uint8).view(np.uint32)
    greys = np.zeros(rgba.shape[:2], np.float32)
    if other.any():
        drawn = box(other)
        contrast = _contrast(rgba[drawn], paper)
        greys[drawn] = contrast * (contrast > NOISE * spread)
    if greys.max() < FAINTEST:
        raise EmptyDrawing(_("The drawing is empty. Draw a digit from 0 to 9."))
    return greys


def _paper(rgba: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """The colour of the paper, RGBA, and the deviation of its grey values."""
    border = np.concatenate([rgba[0], rgba[-1], rgba[1:-1, 0], rgba[1:-1, -1]]).astype(np.float32)
    if (border == border[0]).all():
        return border[0], 0.0
    # Ink may touch the border but covers less than half of it, so the median is paper.
    paper = np.median(border, axis=0)
    return paper, min(MOST_SPREAD, np.quantile(np.abs(border - paper).max(axis=1), 0.9))


def _contrast(rgba: NDArray[np.uint8], paper: NDArray[np.float32]) -> NDArray[np.float32]:
    opacity = rgba[..., 3]
    if paper[3] < 128:
        # On a transparent canvas, ink is what is not transparent, in any colour.
        return opacity.astype(np.float32)
    # As rows of bytes, because NumPy is many times slower along an axis of length 4.
    level = np.tile(np.rint(paper).astype(np.uint8), rgba.shape[1])
    rows = rgba.reshape(len(rgba), -1)
    difference = (np.maximum(rows, level) - np.minimum(rows, level)).reshape(rgba.shape)
    # The strongest of the three channels counts, so that red and blue ink are as strong as black ink.
    strongest: NDArray[np.uint8] = np.maximum(
        np.maximum(difference[..., 0], difference[..., 1]), difference[..., 2]
    )
    contrast = strongest.astype(np.float32)
    if opacity.min() < 255:
        contrast *= opacity / np.float32(255)
    return contrast


def crop(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The smallest rectangle around the ink, without specks far from the digit.

    With a speck, the rectangle would be larger, and the digit in the image would be smaller.
    """
    ink = ink[box(ink)]
    separate = pieces(ink)
    if separate.number > 1:
        ink = _without_specks(ink, separate)
        ink = ink[box(ink)]
    return ink


def pieces(ink: NDArray[Any]) -> Pieces:
    """The connected pieces of all values above 0."""
    is_ink = (ink > 0).view(np.uint8)
    _number, labels, stats, _centres = cv2.connectedComponentsWithStats(is_ink, connectivity=8)
    return Pieces(labels, stats[1:, :4], stats[1:, 4])


def box(ink: NDArray[Any]) -> tuple[slice, slice]:
    """The smallest rectangle around all values above 0. There must be at least one."""
    is_ink = ink != 0  # `any` is faster on bools than on numbers
    rows, columns = np.flatnonzero(is_ink.any(axis=1)), np.flatnonzero(is_ink.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _without_specks(ink: NDArray[np.float32], pieces: Pieces) -> NDArray[np.float32]:
    """The ink without small pieces that are far from the rest."""
    mass = np.bincount(pieces.labels.ravel(), ink.ravel())[1:]
    little = mass < least(mass)
    if not little.any():
        return ink
    corners = pieces.boxes[:, :2], pieces.boxes[:, :2] + pieces.boxes[:, 2:]
    start, stop = corners[0][~little].min(axis=0), corners[1][~little].max(axis=0)
    # The distance between two rectangles, along the axis with the larger distance.
    gaps = np.maximum(corners[0] - stop, start - corners[1]).max(axis=1)
    specks = little & (gaps > FAR * (stop - start).max())
    return np.where(np.append(False, specks)[pieces.labels], np.float32(0), ink) if specks.any() else ink


def least(mass: NDArray[Any], share: float = LITTLE) -> float:
    """The smallest ink of a piece that is not a speck. The largest piece is never a speck.

    Args:
        mass: the ink of each piece, ``(n,)``, above 0.
        share: the share of the total ink.
    """
    return float(min(share * mass.sum(), _OF_LARGEST * mass.max()))


def fit(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Resize by area averaging, so that the longer side is 20 pixels. The aspect ratio does not change."""
    height, width = ink.shape
    scale = BOX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Pillow's box filter: a new pixel is the mean of the old pixels whose centres are in it.
    return np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BOX))


def stretch(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale so that the strongest ink is 255."""
    return ink * np.float32(255 / ink.max())


def centre(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Place the ink, at most 20×20, in 28×28 pixels, with its centre of mass at the centre.

    The shift is by whole pixels, and is limited so that all ink stays in the image.
    """
    image = np.zeros((SIZE, SIZE), np.uint8)
    top, left = (_offset(ink.sum(axis=1 - axis)) for axis in (0, 1))
    height, width = ink.shape
    image[top : top + height, left : left + width] = np.rint(ink)
    return image


def _offset(profile: NDArray[np.float32]) -> int:
    """The position along an axis at which the centre of mass of the ink is at the centre."""
    length = len(profile)
    mass = float(np.arange(length) @ profile / profile.sum())
    return int(np.clip(round(SIZE / 2 - mass), 0, SIZE - length))


def normalise(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scale pixel values for the network.

    Args:
        images: uint8, 0 to 255, any shape.

    Returns:
        float32 of the same shape, 0 to 1.
    """
    return images.astype(np.float32) / np.float32(255)
