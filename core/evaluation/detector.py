"""Tell digits from all else: letters, scribbles, signs, pieces of clothing.

A small network decides that, the same one for all runs. It was trained by `python -m starter.detector`, on
digits and on random images that are no digits. A run's own network has never seen such images, and gives many
of them the features of digits.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.network.predict import Predictor
from core.runs import run_folder

FILE = run_folder.STARTER.parent / "detector.onnx"


def unlike(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much the images differ from digits, float32 ``(n,)``, 0 to 2. One with more than 1 is no digit.

    Args:
        images: uint8, as those of MNIST.
    """
    # The network is exported so that at the limit, the probability of its last class is one half.
    return 2 * _network().probabilities(images)[:, -1]


@cache
def _network() -> Predictor:
    return Predictor(FILE.read_bytes())
