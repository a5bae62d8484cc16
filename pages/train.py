"""The Train page: settings on one side, and what they lead to on the other."""

from itertools import islice
from pathlib import Path

import streamlit as st

from core import charts, ui
from core.config import RunConfig
from core.data import datasets, specs
from core.i18n import _
from core.jobs import estimate, executor, run_queue, turns
from core.network import architectures as arch
from core.runs import notes, records, run_folder
from core.ui import knobs, state, watching
from core.ui.train import live, steering, visit
from core.ui.whole_number import Refused, check_fields

RECENT = 10  # runs to list
LONG = 5 * 60  # seconds
SHORT = 3.0  # seconds: so short a run can be trained at each turn of a knob
_PROBLEMS = (Refused, run_queue.NotAllowed, arch.ImpossibleNetwork, datasets.DatasetMissing)


def show_network(config: RunConfig) -> None:
    """The network that the settings describe, before the training."""
    network = arch.layers(config)
    rows = arch.trace(network)
    with st.grid(3, min_column_width=130):
        st.metric(_("Parameters"), f"{arch.parameters(network):,}", border=True,
                  help=_("The numbers in the network that training adjusts."))  # fmt: skip
        size = specs.of(config.dataset).train
        trained, validated = arch.split(config, size)
        st.metric(_("Steps per epoch"), f"{arch.steps_per_epoch(config, size):,}", border=True,
                  help=_("{trained:,} training images in batches of {batch}.").format(
                      trained=trained, batch=config.batch_size))  # fmt: skip
        st.metric(_("Validation images"), f"{validated:,}", border=True)
    picture = charts.network(rows)
    with ui.at_least(picture.layout.width):
        ui.chart(
            picture, width=picture.layout.width, key=state.TRAIN_NETWORK,
            alt=_("Diagram of the network, layer by layer"),
        )  # fmt: skip
    st.dataframe(
        {
            _("layer"): [row.layer.name for row in rows],
            _("Keras layer"): [row.layer.kind for row in rows],
            _("output shape"): [" × ".join(map(str, row.output)) for row in rows],
            _("parameters"): [row.parameters for row in rows],
        },
        hide_index=True,
        height="content",
        column_config={_("parameters"): st.column_config.NumberColumn(format="localized")},
        key=state.TRAIN_LAYERS,
        alt=_("The layers with their output shapes and parameters"),
    )


def settings() -> RunConfig:
    """The form, which is folded on a phone."""
    st.toggle(_("Show the settings"), key=state.TRAIN_UNFOLD, persist_state="session")
    with st.container(key=state.TRAIN_SETTINGS):
        return knobs.show(ui.settings().max_epochs)


def problem_of(config: RunConfig) -> Exception | None:
    """Why a run with these settings cannot be trained."""
    try:
        check_fields()
        run_queue.check(config, ui.settings())
    except _PROBLEMS as error:
        return error
    return None


def start_bar(config: RunConfig, run: Path | None, problem: Exception | None) -> Path | None:
    """What starts a run. It is always in sight.

    Args:
        run: the run that is shown.

    Returns:
        The run to show: the one that was started, else the same.
    """
    # Not a callback: it would get the settings from before what was typed last. And who is quick presses
    # a button that is about to be switched off.
    pressed = st.button(
        _("Train"), type="primary", icon=":material/play_arrow:", disabled=problem is not None,
        key=state.TRAIN_START, width="stretch",
    )  # fmt: skip
    if problem:
        ui.sorry(problem)
        if isinstance(problem, datasets.DatasetMissing):
            ui.link_to_data(config.dataset)
        return run
    is_ready = executor.current().free(ui.settings()) > 0
    expected = estimate.estimate(config, estimate.history(root), is_ready=is_ready)
    by_itself = turn_switch(config, expected)
    started = None
    if pressed:
        state.TRAIN_TURNED.set(config)
        started = start(config)
    elif by_itself:
        started = start_by_itself(config, run)
    run = started or run
    if run:
        steering.apply(run, config)
    say_how_long(expected)
    return run


def turn_switch(config: RunConfig, expected: estimate.Estimate) -> bool:
    """The switch of training at each turn of a knob. Returns whether a run is to be started now."""
    is_short = config.dataset == datasets.DEFAULT and config.epochs * expected.epoch < SHORT
    hint = _(
        "Each change of a setting starts a run by itself, and ends the run before it. Such a run is deleted "
        "after a day, unless somebody keeps it."
    )
    if not is_short:
        hint = _(
            "For {dataset} and networks that train in less than {seconds:g} seconds. These settings take "
            "about {time}."
        ).format(dataset=datasets.DEFAULT, seconds=SHORT, time=ui.duration(config.epochs * expected.epoch))
    turning = st.toggle(
        _("Train as I turn"), key=state.TRAIN_TURN, disabled=not is_short, help=hint, persist_state="session"
    )
    if not turning:
        state.TRAIN_TURNED.set(config)  # who switches it on now has turned nothing yet
        return False
    return is_short and config != state.TRAIN_TURNED.get()


