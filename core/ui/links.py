"""A widget's value in the page's address, so that a link opens what somebody sees.

Streamlit's own binding writes the words that a visitor reads, which are others in another language; here it
is the option itself. Each function is to be called right before the widget of that key is made, and the
widget without a default: its value is in the session by then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def choice(key: str, options: Iterable[T], default: T, *, always: bool = False) -> None:
    """For a widget with options, which differ in how they are written.

    Args:
        always: whether the default is written into the address as well, because it may be another later.
    """
    by_text = {str(option): option for option in options}
    if st.session_state.get(key) not in by_text.values():
        st.session_state.pop(key, None)  # there are other options now
    _follow(key, default, by_text.get, str, always=always)


def switch(
    label: str,
    key: str,
    options: Mapping[str, str],
    default: str,
    *,
    labelled: bool = False,
    on_change: Callable[[], None] | None = None,
) -> str:
    """A row of options of which one is chosen, kept in the session and in the address.

    Args:
        label: said to those who do not see it, and to all if `labelled`.
        options: what each is called.
        on_change: called before the page runs.
    """
    choice(key, options, default)
    st.segmented_control(
        label, list(options), required=True, key=key, format_func=options.__getitem__,
        label_visibility="visible" if labelled else "collapsed", persist_state="session",
        on_change=on_change,
    )  # fmt: skip
    found: str = st.session_state[key]
    return found


def several(key: str, options: Iterable[T], most: int | None = None) -> None:
    """For a widget in which several options can be chosen, or none: "1,4".

    Args:
        most: how many, where there is a limit.
    """
    by_text = {str(option): option for option in options}

    def read(text: str) -> list[T]:
        return list({part: by_text[part] for part in text.split(",") if part in by_text}.values())[:most]

    nothing: list[T] = []
    _follow(key, nothing, read, lambda chosen: ",".join(map(str, chosen)))
    st.session_state[key] = [one for one in st.session_state[key] if one in by_text.values()]


def number(key: str, default: float, low: float, high: float) -> None:
    """For a slider or an input of one number; a whole one where the default is."""

    def read(text: str) -> float | None:
        value = type(default)(text)
        return value if low <= value <= high else None

    def write(value: float | None) -> str:
        if value is None or not low <= value <= high or (isinstance(default, int) and value % 1):
            return ""  # what cannot be taken is no link
        return str(int(value)) if isinstance(default, int) else f"{value:g}"

    _follow(key, default, read, write)


def text(key: str, most: int = 200) -> None:
    """For an input of text, of at most so many characters."""
    _follow(key, "", lambda written: written[:most], str)


def span(key: str, places: Iterable[float], default: tuple[float, float]) -> None:
    """For a slider with two ends, each of which is one of these numbers: "20..80"."""
    by_text = {f"{place:g}": place for place in places}

    def read(text: str) -> tuple[float, float] | None:
        first, _dots, last = text.partition("..")
        low, high = by_text.get(first), by_text.get(last)
        return (low, high) if low is not None and high is not None and low <= high else None

    _follow(key, default, read, lambda ends: "{:g}..{:g}".format(*ends))


def _follow(
    key: str,
    default: T,
    read: Callable[[str], T | None],
    write: Callable[[T], str],
    *,
    always: bool = False,
) -> None:
    """Take the value from the address where somebody has changed that, else write it there."""
    written, seen = f"link_{key}", f"seen_{key}"
    asked = st.query_params.get(key)
    # Whoever turns a knob twice sends the address as it was before the first time.
    there = key in st.session_state
    turned = there and seen in st.session_state and st.session_state[key] != st.session_state[seen]
    changed = asked != st.session_state.get(written) or not there
    if asked is not None and changed and not turned:
        try:
            value = read(asked)
        except (ValueError, OverflowError):
            value = None  # a link may say anything
        if value is not None and not (isinstance(value, float) and math.isnan(value)):
            st.session_state[key] = value
    value = st.session_state[seen] = st.session_state.setdefault(key, default)
    text = "" if value == default and not always else write(value)
    st.session_state[written] = text or None
    if text:
        st.query_params[key] = text
    else:
        st.query_params.pop(key, None)
