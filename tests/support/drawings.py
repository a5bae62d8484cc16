"""Drawings as they are kept, and how they are told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from core.drawing import collection, strokes
from core.drawing.collection import Drawing

SEVEN = [[[0.0, 0.0], [0.6, 0.0], [0.2, 1.0]]]
PLENTY = 100_000


def drawing(number: int = 0, label: int = 7, **others: Any) -> Drawing:
    """A drawing that differs from those of other numbers."""
    image = np.zeros(28 * 28, np.uint8)
    image[:4] = list(number.to_bytes(4, "big"))
    return Drawing(label, image.reshape(28, 28), **others)


def same(first: Drawing, second: Drawing, but: tuple[str, ...] = ("id",)) -> bool:
    """Whether two drawings hold the same, without the fields that are named."""
    kept, expected = (
        {key: value for key, value in vars(each).items() if key not in but} for each in (first, second)
    )
    return np.array_equal(kept.pop("image"), expected.pop("image")) and kept == expected


def all_same(drawings: list[Drawing], expected: list[Drawing], but: tuple[str, ...] = ("id",)) -> bool:
    return len(drawings) == len(expected) and all(
        same(first, second, but) for first, second in zip(drawings, expected, strict=True)
    )


coordinates = st.floats(-1e6, 1e6)
lines = st.lists(
    st.lists(st.lists(coordinates, min_size=2, max_size=2), min_size=1, max_size=6), min_size=1, max_size=4
).map(strokes.unit)
names = st.text(max_size=64).map(collection.tidy)
some_drawings = st.builds(
    Drawing,
    label=st.integers(0, 9),
    image=npst.arrays(np.uint8, (28, 28)),
    strokes=st.just([]) | lines,
    writer=names,
    run=names,
    answer=st.none() | st.integers(0, 9),
    confidence=st.none() | st.floats(0, 1),
    time=st.floats(1, 1e11),
)


def refusal(call: Callable[[], object], *errors: type[Exception]) -> str | None:
    """What the call says in refusing, by one of these errors; None if it does not refuse."""
    try:
        call()
    except errors as error:
        return str(error)
    return None
