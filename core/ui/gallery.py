"""Digits side by side, each of which may be a button.

An image of Streamlit cannot be clicked. With a separate button below it, only the caption would be clickable.
Here, the whole tile is the button, and its name is the description and the caption of the image. All tiles
are one element of the page: forty separate images, captions and buttons took four times as long.
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
        caption: the text below the image.
        alt: a description of the image for screen readers.
        right: whether the prediction is right, which sets the frame and the colour; None for neither.
        key: identifies the tile if it is a button; "" if it is not.
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
    """Digits in a grid with as many columns as fit.

    Args:
        key: identifies the gallery.
        side: the width of a tile in pixels of the page. With a multiple of the width of the images, all their
            pixels have the same size.
        on_click: called with the key of the pressed tile, before the page runs.
        focus: the key of the tile that gets the focus when the gallery appears; "" for none.

    Returns:
        The key of the tile that was pressed before this run of the page; None if no tile was pressed.
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
    """The key that the browser sent, if it is the key of a tile. A browser may send anything."""
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
