"""The softmax function. `scipy.special` has it as well, but takes 0.1 s and 19 MB to import."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def softmax(logits: Array) -> NDArray[np.float64]:
    """The probabilities along the last axis, float64 in the shape of the logits."""
    powers = np.exp(_shifted(logits))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def log_softmax(logits: Array) -> NDArray[np.float64]:
    """The logarithms of `softmax`. They are finite where a probability is too small for a number."""
    shifted = _shifted(logits)
    logarithms: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logarithms


def _shifted(logits: Array) -> NDArray[np.float64]:
    """The logits minus the largest one, which changes no probability: no power is too large for a number."""
    exact = logits.astype(np.float64)
    shifted: NDArray[np.float64] = exact - exact.max(axis=-1, keepdims=True)
    return shifted
