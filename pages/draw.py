"""Draw a digit and watch it being read."""

import io

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from streamlit_drawable_canvas import CanvasResult, st_canvas

from core import charts, predict, preprocess, runs, ui
from core.i18n import _

SIDE = 280


def drawing(canvas: CanvasResult) -> NDArray[np.uint8] | None:
    """The canvas's pixels, RGBA; None before the canvas has sent any.

    Raises:
        ValueError: what the browser sent is no picture of this canvas.
    """
    png = canvas.image_bytes
    if png is None:
        return None
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            # A screen with a fine grid sends more pixels than the canvas has; nobody sends so many.
            if max(image.size) > 8 * SIDE:
                raise ValueError(_("The drawing is {size} pixels large.").format(size=image.size))
            return np.asarray(image.convert("RGBA"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(_("The drawing could not be read.")) from error


@st.fragment
def draw_and_read(predictor: predict.Predictor) -> None:
    """The canvas and what the network makes of it. Only this part runs again with each stroke."""
    st.session_state.setdefault("canvas_number", 0)
    # Fixed widths that wrap: a column would cut the canvas off on a narrow screen.
    with st.container(horizontal=True, gap="large"):
        left = st.container(width=SIDE + 20)
        # On a narrow screen these stand one below the other, and the answer matters most.
        answered = st.container(width=460)
        seen = st.container(width=200)
    with left:
        canvas = st_canvas(
            stroke_width=20,
            stroke_color="#FFFFFF",
            background_color="#000000",
            width=SIDE,
            height=SIDE,
            return_image_data=True,
            key=f"canvas_{st.session_state['canvas_number']}",
        )
        st.button(_("Clear"), icon=":material/delete:", key="clear", on_click=clear)
        st.caption(_("Draw with mouse, pen or finger. The buttons above the canvas undo a stroke."))
    try:
        rgba = drawing(canvas)
        image = None if rgba is None else preprocess.canvas_to_image(rgba)
    except preprocess.EmptyDrawing:
        image = None
    except ValueError as error:
        ui.sorry(_("{reason} Clear the canvas and draw again.").format(reason=error))
        return
    if image is None:
        with answered:
            st.info(_("Draw a digit from 0 to 9 on the black square."), icon=":material/draw:")
        return
    probabilities = predictor.probabilities(image[None])[0]
    with answered:
        st.markdown(answer(probabilities))
        st.plotly_chart(
            charts.probabilities(probabilities), key="bars", config={"displayModeBar": False},
            alt=_("The probability of each digit"),
        )  # fmt: skip
    with seen:
        st.markdown(f"**{_('What the network gets')}**")
        st.image(charts.tile(image, scale=6), width=168, alt=_("The drawing as 28×28 pixels"))
        st.caption(_("28×28 pixels, made as MNIST was: cut out, fitted into 20×20, centred by its mass."))


def clear() -> None:
    st.session_state["canvas_number"] += 1  # another canvas, which is empty


def answer(probabilities: NDArray[np.float32]) -> str:
    """The three most likely digits in words."""
    first, second, third = np.argsort(-probabilities, kind="stable")[:3]
    return _("### I read: {first} ({p1:.1%})\n\nNext: {second} ({p2:.1%}), then {third} ({p3:.1%}).").format(
        first=first,
        p1=probabilities[first],
        second=second,
        p2=probabilities[second],
        third=third,
        p3=probabilities[third],
    )


ui.heading(
    _("Draw"),
    _("Write a digit, as large as you like, and see what the network takes it for."),
)
candidates = [run for run in runs.every(ui.settings().runs) if runs.has_model(run)]
if not candidates:
    ui.no_run_yet()
    st.stop()
run = ui.choose_run(candidates)
try:
    predictor = ui.predictor(run)
except predict.NotTrained as error:
    ui.sorry(_("{reason} Choose another run.").format(reason=error))
    st.stop()
draw_and_read(predictor)
