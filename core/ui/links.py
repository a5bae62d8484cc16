"""A widget's value in the page's address, so that a link opens what somebody sees.

Streamlit's own binding writes the words that a visitor reads, which are others in another language; here it
is the option itself. Each function is to be called right before the widget of that key is made, and the
widget without a default: its value is in the session by then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def choice(key: str, options: Iterable[T], default: T) -> None:
    """For a widget with options, which differ in how they are written."""
    by_text = {str(option): option for option in options}
    _follow(key, default, by_text.get, str)
    if st.session_state[key] not in by_text.values():
        st.session_state[key] = default  # there are other options now


def number(key: str, default: float, low: float, high: float) -> None:
    """For a slider or an input of one number; a whole one where the default is."""

    def read(text: str) -> float | None:
        value = type(default)(text)
        return value if low <= value <= high else None

    _follow(key, default, read, "{:g}".format)


def text(key: str, most: int = 200) -> None:
    """For an input of text, of at most so many characters."""
    _follow(key, "", lambda written: written[:most], str)


def span(key: str, default: tuple[int, int]) -> None:
    """For a slider with two ends, whose limits are the default: "20-80"."""

    def read(text: str) -> tuple[int, int] | None:
        first, _dash, second = text.partition("-")
        low, high = int(first), int(second)
        return (low, high) if default[0] <= low <= high <= default[1] else None

    _follow(key, default, read, lambda ends: "{}-{}".format(*ends))


def _follow(key: str, default: T, read: Callable[[str], T | None], write: Callable[[T], str]) -> None:
    """Take the value from the address where somebody has changed that, else write it there."""
    written = f"link_{key}"
    asked = st.query_params.get(key)
    if asked is not None and asked != st.session_state.get(written):
        try:
            value = read(asked)
        except (ValueError, OverflowError):
            value = None  # a link may say anything
        if value is not None and not (isinstance(value, float) and math.isnan(value)):
            st.session_state[key] = value
    value = st.session_state.setdefault(key, default)
    if value == default:
        st.query_params.pop(key, None)
        st.session_state[written] = None
    else:
        st.query_params[key] = st.session_state[written] = write(value)
