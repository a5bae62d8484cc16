"""Digits and strokes that several tests draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.data import datasets

DIGITS = datasets.load("mnist-5k").x_train


def solid(grey: int, alpha: int = 255, side: int = 280) -> NDArray[np.uint8]:
    canvas = np.full((side, side, 4), grey, np.uint8)
    canvas[..., 3] = alpha
    return canvas
