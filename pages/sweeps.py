"""The Sweeps page: many runs under one name, whose settings are varied automatically."""

import streamlit as st

from core import ui
from core.config import PRESETS, ConfigError, RunConfig, from_settings
from core.data import datasets
from core.i18n import _
from core.jobs import estimate, run_queue
from core.knobs import Number
from core.network import architectures
from core.sweeps import search_space, sweeps
from core.sweeps.search_space import MOST_POINTS, SWEPT, BadSweep, Choice, Span, Values, short
from core.sweeps.sweeps import Sweep
from core.ui import knobs, query, state
from core.ui.sweeps import progress
from core.ui.whole_number import Refused, check_fields, whole

NEW = "new"
TRAIN = "train"  # the settings on the Train page
LONG = 30 * 60  # seconds


def choose_base() -> RunConfig:
    """The settings that all runs of the sweep share."""
    begun = knobs.changed()
    bases = ([TRAIN] if begun is not None else []) + list(PRESETS)
    query.choice(state.SWEEPS_BASE, bases, bases[0])
    name = st.selectbox(
        _("Base settings"), bases, key=state.SWEEPS_BASE, persist_state="session",
        format_func=lambda name: _("As on the Train page") if name == TRAIN else name,
        help=_("The values of all settings that the sweep does not vary. To use other values, choose them "
               "on the Train page first."),
    )  # fmt: skip
    base = from_settings(knobs.FIRST, begun or []) if name == TRAIN else PRESETS[name]
    most = ui.settings().max_epochs
    # Another base has another number of epochs. The settings of the Train page can change as well.
    field = state.SWEEPS_EPOCHS[name]
    if state.SWEEPS_BASE_EPOCHS.get() not in (None, (name, base.epochs)):
        field.pop()
        query.write(field.parameter, None)
    state.SWEEPS_BASE_EPOCHS.set((name, base.epochs))
    query.number(field, 1, most, min(base.epochs, most))
    epochs = whole(_("Epochs of each run"), 1, most, key=field, persist_state="session")
    st.caption(ui.plain(ui.summary(base.but(epochs=epochs))))
    return base.but(epochs=epochs)


def choose_values(name: str, title: str, *, grid: bool) -> Values:
    """Let the visitor choose the values of one setting."""
    takes = SWEPT[name].takes
    if not isinstance(takes, Number):
        query.several(state.SWEEPS_OF[name], takes)
        if not state.SWEEPS_OF[name].get():
            state.SWEEPS_OF[name].set(list(takes[:3]))
        options = st.multiselect(
            title, takes, key=state.SWEEPS_OF[name], persist_state="session", placeholder=_("two or more")
        )
        return Choice(options=tuple(options))
    places = takes.places()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        usual = takes.usual or (takes.low, takes.high)
        query.span(state.SWEEPS_RANGE[name], places, usual)
        # The value is in the session. The default only says that the slider has two ends.
        low, high = st.select_slider(
            title,
            places,
            usual,
            key=state.SWEEPS_RANGE[name],
            persist_state="session",
            format_func="{:g}".format,
        )
        points = 3
        if grid:
            query.number(state.SWEEPS_POINTS[name], 2, MOST_POINTS)
            points = whole(
                _("Values"), 2, MOST_POINTS, key=state.SWEEPS_POINTS[name], width=110, persist_state="session"
            )
    if grid and low < high:
        st.caption(", ".join(map(short, takes.between(low, high, points))))
    return Span(low=low, high=high, points=points)


