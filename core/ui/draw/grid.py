"""A grid of 28×28 pixels to draw a digit on, with the keyboard, a mouse, a pen or a finger.

`grid.js` and `grid.css` are the part in the browser. They know only whether a pixel is filled. The width of
the pen is decided here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.i18n import _
from core.ui import browser, state
from core.ui.state import Key

SIDE = 28
PEN = 2.2  # the width of a stroke in pixels; strokes in MNIST are 2 to 4 pixels wide

_PIXELS = re.compile(rf"[01]{{{SIDE * SIDE}}}")
_HERE = Path(__file__).parent
# This follows the grid pattern of ARIA: rows of cells with one tab stop, in which the arrow keys move the
# focus. So each pixel is an element. A single role="application" with a live region would work only for a
# screen reader with a keyboard. It would not work with braille, with a touch screen or with voice control,
# which need real elements. Some screen readers announce row and column themselves. Orca and VoiceOver do not,
# so the label of each cell contains them.
_component = st.components.v2.component(
    "pixel_grid",
    html="""
    <div class="field">
      <div id="label"></div>
      <div class="grid" role="grid" aria-labelledby="label" aria-describedby="hint"></div>
      <div class="where" aria-hidden="true"></div>
      <div class="tools"><button class="clear"></button></div>
      <div id="hint"></div>
      <div class="said" role="status"></div>
    </div>
    """,
    css="".join((_HERE / name).read_text("utf-8") for name in ("grid.css", "../tools.css", "../said.css")),
    js=(_HERE / "grid.js").read_text("utf-8"),
)


class _Grid(browser.Sent):
    pixels: str = ""


browser.expect(state.DRAW_GRID, _Grid)


def pixel_grid(key: Key[dict[str, Any]], *, label: str) -> NDArray[np.uint8] | None:
    """Let the visitor draw in a grid of pixels.

    Args:
        key: identifies the grid and its drawing. Another key gives another grid, which is empty.
        label: what to draw. It is shown above the grid, and a screen reader reads it at the focus.

    Returns:
        The drawing, uint8 ``(28, 28)``, 0 (paper) to 255 (ink); None while the grid is empty.
    """
    before = pixels(key.get().get("pixels"))
    sent = _component(
        key=key,
        data={"words": _words(label), "pixels": _text(before)},
        width="content",
    )
    drawn = pixels(sent.get("pixels"))
    return soften(drawn) if drawn.any() else None


def _words(label: str) -> dict[str, str]:
    """The texts of the grid, in the language of the visitor."""
    return {
        "label": label,
        "hint": _(
            "The arrow keys move the cursor. Space fills or erases a pixel. To draw while you move, hold "
            "Shift, or press Enter to put the pen down. Home and End jump to the first and the last column. "
            "Page Up and Page Down move by 7 rows. Delete clears the grid. You can also draw with a mouse, a "
            "pen or a finger."
        ),
        # A screen reader reads this at each step; {state} is "ink" or "paper".
        "cell": _("row {row}, column {column}, {state}"),
        "ink": _("ink"),
        "paper": _("paper"),
        "down": _("pen down"),
        "up": _("pen up"),
        "empty": _("The grid is empty."),
        "clear": _("Clear"),
    }


def pixels(value: object) -> NDArray[np.bool_]:
    """The filled pixels, bool ``(28, 28)``.

    Args:
        value: a text of 784 characters "0" or "1", row by row. The browser may send anything; any other value
            gives an empty grid.
    """
    if not isinstance(value, str) or not _PIXELS.fullmatch(value):
        return np.zeros((SIDE, SIDE), bool)
    return np.array([digit == "1" for digit in value]).reshape(SIDE, SIDE)


def _text(pixels: NDArray[np.bool_]) -> str:
    """The pixels as the text that `pixels` reads."""
    return "".join("1" if inked else "0" for inked in pixels.flat)


def _brush() -> NDArray[np.float64]:
    """The share of each pixel that the pen covers around the pixel in the middle, float64 ``(3, 3)``."""
    finer = 50  # parts of a pixel along each axis, to measure how much of it the round tip covers
    middles = (np.arange(3 * finer) + 0.5) / finer - 1.5
    tip = np.hypot.outer(middles, middles) <= PEN / 2
    covered: NDArray[np.float64] = tip.reshape(3, finer, 3, finer).mean(axis=(1, 3))
    return covered


def soften(pixels: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The image of a soft round pen that touched each of these pixels.

    Each touch multiplies the remaining paper by the share that the pen does not cover, as in paint programs.
    So a stroke is about as wide as the pen. A sum of the touches would make straight strokes 50% wider.

    Args:
        pixels: bool ``(28, 28)``.

    Returns:
        uint8 ``(28, 28)``, 0 (paper) to 255 (ink).
    """
    around = np.pad(pixels, 1).astype(float)
    paper = np.ones((SIDE, SIDE))
    for (dy, dx), covered in np.ndenumerate(_brush()):
        paper *= 1 - covered * around[dy : dy + SIDE, dx : dx + SIDE]
    return np.rint(255 * (1 - paper)).astype(np.uint8)
