"""The Start page: draw a digit that the starter model reads at once; the visitor's last run; four steps."""

from functools import partial

import streamlit as st

from core import ui
from core.drawing import strokes
from core.drawing.strokes import Strokes
from core.i18n import _, ngettext
from core.jobs import turns
from core.runs import run_folder
from core.ui import keeping, state
from core.ui.announce import announce
from core.ui.bars import bars
from core.ui.canvas import BRUSH, SIDE, canvas

STEPS = [
    ("data", _("1. Look at the data"), ":material/grid_view:",
     _("Browse handwritten digits, and the numbers that the computer gets.")),
    ("train", _("2. Train a network"), ":material/model_training:",
     _("Choose the settings, then watch the network learn.")),
    ("evaluate", _("3. Look at its mistakes"), ":material/fact_check:",
     _("See each digit that the network reads wrong.")),
    ("draw", _("4. Look inside"), ":material/draw:",
     _("Draw a digit, and see why the network reads it as it does.")),
]  # fmt: skip
WATCHED = 3  # most runs in training that are shown


@st.fragment
def draw_and_read() -> None:
    """A canvas and the answer of the starter model. Only this part runs again after each stroke."""
    # Fixed widths that wrap: on a narrow screen, these parts are below each other.
    with st.container(horizontal=True, gap="medium"):
        left = st.container(width=SIDE)
        answered = st.container(key=state.START_ANSWER, width=400)
        beside = st.container(border=True, width=300, key=state.START_INVITATION)
    with beside:
        invite()
    begun = strokes.from_text(state.APP_STROKES.get(), SIDE)
    drawn: Strokes = []
    try:
        with left:
            drawn = canvas(
                state.START_CANVAS, (SIDE, SIDE), BRUSH, begun, on_near=partial(state.START_NEAR.set, True)
            )
        with answered:
            read(drawn)
    except ValueError as error:
        with answered:
            announce("")
            ui.sorry(_("{reason} Clear the drawing and try again.").format(reason=error))
    if drawn:
        state.APP_STROKES.set(strokes.to_text(drawn, SIDE))
    else:
        state.APP_STROKES.pop()
    if state.START_NEAR.pop():
        # The model is loaded while the visitor draws. A visitor who does not draw does not wait for it.
        ui.reader(run_folder.STARTER).prepare()


def read(drawn: Strokes) -> None:
    """What the starter model reads in these strokes. Raises ValueError if there is no digit in them."""
    if not drawn:
        announce("")
        st.info(_("Draw a digit from 0 to 9 on the black square."), icon=":material/draw:")
        return
    # Not at the top: these need the libraries that read a drawing, which take longer than the whole page.
    from core.drawing import segmentation
    from core.evaluation import numbers
    from core.ui import answer

    rows = segmentation.find(strokes.painted(drawn, (SIDE, SIDE), BRUSH))
    reader = ui.reader(run_folder.STARTER)
    readings = [digit.reading for digit in numbers.read(reader, rows)]
    announce(answer.heard(readings))
    if len(readings) > 1:
        st.markdown(answer.number(readings))
    else:
        st.markdown(answer.shown(readings[0], alone=True))
        bars(readings[0].probabilities, reader.spec, key=state.START_BARS)
    st.page_link(
        ui.PAGES["draw"], label=_("Look inside: open this drawing on Draw"), icon=":material/visibility:",
        query_params=state.DRAWING.to(strokes.to_text(drawn, SIDE)),
    )  # fmt: skip


def invite() -> None:
    """How long the starter model was trained, and links to the Train page and to the keyboard."""
    minutes = round(run_folder.written_status(run_folder.STARTER).worked / 60)
    words = ngettext(
        "This network learned to read digits in {n} minute, from examples alone. Your first network takes "
        "less than a minute.",
        "This network learned to read digits in {n} minutes, from examples alone. Your first network takes "
        "less than a minute.",
        minutes,
    )
    st.markdown(words.format(n=minutes))
    st.page_link(ui.PAGES["train"], label=_("**Train your own**"), icon=":material/model_training:")
    st.page_link(
        ui.PAGES["draw"], label=_("Draw with the keyboard"), icon=":material/keyboard:",
        query_params=state.DRAW_SOURCE.parameter.to("grid"),
    )  # fmt: skip


def runs() -> None:
    """The runs in training, and the last run of the visitor."""
    last = state.APP_RUN.get()
    active = turns.active(ui.settings().runs)
    # In a class, many runs train at once. The visitor's own run is the one to watch.
    watched = [run for run in active if run.name == last] or active[:WATCHED]
    for name, words in ui.run_labels(watched).items():
        st.page_link(
            ui.PAGES["train"], label=_("Watch the current run: {run}").format(run=ui.plain(words)),
            icon=":material/monitoring:", query_params=state.RUN.to(name),
        )  # fmt: skip
    if last and last not in [run.name for run in watched]:
        last_run(last)


def last_run(name: str) -> None:
    """The visitor's last run, with its accuracy and links to what can be done with it."""
    try:
        run = run_folder.find(ui.settings().runs, name)
        status = run_folder.status(run)
    except run_folder.UnknownRun:  # it was deleted, or it is the starter model
        return
    words = _("Your last run: **{run}**, {state}.")
    pages = {"train": (_("See how it learned"), ":material/monitoring:")}
    if status.test_accuracy is not None:
        words = _("Your last run: **{run}**. It reads {share:.1%} of the test images right.")
        pages["evaluate"] = (_("Look at its mistakes"), ":material/fact_check:")
        pages["draw"] = (_("Draw a digit for it"), ":material/draw:")
    st.markdown(
        words.format(
            run=ui.plain(ui.run_names([run])[name]), state=ui.state_words()[status.state],
            share=status.test_accuracy,
        )
    )  # fmt: skip
    with st.container(horizontal=True):
        for page, (label, icon) in pages.items():
            st.page_link(ui.PAGES[page], label=label, icon=icon, query_params=state.RUN.to(name))
    keeping.offer(run)


ui.heading("MNIST Lab", _("Draw a digit. A neural network reads it as soon as you lift the pen."))
draw_and_read()
runs()
with st.grid(4, min_column_width=230):
    for name, title, icon, text in STEPS:
        with st.container(border=True, height="stretch"):
            st.page_link(ui.PAGES[name], label=f"**{title}**", icon=icon)
            st.markdown(text)
