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
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.ui import state
from core.ui.state import Key, Parameter

T = TypeVar("T")
N = TypeVar("N", int, float)

_HERE = Path(__file__).parent
_history = st.components.v2.component("history", html="", js=(_HERE / "history.js").read_text("utf-8"))
_address = st.components.v2.component("address", html="", js=(_HERE / "address.js").read_text("utf-8"))


def begin(*, first: bool) -> None:
    """At the top of a page.

    Args:
        first: whether this is the first page of the session. Until `history.js` is there, Streamlit makes an
            entry of the browser's history of each change; so the address is changed at that page's foot.
    """
    state.APP_LATE.set({} if first else None)
    _history(key=state.APP_HISTORY, data={"places": state.PLACES}, height=1)


def end() -> None:
    """At the foot of a page."""
    if late := state.APP_LATE.pop():
        replace(state.APP_LATE_ADDRESS, late)


def replace(key: Key[Any], values: Mapping[str, str | list[str] | None]) -> None:
    """Have the browser change its address. The server hears of it with whatever happens next.

    Args:
        key: of this piece of the address.
        values: by parameter; None or nothing for none.
    """
    _address(key=key, data={"values": dict(values)}, height=1)


def write(name: Parameter, value: str | list[str] | None) -> None:
    """Put a parameter into the address, or, with None or nothing, take it out."""
    late = state.APP_LATE.get()
    if late is not None:
        late[name] = value
    elif value:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


def go_to(name: Parameter, value: str) -> None:
    """Have the address of this page say this alone."""
    st.query_params.from_dict(name.to(value))


def went_back() -> bool:
    """Whether the visitor came here with the browser's Back or Forward: then the address says all."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def choice(key: Key[T], options: Iterable[T], default: T | None = None, *, always: bool = False) -> None:
    """For a widget with options, which differ in how they are written.

    Args:
        default: None for that of the key.
        always: whether the default is written into the address as well, because it may be another later.
    """
    by_text = {str(option): option for option in options}
    if key.get() not in by_text.values():
        key.pop()  # there are other options now
    _follow(key, default, by_text.get, str, always=always)


def switch(
    label: str,
    key: Key[str],
    options: Mapping[str, str],
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
    choice(key, options)
    st.segmented_control(
        label, list(options), required=True, key=key, format_func=options.__getitem__,
        label_visibility="visible" if labelled else "collapsed", persist_state="session",
        on_change=on_change,
    )  # fmt: skip
    return key.get()


def several(key: Key[list[T]], options: Iterable[T], most: int | None = None) -> None:
    """For a widget in which several options can be chosen, or none: "1,4".

    Args:
        most: how many, where there is a limit.
    """
    by_text = {str(option): option for option in options}

    def read(text: str) -> list[T]:
        return list({part: by_text[part] for part in text.split(",") if part in by_text}.values())[:most]

    _follow(key, [], read, lambda chosen: ",".join(map(str, chosen)))
    key.set([one for one in key.get() if one in by_text.values()])


def number(key: Key[N], low: float, high: float, default: N | None = None) -> None:
    """For a slider or an input of one number; a whole one where the key's default is.

    Args:
        default: None for that of the key.
    """
    kind: type[Any] = type(key.default)

    def read(text: str) -> N | None:
        value = kind(text)
        return value if low <= value <= high else None

    def to_text(value: N | None) -> str:
        if value is None or not low <= value <= high or (kind is int and value % 1):
            return ""  # what cannot be taken is no link
        return str(int(value)) if kind is int else f"{value:g}"

    _follow(key, default, read, to_text)


def text(key: Key[str], most: int = 200) -> None:
    """For an input of text, of at most so many characters."""
    _follow(key, None, lambda written: written[:most], str)


def span(
    key: Key[tuple[float, float]], places: Iterable[float], default: tuple[float, float] | None = None
) -> None:
    """For a slider with two ends, each of which is one of these numbers: "20..80".

    Args:
        default: None for that of the key.
    """
    by_text = {f"{place:g}": place for place in places}

    def read(text: str) -> tuple[float, float] | None:
        first, _dots, last = text.partition("..")
        low, high = by_text.get(first), by_text.get(last)
        return (low, high) if low is not None and high is not None and low <= high else None

    _follow(key, default, read, lambda ends: "{:g}..{:g}".format(*ends))


def _follow(
    key: Key[T],
    default: T | None,
    read: Callable[[str], T | None],
    to_text: Callable[[T], str],
    *,
    always: bool = False,
) -> None:
    """Take the value from the address where somebody has changed that, else write it there."""
    written, seen = state.APP_WRITTEN[key], state.APP_SEEN[key]
    first = key.default if default is None else default
    asked = key.parameter.get()
    if asked is None and went_back():
        key.pop()
    # Whoever turns a knob twice sends the address as it was before the first time.
    turned = key.is_kept() and seen.is_kept() and key.get() != seen.get()
    changed = asked != written.get() or not key.is_kept()
    if asked is not None and changed and not turned:
        try:
            value = read(asked)
        except (ValueError, OverflowError):
            value = None  # a link may say anything
        if value is not None and not (isinstance(value, float) and math.isnan(value)):
            key.set(value)
    kept = key.begin(first)
    seen.set(kept)
    written.set(None if kept == first and not always else to_text(kept) or None)
    write(key.parameter, written.get())
