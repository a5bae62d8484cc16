"""How a drawing becomes the image that the network gets, step by step, each step with a switch."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.drawing import preprocess
from core.evaluation.recognition import Reader, Reading
from core.i18n import _
from core.ui import state


def _step_words() -> dict[str, tuple[str, str, str]]:
    """For each step: its name, what it does, and what happens without it."""
    return {
        "ink": (
            _("Ink"),
            _("Whatever stands out from the paper becomes white on black."),
            _("The greys stay as they are, so that black ink on white paper is read as a white field."),
        ),
        "crop": (
            _("Cropped"),
            _("The smallest rectangle around the ink, without specks of dust."),
            _("The whole canvas is used, so that a digit drawn small or in a corner stays there."),
        ),
        "fit": (
            _("20×20"),
            _("Resized so that the longer side is 20 pixels."),
            _("Squeezed into 28×28: no border, and a narrow 1 becomes as wide as a 0."),
        ),
        "stretch": (
            _("Stretched"),
            _("The strongest ink becomes 255."),
            _("Thin or faint strokes stay grey, which MNIST's never are."),
        ),
        "centre": (
            _("Centred"),
            _("Put into 28×28 with its centre of mass in the middle."),
            _("The middle of the rectangle is put there instead."),
        ),
    }


def show(reader: Reader, reading: Reading, rgba: NDArray[np.uint8]) -> None:
    """Each step of the preprocessing as a picture, with a switch."""
    st.markdown(
        _("MNIST's digits were all prepared in the same way, and the network has seen no others. Turn a step "
          "off to see what it would have read: this is why so many demos fail.")
    )  # fmt: skip
    words = _step_words()
    without = {name for name in words if not state.DRAW_STEP[name].get()}
    pictures = preprocess.steps(rgba, without)
    with st.grid(5, min_column_width=150):
        for name, (title, does, otherwise) in words.items():
            with st.container(border=True, height="stretch"):
                st.toggle(title, value=True, key=state.DRAW_STEP[name], persist_state="session")
                st.image(_thumbnail(pictures[name]), width=128, alt=title)
                st.caption(otherwise if name in without else does)
    if not without:
        return
    image = np.rint(pictures["centre"]).astype(np.uint8)
    changed = reader.read(image[None])[0]
    left = ", ".join(words[name][0] for name in words if name in without)
    text = _("Without {steps}, it would have been read as **{digit}** ({share:.1%}); with every step, as "
             "**{now}** ({now_share:.1%}).")  # fmt: skip
    text = text.format(
        steps=left, digit=changed.digit, share=changed.confidence,
        now=reading.digit, now_share=reading.confidence,
    )  # fmt: skip
    if changed.digit == reading.digit:
        st.info(text, icon=":material/check:")
    else:
        st.warning(text, icon=":material/error:")


def _thumbnail(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A picture of any size on a square, its pixels kept square."""
    grey = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    side = max(grey.shape)
    top, left = (side - grey.shape[0]) // 2, (side - grey.shape[1]) // 2
    square = np.full((side, side), 70, np.uint8)  # what is not part of the picture is neither ink nor paper
    square[top : top + grey.shape[0], left : left + grey.shape[1]] = grey
    times = max(1, 256 // side)
    return square.repeat(times, axis=0).repeat(times, axis=1)
