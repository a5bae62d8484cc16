"""Fields for whole numbers, in which the number that is seen is the one that counts.

Limits that Streamlit knows of are checked in the browser alone: 99999 turns red and is not sent, so the
number of before goes on counting, which nobody sees. It would cut 2.5 down to 2, too. So the browser knows no
limits here and sends fractions, and what cannot be taken is said at the field.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import streamlit as st

from core.i18n import _
from core.ui import state
from core.ui.state import Key

_NARROW = 240  # pixels that a message takes at least


class Refused(ValueError):
    """What is in some fields cannot be taken. The message says in which."""


def new_fields() -> None:
    """Forget the fields: others are about to be made."""
    state.APP_REFUSED.set({})


def refused() -> dict[str, str]:
    """The fields of this page with something in them that cannot be taken, by their keys: their labels."""
    return state.APP_REFUSED.begin({})


def check_fields() -> None:
    """For whoever is about to do something with the numbers.

    Raises:
        Refused: not all of them are those that are seen.
    """
    if refused():
        raise Refused(_("First mend {fields}.").format(fields=", ".join(refused().values())))


def whole(label: str, low: int, high: int, *, key: Key[int], **options: Any) -> int:
    """Let the visitor type a whole number.

    Args:
        low, high: what is allowed.
        key: in the beginning, the number is its default, unless that is None.
        options: as for `streamlit.number_input`.

    Returns:
        The number. While something else is in the field, which says so, the last one that could be taken.
    """
    if key.default is not None:
        key.begin(key.default)
    last = state.APP_TAKEN[key]
    _follow_limits(key, last, low, high)
    typed = _field(label, low, high, key, **options)
    if key not in refused():
        last.set(typed)
    found = last.get()
    return low if found is None else min(max(found, low), high)


def whole_or_none(label: str, low: int, high: int, *, key: Key[int], **options: Any) -> int | None:
    """As `whole`, for a field that may be empty, too: then it is None."""
    last = state.APP_TAKEN[key]
    typed = _field(label, low, high, key, may_be_empty=True, **options)
    if key not in refused():
        last.set(typed)
    return last.get()


def taken(key: Key[int], low: int, high: int) -> int | None:
    """The number in a field, for what is called before the page runs; None for something else."""
    typed = key.get()
    return int(typed) if _may_be_taken(typed, low, high) else None


def _follow_limits(key: Key[int], last: Key[int | None], low: int, high: int) -> None:
    """A number that was allowed until now, and that nobody has typed since, moves with the limits."""
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
        words = _("{label}: there is no number here. It takes a whole one from {low:,} to {high:,}.")
    else:
        words = _("{label}: this takes a whole number from {low:,} to {high:,}, not {received:,.15g}.")
    return words.format(label=label, low=low, high=high, received=typed)
