"""The ways to enter a digit: the canvas, the keyboard and a photo."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core import ui
from core.drawing import pictures, segmentation, strokes
from core.drawing.preprocess import EmptyDrawing
from core.drawing.strokes import Strokes
from core.evaluation import numbers
from core.evaluation.numbers import Digit
from core.evaluation.recognition import Reader
from core.i18n import _
from core.ui import query, state
from core.ui.canvas import BRUSH, SIDE, canvas
from core.ui.draw import photo
from core.ui.draw.grid import pixel_grid
from core.ui.draw.photo import Given

# For a number with several digits: as wide as a narrow screen, with a thinner pen.
NUMBER = (380, 220)
FINE = 12
_SIZES = {"canvas": (SIDE, SIDE), "number": NUMBER}
_GREY = 12  # pixels of the canvas for each pixel of the grid


class Shown(NamedTuple):
    """The input of a visitor.

    Attributes:
        rgba: uint8 ``(H, W, 4)``, the input of `core.drawing.preprocess.canvas_to_image`; for a picture,
            its pixels.
        strokes: the strokes, in pixels of `rgba`; empty if they are not known.
        given: the picture, if it is one.
    """

    rgba: NDArray[np.uint8]
    strokes: Strokes
    given: Given | None = None

    def read(self, reader: Reader) -> list[Digit]:
        """Read the digits. Raises EmptyDrawing if there is no ink."""
        if self.given is None:
            return numbers.read(reader, segmentation.find(self.rgba))
        rows = segmentation.digits(self.given.inked.ink)
        digits = numbers.read(reader, rows, self.given.inked.more, single=self.given.single)
        self.given.show_boxes(digits)
        return digits


def choose_source() -> str:
    """Let the visitor choose how to enter a digit."""
    names = {
        "canvas": _("Digit"),
        "number": _("Number"),
        "grid": _("Keyboard"),
        "photo": _("Photo"),
    }
    return query.switch(_("How to enter a digit"), state.DRAW_SOURCE, names, on_change=_forget)


def _forget() -> None:
    state.APP_STROKES.set("")  # the strokes belong to the previous canvas


def ask(source: str) -> Shown | None:
    """Let the visitor enter a digit. None while there is no input.

    Raises:
        EmptyDrawing: the input has no ink.
        ValueError: the input cannot be read. The message says why.
    """
    # Only at the beginning. Later, the address follows the drawing.
    if query.went_back():
        state.APP_STROKES.pop()
    state.APP_STROKES.begin((state.DRAWING.get() or "")[: strokes.MOST_TEXT])
    match source:
        case "grid":
            return _keyboard()
        case "photo":
            return _photo()
        case "number":
            return _canvas(NUMBER, FINE)
    return _canvas((SIDE, SIDE), BRUSH)


def remember(source: str, shown: Shown | None) -> None:
    """Write the strokes on a canvas into the address. A photo or a grid would be too long for it."""
    size = _SIZES.get(source)
    state.APP_STROKES.set(strokes.to_text(shown.strokes, max(size)) if size and shown else "")
    query.replace(state.DRAW_ADDRESS, state.DRAWING.to(state.APP_STROKES.get()))


def _canvas(size: tuple[int, int], brush: int) -> Shown | None:
    # The strokes in the address, or the strokes from before the visitor left the page.
    begun = strokes.from_text(state.APP_STROKES.get(), max(size))
    drawn = canvas(state.DRAW_CANVAS, size, brush, begun)
    return Shown(strokes.painted(drawn, size, brush), drawn) if drawn else None


def _keyboard() -> Shown | None:
    drawn = pixel_grid(state.DRAW_GRID, label=_("Draw a digit"))
    if drawn is None:
        return None
    large = np.kron(drawn, np.ones((_GREY, _GREY), np.uint8))
    return Shown(np.dstack([large, large, large, np.full_like(large, 255)]), [])


def is_secure(address: str | None) -> bool:
    """Whether browsers treat this address as secure. They allow a camera only on a secure page.

    Args:
        address: None if it is not known.
    """
    parts = urlsplit(address or "https:")
    host = parts.hostname or ""
    try:
        is_local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = host == "localhost" or host.endswith(".localhost")
    return parts.scheme == "https" or is_local


def _where_from() -> str:
    """Let the visitor choose between a file and the camera, if the browser allows a camera."""
    if not is_secure(st.context.url):
        st.caption(
            _(
                "The camera is not available. Browsers allow it only over https, but this page was loaded "
                "over http. On a phone, the button below lets you take a photo. The operator of this app "
                "can serve it over https."
            )
        )
        return "file"
    ways = {"file": _("File"), "camera": _("Camera")}
    way: str = st.segmented_control(
        _("Source of the photo"), list(ways), default="file", required=True, key=state.DRAW_PHOTO_WAY,
        format_func=ways.__getitem__,
    )  # fmt: skip
    return way


def _photo() -> Shown | None:
    ui.say_where_files_are_taken()
    if _where_from() == "camera":
        given = st.camera_input(
            _("A digit or a number, as large as possible"), key=state.DRAW_CAMERA,
            on_change=photo.forget_corrections,
        )  # fmt: skip
    else:
        given = st.file_uploader(
            _("A photo of a digit or a number"), type=list(pictures.TYPES), key=state.DRAW_PHOTO,
            max_upload_size=pictures.MOST_BYTES // 1_000_000, on_change=photo.forget_corrections,
            help=_("PNG, JPEG, WebP or HEIC, at most 40 MB and 50 megapixels. Nothing is saved unless you "
                   "choose to save it."),
        )  # fmt: skip
    if given is None:
        return None
    seen = photo.look_at(given.getvalue())
    return Shown(seen.pixels, [], seen)


def hint(source: str, nothing_seen: EmptyDrawing | None = None) -> str:
    """The words that tell the visitor what to enter, if there is no digit to classify.

    Args:
        nothing_seen: the error, if there was an input without ink.
    """
    match source:
        case "number":
            return _("Write a number on the black field, such as 42 or 2026.")
        case "grid":
            return _(
                "Draw a digit from 0 to 9 in the grid. The arrow keys move the cursor, and the space "
                "bar fills a pixel."
            )
        case "photo":
            return str(nothing_seen or _("Take or choose a photo of a digit or a number on paper."))
    return _("Draw a digit from 0 to 9 on the black square.")


def refusal(source: str, error: ValueError) -> str:
    """Why the input cannot be read, and what to do. The error of a photo says both."""
    return (
        str(error)
        if source == "photo"
        else _("{reason} Clear the drawing and try again.").format(reason=error)
    )
