"""A picture on the Draw page: what it was taken for, what a person corrects, and the boxes of its digits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from streamlit.delta_generator import DeltaGenerator

from core.drawing import ink, pictures
from core.drawing.ink import Ink
from core.evaluation.numbers import Digit
from core.i18n import _
from core.ui import state
from core.ui.canvas import SIDE

_CORRECTIONS = (
    state.DRAW_PHOTO_INK, state.DRAW_PHOTO_DIGITS, state.DRAW_PHOTO_TURN, state.DRAW_PHOTO_ACROSS,
    state.DRAW_PHOTO_DOWN,
)  # fmt: skip
_BOX = (214, 39, 40)


class Given(NamedTuple):
    """A picture that a visitor has brought.

    Attributes:
        pixels: uint8 ``(H, W, 4)``, turned and cropped as the visitor wants it.
        inked: its ink.
        single: whether the visitor says that it has one digit; None if the visitor says nothing.
        place: where the picture is shown.
    """

    pixels: NDArray[np.uint8]
    inked: Ink
    single: bool | None
    place: DeltaGenerator

    def show_boxes(self, digits: list[Digit]) -> None:
        """Show the picture with a box around each digit, and what the digit is read as."""
        text = "".join(str(digit.reading.digit) for digit in digits)
        self.place.image(
            boxed(self.pixels, digits), width=SIDE, alt=_("The photo, read as {text}").format(text=text)
        )


def forget_corrections() -> None:
    """Another picture begins without the corrections of the one before."""
    for correction in _CORRECTIONS:
        correction.pop()


def look_at(data: bytes) -> Given:
    """Show a picture from a file, say what it was taken for, and let the visitor correct that.

    Raises:
        NoPicture: the file cannot be read.
        EmptyDrawing: there is no ink in the picture.
    """
    picture = pictures.read(data)
    place, said = st.empty(), st.empty()
    with st.expander(_("Correct what was seen"), icon=":material/tune:"):
        light, single, turns = _choose_meaning()
        across = st.slider(
            _("Crop from left to right"), 0, 100, (0, 100), format="%d%%", key=state.DRAW_PHOTO_ACROSS
        )
        down = st.slider(
            _("Crop from top to bottom"), 0, 100, (0, 100), format="%d%%", key=state.DRAW_PHOTO_DOWN
        )
    pixels = pictures.adjusted(picture.pixels, turns, across, down)
    place.image(pixels, width=SIDE, alt=_("The photo"))
    inked = ink.find(pixels, light)
    said.caption(_taken_for(inked))
    return Given(pixels, inked, single, place)


def _choose_meaning() -> tuple[bool | None, bool | None, int]:
    """Whether the ink is light, whether there is one digit, and the quarter turns; None to find it out."""
    inks = {"auto": _("Find out"), "dark": _("Dark"), "light": _("Light")}
    numbers = {"auto": _("Find out"), "one": _("One digit"), "number": _("A number")}
    turns = {0: "0°", 1: "90°", 2: "180°", 3: "270°"}
    chosen_ink = st.segmented_control(
        _("Ink"), list(inks), default="auto", required=True, key=state.DRAW_PHOTO_INK,
        format_func=inks.__getitem__,
    )  # fmt: skip
    chosen_number = st.segmented_control(
        _("What it shows"), list(numbers), default="auto", required=True, key=state.DRAW_PHOTO_DIGITS,
        format_func=numbers.__getitem__,
    )  # fmt: skip
    chosen_turns = st.segmented_control(
        _("Turn clockwise"), list(turns), default=0, required=True, key=state.DRAW_PHOTO_TURN,
        format_func=turns.__getitem__,
    )  # fmt: skip
    light = {"dark": False, "light": True}.get(chosen_ink)
    return light, {"one": True, "number": False}.get(chosen_number), chosen_turns


def _taken_for(inked: Ink) -> str:
    """What a picture was taken for, in words."""
    words = {
        ("drawing", False): _("Taken for a drawing, dark on light."),
        ("drawing", True): _("Taken for a drawing, light on dark."),
        ("scan", False): _("Taken for a scan, dark ink on light paper."),
        ("scan", True): _("Taken for a scan, light ink on dark paper."),
        ("photo", False): _("Taken for a photo, dark ink on light paper."),
        ("photo", True): _("Taken for a photo, light ink on a dark board."),
    }
    return words[inked.taken_for, inked.light]


def boxed(pixels: NDArray[np.uint8], digits: list[Digit]) -> NDArray[np.uint8]:
    """The picture with a box around each digit, and above the box the digit and its confidence.

    Where the digits are so close that these would cover each other, the confidences are left out.

    Args:
        pixels: uint8 ``(H, W, 4)``.

    Returns:
        uint8 ``(h, w, 4)``, enlarged so that the text can be read.
    """
    image = Image.fromarray(pixels)
    scale = max(1, round(2 * SIDE / max(image.size)))
    image = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(image)
    unit = max(image.size) / SIDE  # a pixel on the screen
    font = ImageFont.load_default(11 * unit)
    labels = []
    for segment, reading in digits:
        left, top, right, bottom = (side * scale for side in segment.box)
        pen.rectangle((left, top, right, bottom), outline=_BOX, width=max(1, round(1.5 * unit)))
        above = top >= 14 * unit
        place = (max(0, left), top - 1 * unit) if above else (max(0, left) + 2 * unit, top + 13 * unit)
        labels.append((place, f"{reading.digit} {reading.confidence:.0%}"))
    covered = [pen.textbbox(place, words, font, anchor="ls") for place, words in labels]
    together = any(_touch(a, b) for a, b in itertools.combinations(covered, 2))
    for place, words in labels:
        pen.text(
            place, words.split()[0] if together else words, _BOX, font, anchor="ls",
            stroke_width=round(unit), stroke_fill="white",
        )  # fmt: skip
    return np.asarray(image)


def _touch(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two rectangles, left, top, right and bottom, have a point in common."""
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]
