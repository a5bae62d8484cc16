"""What the network reads, in words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.recognition import Reading
from core.ui import answer

EMPTY = np.zeros((28, 28), np.uint8)


@given(st.lists(st.floats(0, 30), min_size=10, max_size=10), st.booleans())
def test_no_digit_is_named_that_has_no_share(logits: list[float], alone: bool) -> None:
    shares = np.exp(logits) / np.exp(logits).sum()
    words = answer.shown(Reading(EMPTY, shares, None), alone=alone)
    assert f" {shares.argmax()} ({shares.max():.1%})" in words
    assert "(0.0%)" not in words


@pytest.mark.parametrize(
    ("shares", "others"),
    [
        ([0.7, 0.2, 0.1], "Next: 1 (20.0%), then 2 (10.0%)."),
        ([0.9, 0.1, 0.0], "Next: 1 (10.0%). Every other digit has less than 0.1%."),
        ([1.0, 0.0, 0.0], "Every other digit has less than 0.1%."),
    ],
)
def test_the_others_are_named_by_their_share(shares: list[float], others: str) -> None:
    reading = Reading(EMPTY, np.array(shares + [0.0] * 7), None)
    assert answer.shown(reading, alone=True) == f"## I read: 0 ({shares[0]:.1%})\n\n{others}"
    assert answer.shown(reading, alone=False) == f"This digit is a 0 ({shares[0]:.1%}). {others}"
