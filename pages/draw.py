"""The Draw page: draw a digit and see how a network reads it."""

import time
from pathlib import Path

import numpy as np
import streamlit as st

from core import charts, ui
from core.drawing import preprocess
from core.drawing.segmentation import Found
from core.drawing.strokes import Strokes
from core.evaluation.recognition import Reader, Reading
from core.i18n import _
from core.network import predict
from core.runs import records, run_folder
from core.ui import answer, run_picker, state
from core.ui.announce import announce
from core.ui.bars import bars
from core.ui.canvas import SIDE
from core.ui.draw import feedback, inputs, views

# Seconds that the answer is sent before the rest of the page. Without them, this thread would hold the
# interpreter that the server needs to send it, and the browser would draw both at once.
_AHEAD = 0.03
_APART = 36  # pixels between canvas, answer and image; none if they are below each other


@st.fragment
def draw_and_read(run: Path, reader: Reader, source: str) -> None:
    """The drawing and its prediction. Only this part runs again after each stroke."""
    ui.new_charts()
    # Fixed widths that wrap: on a narrow screen, these parts are below each other, the answer first.
    with st.container(horizontal=True, gap="small"):
        left = st.container(width=(inputs.NUMBER[0] if source == "number" else SIDE) + _APART)
        answered = st.container(width=430 + _APART)
        seen = st.container(width=200)
    nothing_seen = None
    try:
        with left:
            shown = inputs.ask(source)
        read = shown.read(reader) if shown else []
    except preprocess.EmptyDrawing as error:
        shown, read, nothing_seen = None, [], error
    except ValueError as error:
        inputs.remember(source, None)
        with answered:
            announce("")  # a screen reader reads an error without this
            ui.sorry(inputs.refusal(source, error))
        return
    if not shown or not read:
        inputs.remember(source, None)
        with answered:
            announce("")
            st.info(inputs.hint(source, nothing_seen), icon=":material/draw:")
        return
    digits, readings = [digit.segment for digit in read], [digit.reading for digit in read]
    with answered:
        announce(answer.heard(readings))
        chosen = number(readings) if len(digits) > 1 else 0
        reading = readings[chosen]
        st.markdown(answer.shown(reading, alone=len(digits) == 1))
        bars(reading.probabilities, reader.spec, key=state.DRAW_BARS)
        say_how_believable(reader)
    time.sleep(_AHEAD)
    inputs.remember(source, shown)
    with seen:
        st.subheader(_("What the network gets"), anchor=False)
        st.image(charts.tile(reading.image, scale=6), width=168, alt=_("The drawing as 28×28 pixels"))
        st.caption(
            _(
                "28×28 pixels, prepared as in MNIST: cropped, resized to 20×20, and centred by the "
                "centre of mass."
            )
        )
    feedback.offer(run, reading, of_digit(shown.strokes, digits[chosen]))
    # A single digit keeps the whole canvas with its specks, because the steps show what happens to them.
    whole = len(digits) == 1 and shown.given is None
    views.show(run, reader, reading, shown.rgba if whole else digits[chosen].rgba)
    ui.foot(of_fragment=True)


def number(readings: list[Reading]) -> int:
    """Several digits as a number. Returns the position of the digit that the rest of the page shows."""
    st.markdown(answer.number(readings))
    least_sure = int(np.argmin([reading.confidence for reading in readings]))
    chosen: int = st.segmented_control(
        _("Digit"), list(range(len(readings))), default=least_sure, required=True,
        key=state.DRAW_DIGIT_OF[len(readings)],
        format_func=lambda place: f"{readings[place].digit} · {readings[place].confidence:.0%}",
    )  # fmt: skip
    return chosen


def of_digit(strokes: Strokes, digit: Found) -> Strokes:
    """The strokes of one digit: those with most of their points in its ink."""
    return [stroke for stroke in strokes if np.mean([digit.holds(x, y) for x, y in stroke]) > 0.5]


def say_how_believable(reader: Reader) -> None:
    """What the percentages mean. How they were calibrated is in the hint."""
    if reader.measured is None:
        st.caption(
            _("The percentages say how confident the network is. They may be too high."),
            help=_("This run has no validation images, so its confidence is not calibrated and it cannot "
                   "reject images that are not digits."),
        )  # fmt: skip
        return
    words = _(
        "Of the answers with a confidence of 80%, about 80% should be right. So the confidence was "
        "calibrated on {n:,} validation images (temperature {t:.2f})."
    )
    st.caption(
        _("The percentages say how confident the network is."),
        help=words.format(n=reader.measured.images, t=reader.measured.temperature),
    )


ui.heading(
    _("Draw"),
    _("Draw a digit of any size. See which digit the network reads, and why."),
)
run = run_picker.pick_page_run(run_folder.trained(ui.settings().runs))
try:
    spec = records.spec(run)
    if not spec.takes_drawings:
        st.info(
            _("This run reads images of {name}, which cannot be drawn here. Choose a run that reads digits.")
            .format(name=ui.plain(_(spec.title))),
            icon=":material/draw:",
        )  # fmt: skip
        ui.foot()
        st.stop()
    reader = ui.reader(run)
    reader.prepare()
except (predict.NotTrained, run_folder.UnknownRun) as error:
    ui.sorry(_("{reason} Choose another run.").format(reason=error))
    st.stop()
draw_and_read(run, reader, inputs.choose_source())
