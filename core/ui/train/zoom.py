"""The zoom of the curves stays while new rows arrive.

`zoom.js` is the part in the browser, and says why it is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import streamlit as st
from pydantic import Field

from core.lazy import go
from core.ui import browser, state
from core.ui.state import Key

_component = st.components.v2.component(
    "zoom", html="", js=Path(__file__).with_name("zoom.js").read_text("utf-8")
)

_End = Annotated[float, Field(ge=-1e9, le=1e9)]


class _Zoom(browser.Sent):
    """A part of an axis. On a logarithmic axis, its ends are powers of ten."""

    range: Annotated[list[_End], Field(min_length=2, max_length=2)]
    type: Literal["linear", "log"]


class _Zooms(browser.Sent):
    """By chart and axis; None for the whole axis."""

    loss_x: _Zoom | None = None
    loss_y: _Zoom | None = None
    accuracy_x: _Zoom | None = None
    accuracy_y: _Zoom | None = None


browser.expect(state.TRAIN_ZOOM.name, _Zooms)


def apply(figure: go.Figure, metric: str, key: Key[dict[str, Any]]) -> go.Figure:
    """Give the figure the zoom of the visitor. A zoom of another kind of axis is ignored."""
    for name in ("x", "y"):
        axis, zoom = figure.layout[f"{name}axis"], key.get().get(f"{metric}_{name}")
        if zoom and zoom["type"] == (axis.type or "linear"):
            axis.range = zoom["range"]
    return figure


def watch(key: Key[dict[str, Any]]) -> None:
    """Let the browser send the zoom of the curves."""
    places = {metric: state.TRAIN_CURVE[metric].css_class for metric in ("loss", "accuracy")}
    _component(key=key, data={"charts": places}, height=1)
