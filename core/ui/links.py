"""The page's address says what is shown, so that a link, a reload and the browser's Back show it again.

A widget's value goes there as the option itself: Streamlit's own binding writes the words that a visitor
reads, which are others in another language. Each function for a widget is to be called right before the
widget of that key is made, and the widget without a default: its value is in the session by then.

What Back does on which page is in docs/design.md; ``history.js`` does the browser's part of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

T = TypeVar("T")

# What of a page is a place of its own, which Back leaves before it leaves the page. Everything else that
# changes on a page changes the entry that the browser's history has of it.
PLACES = {"train": "run", "sweeps": "sweep", "evaluate": "digit", "runs": "digit"}
_HERE = Path(__file__).parent
_history = st.components.v2.component("history", html="", js=(_HERE / "history.js").read_text("utf-8"))
_address = st.components.v2.component("address", html="", js=(_HERE / "address.js").read_text("utf-8"))


def begin(*, first: bool) -> None:
    """At the top of a page.

    Args:
        first: whether this is the first page of the session. Until `history.js` is there, Streamlit makes an
            entry of the browser's history of each change; so the address is changed at that page's foot.
    """
    st.session_state["links.late"] = {} if first else None
    _history(key="history", data={"places": PLACES}, height=1)


def end() -> None:
    """At the foot of a page."""
    if late := st.session_state.pop("links.late", None):
        replace("late_address", late)


def replace(key: str, values: Mapping[str, str | list[str] | None]) -> None:
    """Have the browser change its address. The server hears of it with whatever happens next.

    Args:
        key: of this piece of the address.
        values: by parameter; None or nothing for none.
    """
    _address(key=key, data={"values": dict(values)}, height=1)


def write(name: str, value: str | list[str] | None) -> None:
    """Put a parameter into the address, or, with None or nothing, take it out."""
    late = st.session_state.get("links.late")
    if late is not None:
        late[name] = value
    elif value:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


def went_back() -> bool:
    """Whether the visitor came here with the browser's Back or Forward: then the address says all."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


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

    def to_text(value: float | None) -> str:
        if value is None or not low <= value <= high or (isinstance(default, int) and value % 1):
            return ""  # what cannot be taken is no link
        return str(int(value)) if isinstance(default, int) else f"{value:g}"

    _follow(key, default, read, to_text)


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
    to_text: Callable[[T], str],
    *,
    always: bool = False,
) -> None:
    """Take the value from the address where somebody has changed that, else write it there."""
    written, seen = f"link_{key}", f"seen_{key}"
    asked = st.query_params.get(key)
    if asked is None and went_back():
        st.session_state.pop(key, None)
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
    kept = None if value == default and not always else to_text(value) or None
    st.session_state[written] = kept
    write(key, kept)
