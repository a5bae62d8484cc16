"""A grid of 28×28 pixels to draw a digit on, with keys as well as with mouse, pen or finger.

What stands in the page is `grid.js` and `grid.css`. They know of single pixels, inked or not; how
wide the pen is, is decided here.
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
PEN = 2.2  # how wide a stroke is, in pixels: MNIST's are 2 to 4, and one pixel would be a hairline

_PIXELS = re.compile(rf"[01]{{{SIDE * SIDE}}}")
_HERE = Path(__file__).parent
# ARIA has a pattern for just this, the grid: rows of cells with one tab stop, in which the arrow keys
# move the focus. So each pixel is an element. A single role="application" with a live region would say the
# same to those who listen with a keyboard at hand, and nothing to those who read braille, who explore the
# screen with a finger, or who have the computer click for them: for them there must be something there.
# A screen reader may add row and column in words of its own; Orca and VoiceOver do not, so the cells do.
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
    css="".join((_HERE / name).read_text("utf-8") for name in ("grid.css", "tools.css", "../said.css")),
    js=(_HERE / "grid.js").read_text("utf-8"),
)


class _Grid(browser.Sent):
    pixels: str = ""


browser.expect(state.DRAW_GRID, _Grid)


def pixel_grid(key: Key[dict[str, Any]], *, label: str) -> NDArray[np.uint8] | None:
    """Let the visitor draw in a grid of pixels.

    Args:
        key: identifies the grid and what is drawn on it. Another key is another grid, an empty one.
        label: what to draw, shown above the grid and read out when it gets the focus.

    Returns:
        The drawing, uint8 ``(28, 28)``, 0 (paper) to 255 (ink); None while nothing is inked.
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
    """What the grid says, in the visitor's language."""
    return {
        "label": label,
        "hint": _(
            "Arrow keys walk, Space inks or erases. To ink along the way, hold Shift, or put the pen down "
            "with Enter. Home, End, Page Up and Page Down jump, Delete clears. "
            "Mouse, pen and finger draw, too."
        ),
        # As it is read out at each step; {state} is "ink" or "paper".
        "cell": _("row {row}, column {column}, {state}"),
        "ink": _("ink"),
        "paper": _("paper"),
        "down": _("pen down"),
        "up": _("pen up"),
        "empty": _("The grid is empty."),
        "clear": _("Clear"),
    }


def pixels(value: object) -> NDArray[np.bool_]:
    """Which pixels are inked, bool ``(28, 28)``.

    Args:
        value: 784 times "0" or "1", row by row. It comes from the browser, so it may be anything; what is
            not that is an empty grid.
    """
    if not isinstance(value, str) or not _PIXELS.fullmatch(value):
        return np.zeros((SIDE, SIDE), bool)
    return np.array([digit == "1" for digit in value]).reshape(SIDE, SIDE)


def _text(pixels: NDArray[np.bool_]) -> str:
    """The pixels as `pixels` reads them."""
    return "".join("1" if inked else "0" for inked in pixels.flat)


def _brush() -> NDArray[np.float64]:
    """How much of each pixel the pen covers when it is put on the middle one, ``(3, 3)``."""
    finer = 50  # so many times, to count how much of a pixel the round tip covers
    middles = (np.arange(3 * finer) + 0.5) / finer - 1.5
    tip = np.hypot.outer(middles, middles) <= PEN / 2
    covered: NDArray[np.float64] = tip.reshape(3, finer, 3, finer).mean(axis=(1, 3))
    return covered


def soften(pixels: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The image that a soft round pen leaves which was put on each of these pixels.

    Each touch leaves of the paper what the pen did not cover, as paint programs reckon it. So a stroke
    stays about as wide as the pen; adding up the touches would make straight ones half as wide again.

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
