"""Our softmax is SciPy's, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy import special

from core.network.softmax import log_softmax, softmax


@given(arrays(np.float32, array_shapes(max_dims=3), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_it_is_that_of_scipy(logits: NDArray[np.float32]) -> None:
    exact = logits.astype(np.float64)
    np.testing.assert_array_equal(softmax(logits), special.softmax(exact, axis=-1))
    np.testing.assert_array_equal(log_softmax(logits), special.log_softmax(exact, axis=-1))


@pytest.mark.parametrize("seed", range(5))
def test_it_is_that_of_scipy_for_many_rows(seed: int) -> None:
    logits = np.random.default_rng(seed).normal(scale=5, size=(1000, 10)).astype(np.float32)
    exact = logits.astype(np.float64)
    np.testing.assert_array_equal(softmax(logits), special.softmax(exact, axis=1))
    np.testing.assert_array_equal(log_softmax(logits), special.log_softmax(exact, axis=1))
