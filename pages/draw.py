"""Draw a digit and watch it being read."""

import time
from pathlib import Path

import numpy as np
import streamlit as st

from core import charts, ui
from core.drawing import preprocess, segmentation
from core.drawing.segmentation import Found
from core.drawing.strokes import Strokes
from core.evaluation.recognition import Reader, Reading
from core.i18n import _
from core.network import predict
from core.runs import records, run_folder
from core.ui import run_picker, state
from core.ui.announce import announce
from core.ui.bars import bars
from core.ui.draw import feedback, inputs, views

# How long the answer goes ahead of the rest, in seconds: this thread would else hold the interpreter that the
# server needs to send it, and the browser would draw both at once.
_AHEAD = 0.03
_APART = 36  # pixels between canvas, answer and image; nothing where they stand one below the other


@st.fragment
def draw_and_read(run: Path, reader: Reader, source: str) -> None:
    """The drawing and what the network makes of it. Only this part runs again with each stroke."""
    ui.new_charts()
    # Fixed widths that wrap: on a narrow screen these stand one below the other, and the answer matters most.
    with st.container(horizontal=True, gap="small"):
        left = st.container(width=(inputs.NUMBER[0] if source == "number" else inputs.SIDE) + _APART)
        answered = st.container(width=430 + _APART)
        seen = st.container(width=200)
    nothing_seen = None
    try:
        with left:
            shown = inputs.ask(source)
        found = segmentation.find(shown.rgba) if shown else []
    except preprocess.EmptyDrawing as error:
        shown, found, nothing_seen = None, [], error
    except ValueError as error:
        inputs.remember(source, None)
        with answered:
            announce("")  # an error is read out by itself
            ui.sorry(inputs.refusal(source, error))
        return
    if not shown or not found:
        inputs.remember(source, None)
        with answered:
            announce("")
            st.info(inputs.hint(source, nothing_seen), icon=":material/draw:")
        return
    readings = reader.read(np.stack([one.image for one in found]))
    with answered:
        announce(heard(readings))
        chosen = number(readings, found) if len(found) > 1 else 0
        reading = readings[chosen]
        st.markdown(answer(reading, alone=len(found) == 1))
        bars(reading.probabilities, reader.spec, key=state.DRAW_BARS)
        st.caption(believable(reader))
    time.sleep(_AHEAD)
    inputs.remember(source, shown)
    with seen:
        st.subheader(_("What the network gets"), anchor=False)
        st.image(charts.tile(reading.image, scale=6), width=168, alt=_("The drawing as 28×28 pixels"))
        st.caption(_("28×28 pixels, made as MNIST was: cut out, fitted into 20×20, centred by its mass."))
    feedback.offer(run, reading, of_digit(shown.strokes, found[chosen]))
    # One digit keeps the whole canvas, specks and all, because the steps are about them.
    views.show(run, reader, reading, found[chosen].rgba if len(found) > 1 else shown.rgba)
    ui.foot(of_fragment=True)


def number(readings: list[Reading], found: list[Found]) -> int:
    """Several digits as a number. Returns the one that the rest of the page is about."""
    st.markdown(_("## I read: {number}").format(number="".join(str(one.digit) for one in readings)))
    if any(one.wide for one in found):
        st.caption(
            _("One of them is wider than high: it may be two digits whose strokes touch. Leave a gap between "
              "them.")
        )  # fmt: skip
    least_sure = int(np.argmin([one.confidence for one in readings]))
    chosen: int = st.segmented_control(
        _("Digit"), list(range(len(readings))), default=least_sure, required=True,
        key=state.DRAW_DIGIT_OF[len(readings)],
        format_func=lambda place: f"{readings[place].digit} · {readings[place].confidence:.0%}",
    )  # fmt: skip
    return chosen


def heard(readings: list[Reading]) -> str:
    """The answer in a sentence, for those who do not see it come."""
    if len(readings) > 1:
        return _("Read as {number}.").format(number="".join(str(one.digit) for one in readings))
    reading = readings[0]
    if not reading.is_digit:
        return _("This does not look like a digit.")
    return _("Read as {digit}, {share:.0%} sure.").format(digit=reading.digit, share=reading.confidence)


def of_digit(strokes: Strokes, found: Found) -> Strokes:
    """The strokes that lie within a digit's ink, in most of their points."""
    return [stroke for stroke in strokes if np.mean([found.holds(x, y) for x, y in stroke]) > 0.5]


def answer(reading: Reading, *, alone: bool) -> str:
    """The answer in words, the three most likely digits with it; no heading for one digit of a number."""
    first, second, third = np.argsort(-reading.probabilities, kind="stable")[:3]
    words = _("## I read: {first} ({p1:.1%})\n\nNext: {second} ({p2:.1%}), then {third} ({p3:.1%}).")
    if not alone:
        words = _("This one is a {first} ({p1:.1%}), else {second} ({p2:.1%}) or {third} ({p3:.1%}).")
    if not reading.is_digit:
        words = _(
            "## This does not look like a digit\n\nEven the most similar training digits are far from it. "
            "If it is one: {first} ({p1:.1%}), {second} ({p2:.1%}) or {third} ({p3:.1%})."
        )
    return words.format(
        first=first, p1=reading.probabilities[first],
        second=second, p2=reading.probabilities[second],
        third=third, p3=reading.probabilities[third],
    )  # fmt: skip


def believable(reader: Reader) -> str:
    """What the percentages are worth."""
    if reader.measured is None:
        return _(
            "This run has no validation images, so its confidence is not calibrated and it cannot reject "
            "images that are not digits."
        )
    return _("Calibrated on {n:,} validation images (temperature {t:.2f}).").format(
        n=reader.measured.images, t=reader.measured.temperature
    )


ui.heading(
    _("Draw"),
    _("Write a digit, as large as you like, and see what the network takes it for, and why."),
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
