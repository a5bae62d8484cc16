"""Messages for screen readers."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.ui import state

_component = st.components.v2.component(
    "announce",
    html='<div class="said" role="status"></div>',
    css=(Path(__file__).parent / "said.css").read_text("utf-8"),
    js=(Path(__file__).parent / "announce.js").read_text("utf-8"),
)


def announce(words: str) -> None:
    """Let a screen reader read these words when it has finished the current ones.

    Call this in every run of the page, at the same place. Pass "" when there is nothing to say. Browsers
    announce a change in a region, but not a new region.
    """
    _component(key=state.APP_ANNOUNCED, data={"words": words}, height=1)
