"""A canvas to draw on with mouse, pen or finger, and the buttons below it.

The canvas is streamlit-drawable-canvas's. `canvas.js` puts buttons of ours in the place of its toolbar, has
what was drawn sent the moment the pen goes up, and fits it to a narrow screen: all in the browser, where
nothing waits for Python. That is told of the strokes after each change, and draws them again in the one way
in which it draws those out of an address or a file, so a link shows exactly what was read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from core.drawing import strokes
from core.drawing.strokes import Strokes
from core.i18n import _
from core.ui import browser, state

_HERE = Path(__file__).parent
_tools = st.components.v2.component(
    "canvas_tools",
    html="""
    <div class="tools">
      <button class="undo" aria-disabled="true"></button>
      <button class="redo" aria-disabled="true"></button>
      <button class="clear" aria-disabled="true"></button>
    </div>
    """,
    css=(_HERE / "tools.css").read_text("utf-8"),
    js=(_HERE / "canvas.js").read_text("utf-8"),
)


class _Drawing(browser.Sent):
    raw: dict[str, Any] | None = None  # `core.drawing.strokes.from_canvas` takes anything
    data: str | None = None


class _Sent(browser.Sent):
    drawing: _Drawing | None = None
    backgroundFit: None = None


browser.expect(state.DRAW_CANVAS.name, _Sent)


def canvas(size: tuple[int, int], brush: int, begun: Strokes) -> Strokes:
    """Let the visitor draw.

    Args:
        size: width and height in pixels, those in which strokes are told. A narrow screen shows it smaller.
            Another width is another canvas, with other strokes on it.
        brush: how wide the pen is, in pixels.
        begun: the strokes that are there when nobody has drawn yet. They can be taken back, too.

    Returns:
        The strokes, in pixels of the canvas. Where the pen left the canvas, they do as well.

    Raises:
        ValueError: what the browser sent are no strokes, see `core.drawing.strokes.from_canvas`.
    """
    # Not above: this package can be imported only where a Streamlit server is running.
    from streamlit_drawable_canvas import st_canvas

    width, height = size
    around = state.DRAW_AROUND[width]
    tools = {"around": around.css_class, "width": width, "height": height, "words": _words()}
    # The gap is as wide as a browser looks around for something to press, where a finger comes down.
    with st.container(key=around, gap="small"):
        sent = st_canvas(
            stroke_width=brush, stroke_color="#FFFFFF", background_color="#000000", width=width,
            height=height, key=state.DRAW_CANVAS[width],
        ).json_data  # fmt: skip
        drawn: Strokes = []
        try:
            # Once somebody has touched it, the canvas says by which version of it that is told.
            drawn = strokes.from_canvas(sent) if sent and "version" in sent else begun
        finally:  # also what cannot be read can be cleared
            _tools(key=state.DRAW_TOOLS[width], data=tools | {"strokes": drawn})
    return drawn


def _words() -> dict[str, str]:
    """What the canvas and its buttons say, in the visitor's language."""
    return {
        "canvas": _("A canvas to draw on with mouse, pen or finger"),
        "undo": _("Undo"),
        "redo": _("Redo"),
        "clear": _("Clear"),
    }
