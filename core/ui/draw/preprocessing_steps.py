"""The preprocessing of a drawing, step by step, with a switch for each step."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.drawing import preprocess
from core.evaluation.recognition import Reader, Reading
from core.i18n import _
from core.ui import state


def _step_words() -> dict[str, tuple[str, str, str]]:
    """For each step: its name, its effect, and the effect of leaving it out."""
    return {
        "ink": (
            _("Ink"),
            _("The ink becomes white, and the paper becomes black."),
            _("The grey values do not change. Black ink on white paper then looks like a white field."),
        ),
        "crop": (
            _("Cropped"),
            _("The smallest rectangle around the ink, without specks of dust."),
            _(
                "The whole canvas is used. A small digit stays small, and a digit in a corner stays in the "
                "corner."
            ),
        ),
        "fit": (
            _("20×20"),
            _("Resized so that the longer side is 20 pixels."),
            _("Stretched to 28×28 pixels. There is no border, and a narrow 1 becomes as wide as a 0."),
        ),
        "stretch": (
            _("Contrast"),
            _("The strongest ink gets the value 255."),
            _("Thin or faint strokes stay grey. MNIST has no grey strokes."),
        ),
        "centre": (
            _("Centred"),
            _("Placed in 28×28 pixels, with its centre of mass in the middle."),
            _("The middle of the rectangle is used instead of the centre of mass."),
        ),
    }


def show(reader: Reader, reading: Reading, rgba: NDArray[np.uint8]) -> None:
    """The image after each step, with a switch for each step."""
    st.markdown(
        _("All digits in MNIST were prepared in the same way, and the network was trained only on such "
          "digits. Turn off a step to see the prediction without this step. Many demos skip these steps and "
          "fail.")
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
    text = _("Without {steps}, the prediction is **{digit}** ({share:.1%}). With all steps, the prediction "
             "is **{now}** ({now_share:.1%}).")  # fmt: skip
    text = text.format(
        steps=left, digit=changed.digit, share=changed.confidence,
        now=reading.digit, now_share=reading.confidence,
    )  # fmt: skip
    if changed.digit == reading.digit:
        st.info(text, icon=":material/check:")
    else:
        st.warning(text, icon=":material/error:")


def _thumbnail(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """An image of any size, centred on a square, with square pixels."""
    grey = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    side = max(grey.shape)
    top, left = (side - grey.shape[0]) // 2, (side - grey.shape[1]) // 2
    square = np.full((side, side), 70, np.uint8)  # the area outside the image is neither ink nor paper
    square[top : top + grey.shape[0], left : left + grey.shape[1]] = grey
    times = max(1, 256 // side)
    return square.repeat(times, axis=0).repeat(times, axis=1)
