"""The address of a page says what is shown, so that a link, a reload and the Back button show it again.

The value of a widget is written as the option itself. The binding of Streamlit would write the label, which
differs between languages. Call the function for a widget right before the widget with that key, and give the
widget no default: its value is already in the session.

docs/design.md says what the Back button does on each page. ``history.js`` is the part in the browser.
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
    """Call this at the top of a page.

    Args:
        first: whether this is the first page of the session. Until `history.js` is loaded, each change of the
            address is an entry in the history of the browser. So the first page changes it only at its foot.
    """
    state.APP_LATE.set({} if first else None)
    _history(key=state.APP_HISTORY, data={"places": state.PLACES}, height=1)


def end() -> None:
    """Call this at the foot of a page."""
    if late := state.APP_LATE.pop():
        replace(state.APP_LATE_ADDRESS, late)


def replace(key: Key[Any], values: Mapping[str, str | list[str] | None]) -> None:
    """Let the browser change its address. The server gets the new address with the next event.

    Args:
        key: the key of the component for these parameters.
        values: by parameter; None or "" removes the parameter.
    """
    _address(key=key, data={"values": dict(values)}, height=1)


def write(name: Parameter, value: str | list[str] | None) -> None:
    """Write a parameter into the address. None or an empty value removes the parameter."""
    late = state.APP_LATE.get()
    if late is not None:
        late[name] = value
    elif value:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


def go_to(name: Parameter, value: str) -> None:
    """Give the address of this page only this parameter."""
    st.query_params.from_dict(name.to(value))


def went_back() -> bool:
    """Whether the visitor came here with Back or Forward. Then only the address counts."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def choice(key: Key[T], options: Iterable[T], default: T | None = None, *, always: bool = False) -> None:
    """Bind a widget with options to the address. The texts of the options must differ.

    Args:
        default: None for the default of the key.
        always: whether the default is written into the address as well, because it may change later.
    """
    by_text = {str(option): option for option in options}
    if key.get() not in by_text.values():
        key.pop()  # the options have changed
    _follow(key, default, by_text.get, str, always=always)


def switch(
    label: str,
    key: Key[str],
    options: Mapping[str, str],
    *,
    labelled: bool = False,
    on_change: Callable[[], None] | None = None,
) -> str:
    """A row of options with one choice, kept in the session and in the address. Returns the choice.

    Args:
        label: for screen readers; visible if `labelled`.
        options: the label of each option.
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
    """Bind a widget with any number of choices: "1,4".

    Args:
        most: the largest number of choices; None for no limit.
    """
    by_text = {str(option): option for option in options}

    def read(text: str) -> list[T]:
        return list({part: by_text[part] for part in text.split(",") if part in by_text}.values())[:most]

    _follow(key, [], read, lambda chosen: ",".join(map(str, chosen)))
    key.set([option for option in key.get() if option in by_text.values()])


def number(key: Key[N], low: float, high: float, default: N | None = None) -> None:
    """Bind a slider or an input of one number. The number is an int if the default of the key is an int.

    Args:
        default: None for the default of the key.
    """
    kind: type[Any] = type(key.default)

    def read(text: str) -> N | None:
        value = kind(text)
        return value if low <= value <= high else None

    def to_text(value: N | None) -> str:
        if value is None or not low <= value <= high or (kind is int and value % 1):
            return ""  # an invalid value is not written into the address
        return str(int(value)) if kind is int else f"{value:g}"

    _follow(key, default, read, to_text)


def text(key: Key[str], most: int = 200) -> None:
    """Bind an input of text with at most `most` characters."""
    _follow(key, None, lambda written: written[:most], str)


def span(
    key: Key[tuple[float, float]], places: Iterable[float], default: tuple[float, float] | None = None
) -> None:
    """Bind a slider with two ends: "20..80".

    Args:
        places: the numbers that an end can have.
        default: None for the default of the key.
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
    """Take the value from the address if the address has changed, else write the value into the address."""
    written, seen = state.APP_WRITTEN[key], state.APP_SEEN[key]
    first = key.default if default is None else default
    asked = key.parameter.get()
    if asked is None and went_back():
        key.pop()
    # After two quick changes of a widget, the browser still sends the address from before the first change.
    turned = key.is_kept() and seen.is_kept() and key.get() != seen.get()
    changed = asked != written.get() or not key.is_kept()
    if asked is not None and changed and not turned:
        try:
            value = read(asked)
        except (ValueError, OverflowError):
            value = None  # a link may contain anything
        if value is not None and not (isinstance(value, float) and math.isnan(value)):
            key.set(value)
    kept = key.begin(first)
    seen.set(kept)
    written.set(None if kept == first and not always else to_text(kept) or None)
    write(key.parameter, written.get())
