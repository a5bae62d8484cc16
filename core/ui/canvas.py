"""A canvas to draw on with mouse, pen or finger, and the buttons below it.

The canvas is that of streamlit-drawable-canvas. `canvas.js` replaces its toolbar, sends the drawing as soon
as the pen is lifted, and fits the canvas to a narrow screen. All this happens in the browser, without waiting
for Python. Python gets the strokes after each change and paints them in the same way as strokes from an
address or a file. So a link shows exactly what was read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from core.drawing import strokes
from core.drawing.strokes import Strokes
from core.i18n import _
from core.ui import browser
from core.ui.state import Family

SIDE = 280  # pixels of a canvas for one digit
BRUSH = 20  # pixels of its pen

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
    raw: dict[str, Any] | None = None  # `core.drawing.strokes.from_canvas` validates it
    data: str | None = None


class _Sent(browser.Sent):
    drawing: _Drawing | None = None
    backgroundFit: None = None


def canvas(
    keys: Family[Any],
    size: tuple[int, int],
    brush: int,
    begun: Strokes,
    on_near: Callable[[], None] | None = None,
) -> Strokes:
    """Let the visitor draw.

    Args:
        keys: the keys of the canvas and its parts, of the page on which it is.
        size: width and height in pixels, the unit of the strokes. A narrow screen shows the canvas smaller. A
            canvas of another width has other strokes.
        brush: the width of the pen in pixels.
        begun: the strokes at the beginning. They can be undone, too.
        on_near: called once, before the page runs, when a mouse, pen or finger first comes to the canvas.

    Returns:
        The strokes, in pixels of the canvas. They may leave the canvas.

    Raises:
        ValueError: the browser did not send valid strokes, see `core.drawing.strokes.from_canvas`.
    """
    # Not at the top: this package can be imported only inside a Streamlit server.
    from streamlit_drawable_canvas import st_canvas

    width, height = size
    around = keys[f"around_{width}"]
    tools = {
        "around": around.css_class, "width": width, "height": height, "words": _words(),
        "near": on_near is not None,
    }  # fmt: skip
    browser.expect(keys[width], _Sent)
    # The gap is as wide as the area around a touch in which a browser looks for a button.
    with st.container(key=around, gap="small"):
        sent = st_canvas(
            stroke_width=brush, stroke_color="#FFFFFF", background_color="#000000", width=width,
            height=height, key=keys[width],
        ).json_data  # fmt: skip
        drawn: Strokes = []
        try:
            # The canvas sends its version once it has been touched.
            drawn = strokes.from_canvas(sent) if sent and "version" in sent else begun
        finally:  # an invalid drawing can be cleared, too
            _tools(
                key=keys[f"tools_{width}"], data=tools | {"strokes": drawn},
                on_near_change=on_near,
            )  # fmt: skip
    return drawn


def _words() -> dict[str, str]:
    """The labels of the canvas and its buttons, in the language of the visitor."""
    return {
        "canvas": _("A canvas to draw on with mouse, pen or finger"),
        "undo": _("Undo"),
        "redo": _("Redo"),
        "clear": _("Clear"),
    }