def start_by_itself(config: RunConfig, before: Path | None) -> Path | None:
    """Train what was turned, instead of the run that was started by itself before."""
    state.TRAIN_TURNED.set(config)
    if before and before.name == state.TRAIN_BY_ITSELF.get():
        if notes.read(before).is_temporary:
            run_queue.give_up(before)
        else:
            run_queue.stop(before)  # somebody keeps it
    return start(config, automatic=True)


def say_how_long(expected: estimate.Estimate) -> None:
    """The estimated time, before the run is started."""
    text = _("About {total} on this machine, {epoch} for each epoch.").format(
        total=ui.duration(expected.total), epoch=ui.duration(expected.epoch)
    )
    if expected.total > LONG:
        st.warning(
            _(
                "{estimate} This is long. Fewer epochs, fewer filters or the data set mnist-5k take less "
                "time."
            ).format(estimate=text),
            icon=":material/hourglass:",
        )
    else:
        st.caption(text)


def start(config: RunConfig, *, automatic: bool = False) -> Path | None:
    """Submit a run, and show it. Returns None if that is not possible; the page says why."""
    try:
        run = run_queue.submit(config, ui.settings(), automatic=automatic)
    except (run_queue.NotAllowed, datasets.DatasetMissing) as error:
        ui.sorry(error)
    except OSError as error:
        ui.sorry(
            _("The run cannot be saved in {folder}: {reason}.").format(
                folder=ui.settings().runs, reason=error.strerror or error
            )
        )
    else:
        state.TRAIN_BY_ITSELF.set(run.name if automatic else None)
        visit.note(run)
        watching.watch(run.name)
        return run
    return None


def results(run: Path | None, config: RunConfig, problem: Exception | None) -> None:
    """The network before the first run; then the run, the runs of this visit, and other runs."""
    if run:
        live.show(run)
    elif not isinstance(problem, Refused | arch.ImpossibleNetwork):
        show_network(config)
    visit.strip(root, run, use=lambda chosen: steering.use(records.config(chosen)), show=open_run)
    if run and not isinstance(problem, Refused | arch.ImpossibleNetwork):
        network = st.expander(
            _("The network of these settings"), icon=":material/hub:", key=state.TRAIN_NEXT_NETWORK,
            on_change="rerun",
        )  # fmt: skip
        if network.open:
            with network:
                show_network(config)
    active = turns.active(root)
    recent = (other for other in run_folder.every(root) if not notes.is_temporary(other))
    ended = [other for other in islice(recent, RECENT) if other not in active]
    if ended:
        with st.expander(_("Recent runs"), icon=":material/history:"):
            for name, words in ui.run_labels(ended).items():
                link(root / name, ui.plain(words))
    st.page_link(
        ui.PAGES["sweeps"], label=_("Try many values in a sweep"), icon=":material/auto_awesome_motion:",
        query_params=state.SWEEPS_SWEEP.parameter.to("new") | state.SWEEPS_BASE.parameter.to("train"),
    )  # fmt: skip


def open_run(run: Path) -> None:
    """Show this run. A callback."""
    state.TRAIN_BY_ITSELF.set(None)
    watching.watch(run.name)


def link(run: Path, label: str) -> None:
    st.page_link(
        ui.PAGES["train"], label=label, icon=":material/monitoring:", query_params=state.RUN.to(run.name)
    )


root = ui.settings().runs
run_queue.tend(ui.settings())
# A worker now, so that the run starts at once.
executor.current().prepare(ui.settings())
run = watching.watched(root)
lead = ui.heading(
    _("Train"),
    _("Build a network, choose its settings, and watch it learn. The defaults are good for a first run."),
)
links = st.container()
left, right = st.columns([2, 5], gap="large")
with left:
    bar = st.container(key=state.TRAIN_BAR)
    config = settings()
problem = problem_of(config)
with bar:
    run = start_bar(config, run, problem)
if run:
    lead.markdown(ui.run_words(run))
    ui.charts_are_of(run)
else:
    with links:
        for name, words in ui.run_labels(turns.active(root)[:3]).items():
            link(root / name, _("Watch the current run: {run}").format(run=ui.plain(words)))
with right:
    results(run, config, problem)
