"""The layout of a page."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.i18n import _
from core.ui.state import Key
from core.ui.whole_number import whole


def at_least(width: int) -> DeltaGenerator:
    """A container with at least this width in pixels. It scrolls sideways on a narrower screen."""
    return st.grid(1, min_column_width=width, wrap=False)


def pager(total: int, size: int, key: Key[int]) -> slice:
    """Let the visitor choose a page of `total` items, with `size` items each. Returns the slice to show."""
    pages, page = max(1, -(-total // size)), 1
    if pages > 1:
        page = whole(_("Page (of {pages:,})").format(pages=pages), 1, pages, key=key, width=180)
    else:
        key.set(1)
    return slice((page - 1) * size, page * size)
