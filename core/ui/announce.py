"""Words that are read out to those who do not see the page change."""

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
    """Have a screen reader say this once it is done with what it is saying.

    To be called in every run of the page and at the same place, with no words where there is nothing to say:
    browsers read out what changes in a region, not a region that is new.
    """
    _component(key=state.APP_ANNOUNCED, data={"words": words}, height=1)
