"""The ways in which a visitor shows a digit: the canvas, the keyboard, a photo."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core import ui
from core.drawing import photo, strokes
from core.drawing.preprocess import EmptyDrawing
from core.drawing.strokes import Strokes
from core.i18n import _
from core.ui import query, state
from core.ui.draw.canvas import canvas
from core.ui.draw.grid import pixel_grid

SIDE = 280
BRUSH = 20
# For a number: as wide as a narrow screen, and a finer pen.
NUMBER = (380, 220)
FINE = 12
_SIZES = {"canvas": (SIDE, SIDE), "number": NUMBER}
_GREY = 12  # how many pixels of the page one pixel of the grid takes


class Shown(NamedTuple):
    """What a visitor has shown.

    Attributes:
        rgba: uint8 ``(H, W, 4)``, as `core.drawing.preprocess.canvas_to_image` takes it.
        strokes: how it was drawn, in the pixels of `rgba`; none where that is not known.
    """

    rgba: NDArray[np.uint8]
    strokes: Strokes


def choose_source() -> str:
    """Let the visitor choose how to show a digit."""
    names = {
        "canvas": _("Digit"),
        "number": _("Number"),
        "grid": _("Keyboard"),
        "photo": _("Photo"),
    }
    return query.switch(_("How to show a digit"), state.DRAW_SOURCE, names, on_change=_forget)


def _forget() -> None:
    state.DRAW_STROKES.set("")  # it belongs to the canvas that was left


def ask(source: str) -> Shown | None:
    """Let the visitor show a digit. None as long as there is nothing to read.

    Raises:
        EmptyDrawing: there is something, but no ink in it.
        ValueError: it cannot be read. The message says why.
    """
    # Only in the beginning: later, the address follows the drawing.
    state.DRAW_STROKES.begin((state.DRAW_STROKES.parameter.get() or "")[: strokes.MOST_TEXT])
    match source:
        case "grid":
            return _keyboard()
        case "photo":
            return _photo()
        case "number":
            return _canvas(NUMBER, FINE)
    return _canvas((SIDE, SIDE), BRUSH)


def remember(source: str, shown: Shown | None) -> None:
    """Write what is drawn on a canvas into the address; a photo or a grid has no room there."""
    size = _SIZES.get(source)
    state.DRAW_STROKES.set(strokes.to_text(shown.strokes, max(size)) if size and shown else "")
    query.replace(state.DRAW_ADDRESS, state.DRAW_STROKES.parameter.to(state.DRAW_STROKES.get()))


def _canvas(size: tuple[int, int], brush: int) -> Shown | None:
    # As the address has it, or as it was when the visitor left the page.
    begun = strokes.from_text(state.DRAW_STROKES.get(), max(size))
    drawn = canvas(size, brush, begun)
    return Shown(strokes.painted(drawn, size, brush), drawn) if drawn else None


def _keyboard() -> Shown | None:
    drawn = pixel_grid(state.DRAW_GRID, label=_("Draw a digit"))
    if drawn is None:
        return None
    large = np.kron(drawn, np.ones((_GREY, _GREY), np.uint8))
    return Shown(np.dstack([large, large, large, np.full_like(large, 255)]), [])


def is_secure(address: str | None) -> bool:
    """Whether a browser takes the page at this address for secure. Only to such a page it gives a camera.

    Args:
        address: None if it is not known.
    """
    parts = urlsplit(address or "https:")
    host = parts.hostname or ""
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost" or host.endswith(".localhost")
    return parts.scheme == "https" or here


def _where_from() -> str:
    """Let the visitor choose between a file and the camera, where there can be one."""
    if not is_secure(st.context.url):
        st.caption(
            _(
                "No camera here: a browser allows it only over https, and this page came over http. On a "
                "phone, the button below offers to take a photo. Whoever serves this page can serve it over "
                "https."
            )
        )
        return "file"
    ways = {"file": _("A file"), "camera": _("The camera")}
    way: str = st.segmented_control(
        _("Where from"), list(ways), default="file", required=True, key=state.DRAW_PHOTO_WAY,
        format_func=ways.__getitem__,
    )  # fmt: skip
    return way


def _photo() -> Shown | None:
    ui.say_where_files_are_taken()
    if _where_from() == "camera":
        given = st.camera_input(_("A digit on paper, as large as you can"), key=state.DRAW_CAMERA)
    else:
        given = st.file_uploader(
            _("A photo of a digit on paper"), type=["png", "jpg", "jpeg", "webp"], key=state.DRAW_PHOTO,
            max_upload_size=photo.MOST_BYTES // 1_000_000,
            help=_("PNG, JPEG or WebP, at most 10 MB and 25 megapixels. It is not kept, unless you say so."),
        )  # fmt: skip
    if given is None:
        return None
    taken = photo.read(given.getvalue())
    st.image(taken, width=SIDE, alt=_("The photo"))
    return Shown(photo.canvas(taken), [])


def hint(source: str, nothing_seen: EmptyDrawing | None = None) -> str:
    """What to do where there is nothing to read.

    Args:
        nothing_seen: why there is nothing, where something was shown.
    """
    match source:
        case "number":
            return _("Write a number on the black field, such as 42 or 2026.")
        case "grid":
            return _("Draw a digit from 0 to 9 in the grid: arrow keys walk, the space bar inks.")
        case "photo":
            return str(nothing_seen or _("Show a digit from 0 to 9, written on paper."))
    return _("Draw a digit from 0 to 9 on the black square.")


def refusal(source: str, error: ValueError) -> str:
    """Why what was shown cannot be read, and what to do. Of a photo, the error says both."""
    return str(error) if source == "photo" else _("{reason} Clear it and try again.").format(reason=error)