def set_up() -> None:
    """The form of a new sweep."""
    titles = progress.titles()
    left, right = st.columns(2, gap="large")
    with left:
        query.text(state.SWEEPS_NAME, sweeps.MOST_TAG)
        name = st.text_input(
            _("Name"), key=state.SWEEPS_NAME, max_chars=sweeps.MOST_TAG, persist_state="session",
            placeholder=_("for example: width and learning rate"),
            help=_("The runs of the sweep get this name as a tag."),
        )  # fmt: skip
        base = choose_base()
        methods = {"tpe": _("Bayesian search"), "random": _("Random search"), "grid": _("Grid search")}
        query.choice(state.SWEEPS_METHOD, methods)
        method = st.segmented_control(
            _("Search method"), list(methods), required=True, key=state.SWEEPS_METHOD,
            format_func=methods.__getitem__, persist_state="session",
        )  # fmt: skip
        st.caption(
            {
                "tpe": _("Prefers values near the best runs so far, and sometimes tries other values (TPE). "
                         "The best method for more than fifteen runs."),
                "random": _("Chooses all values at random for each run. A good method for few runs, and the "
                            "results are easy to interpret."),
                "grid": _("Tries every combination of the values. The number of runs grows quickly with "
                          "each setting that you add."),
            }[method]
        )  # fmt: skip
        number = 1
        if method != "grid":
            most = ui.settings().max_trials
            query.number(state.SWEEPS_TRIALS, 2, most, min(state.SWEEPS_TRIALS.default, most))
            number = whole(_("Runs"), 2, most, key=state.SWEEPS_TRIALS, persist_state="session")
        query.choice(state.SWEEPS_PRUNING, (True, False))
        pruning = st.toggle(
            _("Stop weak runs early"), key=state.SWEEPS_PRUNING, persist_state="session",
            help=_("After four complete runs, a run is stopped if its validation accuracy is below the "
                   "median of the others at the same epoch. This saves time, but may stop a run that would "
                   "have caught up."),
        )  # fmt: skip
    with right:
        offered = search_space.knobs(base)
        query.several(state.SWEEPS_KNOBS, offered, sweeps.MOST)
        if not state.SWEEPS_KNOBS_BEGUN.is_kept():
            state.SWEEPS_KNOBS_BEGUN.set(True)
            state.SWEEPS_KNOBS.set(state.SWEEPS_KNOBS.get() or list(search_space.FIRST))
        chosen = st.multiselect(
            _("Settings to vary, one to four"), offered, key=state.SWEEPS_KNOBS, max_selections=sweeps.MOST,
            format_func=titles.__getitem__, persist_state="session", placeholder=_("one to four"),
        )  # fmt: skip
        values = {knob: choose_values(knob, titles[knob], grid=method == "grid") for knob in chosen}
    start(Sweep(name=name.strip(), base=base, knobs=values, method=method, trials=number, pruning=pruning))


def start(sweep: Sweep) -> None:
    """The number of runs and the estimated time, and the button that starts the sweep."""
    settings = ui.settings()
    try:
        check_fields()
        sweeps.check(sweep.model_copy(update={"name": sweep.name or "-"}), settings)
    except (
        Refused, BadSweep, architectures.ImpossibleNetwork, datasets.DatasetMissing, run_queue.NotAllowed
    ) as error:  # fmt: skip
        problem: Exception | None = error
    else:
        problem = None
    pressed = st.button(
        _("Start the sweep"), type="primary", icon=":material/play_arrow:", key=state.SWEEPS_START,
        disabled=problem is not None,
    )  # fmt: skip
    if problem:
        ui.sorry(problem)
        return
    if pressed:
        begin(sweep)
    number = len(sweep.grid()) if sweep.method == "grid" else sweep.trials
    seconds = estimate.estimate(sweep.base, estimate.history(settings.runs)).total
    words = _("{n} runs take about {total}. One run with the current settings takes {one}. Runs at the same "
              "time: {slots}.").format(
        n=number, total=ui.duration(-(-number // settings.slots) * seconds), one=ui.duration(seconds),
        slots=settings.slots,
    )  # fmt: skip
    if number * seconds / settings.slots > LONG:
        st.warning(_("{estimate} This is long. Fewer epochs or fewer images usually lead to the same "
                     "conclusion.").format(
            estimate=words), icon=":material/hourglass:")  # fmt: skip
    else:
        st.caption(words)


def begin(sweep: Sweep) -> None:
    try:
        folder = sweeps.submit(sweep, ui.settings())
    except (
        BadSweep, architectures.ImpossibleNetwork, datasets.DatasetMissing, run_queue.NotAllowed, OSError
    ) as error:  # fmt: skip
        ui.sorry(error)
        return
    query.go_to(state.SWEEPS_SWEEP.parameter, folder.name)
    st.rerun()


ui.heading(
    _("Sweeps"),
    _(
        "Which learning rate is best? How many units? Choose the settings to vary and their ranges. The "
        "runs are trained one after the other, and you can watch their results."
    ),
)

folders = {folder.name: folder for folder in sweeps.every(ui.settings().runs)}
progress.damaged(sweeps.damaged(ui.settings().runs))
asked = state.SWEEPS_SWEEP.parameter.get()
if asked and asked != NEW and asked not in folders:
    st.warning(
        ui.plain(_("There is no sweep {name} here. Choose another sweep, or start a new sweep.").format(
            name=repr(asked[:64])))
    )  # fmt: skip
if folders:
    options = progress.labels(list(folders.values())) | {NEW: _("New sweep")}
    query.choice(state.SWEEPS_SWEEP, options, next(iter(options)), always=True)
    shown = st.selectbox(_("Sweep"), list(options), key=state.SWEEPS_SWEEP, format_func=options.__getitem__)
else:
    shown = NEW
try:
    if shown == NEW:
        set_up()
    else:
        progress.show(folders[shown])
except ConfigError as error:
    ui.sorry(error)
