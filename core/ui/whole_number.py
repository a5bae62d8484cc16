"""Fields for whole numbers, in which the visible number is always the number that is used.

Only the browser checks the limits of a number field of Streamlit: 99999 turns red and is not sent, so the
previous number is still used, but not visible. Streamlit would also cut 2.5 down to 2. So the fields here
have no limits in the browser and accept fractions. An invalid number shows an error at its field.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import streamlit as st

from core.i18n import _
from core.ui import state
from core.ui.state import Key

_NARROW = 240  # least width of a message in pixels


class Refused(ValueError):
    """Some fields have invalid numbers. The message says which fields."""


def new_fields() -> None:
    """Forget the fields of the page before others are made."""
    state.APP_REFUSED.set({})


def refused() -> dict[str, str]:
    """The labels of the fields on this page with an invalid number, by their keys."""
    return state.APP_REFUSED.begin({})


def check_fields() -> None:
    """Call this before the numbers are used.

    Raises:
        Refused: a field has an invalid number.
    """
    if refused():
        raise Refused(_("Correct {fields} first.").format(fields=", ".join(refused().values())))


def whole(label: str, low: int, high: int, *, key: Key[int], **options: Any) -> int:
    """Let the visitor type a whole number.

    Args:
        low, high: the smallest and the largest allowed number.
        key: its default is the first number, unless the default is None.
        options: passed to `streamlit.number_input`.

    Returns:
        The number. While the field has an invalid number and shows an error, the last valid number.
    """
    if key.default is not None:
        key.begin(key.default)
    last = state.APP_TAKEN[key]
    _follow_limits(key, last, low, high)
    typed = _field(label, low, high, key, **options)
    if key not in refused():
        last.set(typed)
    number = last.get()
    return low if number is None else min(max(number, low), high)


def whole_or_none(label: str, low: int, high: int, *, key: Key[int], **options: Any) -> int | None:
    """Like `whole`, but the field may be empty. Then the number is None."""
    last = state.APP_TAKEN[key]
    typed = _field(label, low, high, key, may_be_empty=True, **options)
    if key not in refused():
        last.set(typed)
    return last.get()


def taken(key: Key[int], low: int, high: int) -> int | None:
    """The number in a field, for a callback that runs before the page; None if the number is invalid."""
    typed = key.get()
    return int(typed) if _may_be_taken(typed, low, high) else None


def _follow_limits(key: Key[int], last: Key[int | None], low: int, high: int) -> None:
    """If the limits have changed, move a number that was valid into the new limits."""
    before = last.get()
    if before is not None and key.get() == before and not low <= before <= high:
        key.set(min(max(before, low), high))


def _field(
    label: str,
    low: int,
    high: int,
    key: Key[int],
    *,
    may_be_empty: bool = False,
    step: int = 1,
    **options: Any,
) -> int | None:
    typed = st.number_input(label, value=None, step=float(step), format="%g", key=key, **options)
    refused().pop(key, None)
    if typed is None and may_be_empty:
        return None
    if _may_be_taken(typed, low, high):
        return int(typed)
    refused()[key] = label
    at_least = {"width": max(options["width"], _NARROW)} if "width" in options else {}
    st.error(_say(label, typed, low, high), icon=":material/error:", **at_least)
    return None


def _may_be_taken(typed: float | None, low: int, high: int) -> TypeGuard[float]:
    return typed is not None and low <= typed <= high and float(typed).is_integer()


def _say(label: str, typed: float | None, low: int, high: int) -> str:
    if typed is None:
        words = _("{label}: the field has no number. Enter a whole number from {low:,} to {high:,}.")
    else:
        words = _("{label}: {received:,.15g} is not allowed. Enter a whole number from {low:,} to {high:,}.")
    return words.format(label=label, low=low, high=high, received=typed)
