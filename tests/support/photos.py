"""Photos of digits, made by the tests: ink on paper, light, noise, and what lies around."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from core.drawing.strokes import PEN

HEIGHT, WIDTH = 240, 320
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


def encoded(picture: Photo | Image.Image, kind: str, **options: object) -> bytes:
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    (picture.convert("RGB") if kind == "JPEG" and picture.mode == "RGBA" else picture).save(
        file, kind, **options
    )
    return file.getvalue()


def difference(digit: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The mean difference in grey levels, 0 to 255, of the images a little blurred.

    The centre and the width, which are whole pixels, may round to the neighbouring one.
    """
    blurred = [ndimage.uniform_filter(pixels.astype(float), 3) for pixels in (digit, other)]
    shifts = [np.roll(blurred[0], (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return float(min(np.abs(shifted - blurred[1]).mean() for shifted in shifts))


SAME = 8.0  # grey levels: two photos of one digit mostly differ less
