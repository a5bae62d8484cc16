"""Digits side by side, each of which may be a button.

A picture of Streamlit's cannot be clicked, and of a button of its own only the words below the picture would
be one. Here the whole tile is the button, whose name is what the picture shows and what is said of it. All of
them are one element of the page: another forty pictures, captions and buttons took four times as long.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from core.ui.state import Key

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "gallery",
    html='<ul class="lab-tiles" role="list"></ul>',
    css=(_HERE / "gallery.css").read_text("utf-8"),
    js=(_HERE / "gallery.js").read_text("utf-8"),
    isolate_styles=False,  # see gallery.css
)


class Tile(NamedTuple):
    """One digit of a gallery.

    Attributes:
        image: uint8 ``(height, width)``, or with three colours ``(height, width, 3)``.
        caption: what is said of it, below it.
        alt: what the picture shows, for those who do not see it.
        right: whether it was read right, which frames and colours it; None for neither.
        key: identifies the tile where it is a button; "" where it is none.
    """

    image: NDArray[np.uint8]
    caption: str
    alt: str
    right: bool | None = None
    key: str = ""


def gallery(
    tiles: Sequence[Tile],
    key: Key[Any],
    side: int = 84,
    on_click: Callable[[str], None] | None = None,
    focus: str = "",
) -> str | None:
    """Digits in a grid that takes as many columns as fit.

    Args:
        key: identifies the gallery.
        side: pixels of the page that a picture is wide; with a multiple of an image's width, all of its own
            are equally large.
        on_click: called with the key of the tile that is pressed, before the page runs.
        focus: the key of the tile that gets the focus when the gallery comes, because the visitor was there.

    Returns:
        The key of the tile that was pressed in this run of the page, if any was.
    """
    keys = frozenset(tile.key for tile in tiles if tile.key)
    sent = _component(
        key=key,
        data={"side": side, "focus": focus, "tiles": [_as_data(tile) for tile in tiles]},
        on_pressed_change=partial(_pressed, key, keys, on_click),
    )
    return _one_of(keys, sent.get("pressed"))


def _pressed(key: Key[Any], keys: frozenset[str], on_click: Callable[[str], None] | None) -> None:
    pressed = _one_of(keys, key.get().get("pressed"))
    if on_click and pressed:
        on_click(pressed)


def _one_of(keys: frozenset[str], sent: object) -> str | None:
    """What a browser sends may be anything."""
    return sent if isinstance(sent, str) and sent in keys else None


def _as_data(tile: Tile) -> dict[str, Any]:
    mark = "" if tile.right is None else "right" if tile.right else "wrong"
    return {
        "image": _png(tile.image), "alt": tile.alt, "caption": tile.caption, "mark": mark, "key": tile.key,
    }  # fmt: skip


def _png(image: NDArray[np.uint8]) -> str:
    packed = io.BytesIO()
    Image.fromarray(image).save(packed, "png")
    return base64.b64encode(packed.getvalue()).decode("ascii")
