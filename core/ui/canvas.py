"""A canvas to draw on with mouse, pen or finger.

What stands in the page is `canvas.js` and `canvas.css`. The browser keeps the strokes: it takes them back and
clears them at once. Python is told of them after each change, and draws them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from core import strokes
from core.i18n import _
from core.strokes import Strokes

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "drawing_canvas",
    html="""
    <div class="field">
      <canvas role="img"></canvas>
      <div class="tools">
        <button class="undo"></button><button class="redo"></button><button class="clear"></button>
      </div>
    </div>
    """,
    css="".join((_HERE / name).read_text("utf-8") for name in ("canvas.css", "tools.css")),
    js=(_HERE / "canvas.js").read_text("utf-8"),
)


def canvas(key: str, size: tuple[int, int], brush: int, begun: Strokes) -> Strokes:
    """Let the visitor draw.

    Args:
        key: identifies the canvas and what is drawn on it.
        size: width and height in pixels, those in which strokes are told. A narrow screen shows it smaller.
        brush: how wide the pen is, in pixels.
        begun: the strokes that are there when nobody has drawn yet. They can be taken back, too.

    Returns:
        The strokes, in pixels of the canvas. Where the pen left the canvas, they do as well.

    Raises:
        ValueError: what the browser sent are no strokes, see `core.strokes.checked`.
    """
    width, height = size
    data = {"width": width, "height": height, "brush": brush, "words": _words()}
    try:
        data["strokes"] = _read(st.session_state.get(key, {}), begun)
    except ValueError:
        data["strokes"] = []
    return _read(_component(key=key, data=data, width="content"), begun)


def _read(state: Mapping[str, Any], begun: Strokes) -> Strokes:
    """The strokes that the browser sent. Raises as `canvas`."""
    sent = state.get("strokes")
    if sent is None:  # nobody has touched it yet
        return begun
    return strokes.checked(sent) if sent else []


def _words() -> dict[str, str]:
    """What the canvas says, in the visitor's language."""
    return {
        "canvas": _("A canvas to draw on with mouse, pen or finger"),
        "undo": _("Undo"),
        "redo": _("Redo"),
        "clear": _("Clear"),
    }
