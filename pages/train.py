"""Set up a run, start it, and watch it learn."""

from pathlib import Path
from typing import Any

import streamlit as st

from core import architectures as arch
from core import charts, datasets, jobs, runs, ui
from core.config import RunConfig
from core.i18n import _, ngettext
from core.ui import knobs

POLL = 0.35  # seconds between two looks at a run that is going on
RECENT = 10  # runs to list
LOG_END = 20_000  # characters of the log to show
PHASES = {
    "importing": _("Starting TensorFlow, which takes a few seconds"),
    "loading": _("Reading the data"),
    "compiling": _("Building the network"),
    "training": _("Training"),
    "evaluating": _("Reading the test images"),
}


def show_network(config: RunConfig) -> None:
    """What the settings amount to, before anything is trained."""
    network = arch.layers(config)
    rows = arch.trace(network)
    with st.grid(3, min_column_width=130):
        st.metric(_("Parameters"), f"{arch.parameters(network):,}", border=True,
                  help=_("The numbers that make up the network, and that training finds."))  # fmt: skip
        size = datasets.NAMES[config.dataset].train
        trained, validated = arch.split(config, size)
        st.metric(_("Steps per epoch"), f"{arch.steps_per_epoch(config, size):,}", border=True,
                  help=_("{trained:,} training images in batches of {batch}.").format(
                      trained=trained, batch=config.batch_size))  # fmt: skip
        st.metric(_("Validation images"), f"{validated:,}", border=True)
    picture = charts.network(rows)
    with ui.at_least(picture.layout.width):
        st.plotly_chart(
            picture, width=picture.layout.width, key="network",
            config={"displayModeBar": False}, alt=_("The network as a picture, layer by layer"),
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
        key="layers",
        alt=_("The layers with their output shapes and parameters"),
    )


def set_up(root: Path) -> None:
    """The knobs, what they amount to, and the button."""
    active = jobs.active(root)
    for run in active[:3]:
        link(run, _("Under way: {run}. Watch it.").format(run=ui.run_label(run)))
    left, right = st.columns([2, 3], gap="large")
    with left:
        config = knobs.show(ui.settings().max_epochs)
    with right:
        try:
            jobs.check(config, ui.settings())
        except (jobs.NotAllowed, arch.ImpossibleNetwork, datasets.DatasetMissing) as error:
            problem = error
        else:
            problem = None
        # Not a callback: it would get the settings from before what was typed last.
        if st.button(
            _("Train"), type="primary", icon=":material/play_arrow:", disabled=problem is not None,
            key="train", width="stretch",
        ):  # fmt: skip
            start(config)
        if problem:
            ui.sorry(problem)
        if isinstance(problem, datasets.DatasetMissing):
            st.page_link(ui.PAGES["data"], label=_("Get it on the Data page"), icon=":material/download:")
        if not isinstance(problem, arch.ImpossibleNetwork):
            show_network(config)
    ended = [run for run in runs.every(root)[:RECENT] if run not in active]
    if ended:
        with st.expander(_("Recent runs"), icon=":material/history:"):
            for run in ended:
                link(run, ui.run_label(run))


def link(run: Path, label: str) -> None:
    st.page_link(ui.PAGES["train"], label=label, icon=":material/monitoring:", query_params={"run": run.name})


def start(config: RunConfig) -> None:
    try:
        run = jobs.submit(config, ui.settings())
    except (jobs.NotAllowed, datasets.DatasetMissing) as error:
        ui.sorry(error)
    except OSError as error:
        ui.sorry(
            _("The run cannot be kept in {folder}: {reason}.").format(
                folder=ui.settings().runs, reason=error.strerror or error
            )
        )
    else:
        watch(run.name)
        st.rerun()


def watch(name: str | None) -> None:
    """Show this run on the page, or the knobs."""
    st.session_state["watched"] = name
    if name:
        st.query_params["run"] = st.session_state["run"] = name
    else:
        st.query_params.pop("run", None)


def watched(root: Path) -> Path | None:
    """The run that the URL names, or the one that this visitor looked at last."""
    name = st.query_params.get("run")
    if name:
        try:
            found = runs.find(root, name)
            st.session_state["watched"] = name
            return found
        except runs.UnknownRun as error:
            st.warning(ui.plain(error))
            return None
    try:
        return runs.find(root, st.session_state.get("watched") or "")
    except runs.UnknownRun:
        return None


def show_run(run: Path) -> None:
    """One run: how far it is, its curves, and what to do next."""
    try:
        status, config = runs.status(run), runs.config(run)
    except runs.UnknownRun as error:
        ui.sorry(error)
        return
    if st.session_state.get("polled") == run.name and status.state in runs.ENDED:
        st.session_state["polled"] = None
        st.rerun()  # of the whole page, which then stops polling
    epochs, batches = runs.metrics(run), runs.batches(run)
    progress(run, status, config, epochs, batches)
    if batches or epochs:
        numbers((epochs if status.state in runs.ENDED else batches) or epochs, epochs)
        left, right = st.columns(2)
        for side, metric, title in ((left, "loss", _("loss")), (right, "accuracy", _("accuracy"))):
            side.plotly_chart(
                charts.curve(metric, title, batches, epochs, status.steps, config.epochs),
                key=f"curve_{metric}", config={"displayModeBar": False},
                alt=_("{metric} over the epochs, training against validation").format(metric=title),
            )  # fmt: skip
        st.caption(
            _("The dotted line is the mean since its epoch began. Where training goes on improving and "
              "validation does not, the network memorises instead of learning.")
        )  # fmt: skip
    if status.state == "failed":
        with st.expander(_("The log"), icon=":material/terminal:"):
            st.code(log(run), language=None, wrap_lines=True)


def progress(
    run: Path, status: runs.Status, config: RunConfig, epochs: list[Any], batches: list[Any]
) -> None:
    """Where the run stands: a bar while it goes on, the outcome when it is over."""
    match status.state:
        case "queued":
            ahead = jobs.place_in_line(run)
            st.progress(0.0, text=waiting(ahead))
        case "running" | "stopping":
            total = max(1, status.steps * config.epochs)
            done = max(0, status.epoch - 1) * status.steps + status.step
            st.progress(min(1.0, done / total), text=words(status, config, epochs, batches))
        case "failed":
            ui.sorry(status.error)
        case "finished" | "stopped":
            outcome(run, status)
    if status.state in ("queued", "running"):
        st.button(
            _("Stop"), icon=":material/stop:", key="stop", on_click=jobs.stop, args=(run,),
            help=_("Ends after the current step and keeps what was learned."),
        )  # fmt: skip


def waiting(ahead: int) -> str:
    if not ahead:
        return _("Waiting for the training process to start")
    return ngettext("Waiting: {n} run goes first", "Waiting: {n} runs go first", ahead).format(n=ahead)


def words(status: runs.Status, config: RunConfig, epochs: list[Any], batches: list[Any]) -> str:
    if status.phase != "training":
        phase = PHASES.get(status.phase, status.phase)
        return _("{progress} · stopping").format(progress=phase) if status.state == "stopping" else phase
    text = _("Epoch {epoch} of {epochs} · step {step:,} of {steps:,}").format(
        epoch=status.epoch, epochs=config.epochs, step=status.step, steps=status.steps
    )
    if status.state == "stopping":
        return _("{progress} · stopping after this step").format(progress=text)
    done = batches[-1:] if not epochs else epochs[-1:]
    if not done:
        return text
    row = done[0]
    pace = row["seconds"] / (row.get("steps") or row["step"])
    left = (config.epochs - status.epoch + 1) * status.steps - status.step
    return _("{progress} · about {time} left").format(progress=text, time=ui.duration(left * pace))


def numbers(rows: list[Any], epochs: list[Any]) -> None:
    with st.grid(4, min_column_width=140):
        st.metric(_("Training loss"), ui.number(rows[-1].get("loss"), "{:.4f}"), border=True)
        st.metric(_("Training accuracy"), ui.number(rows[-1].get("accuracy"), "{:.2%}"), border=True)
        if epochs and "val_loss" in epochs[-1]:
            st.metric(_("Validation loss"), ui.number(epochs[-1]["val_loss"], "{:.4f}"), border=True)
            st.metric(_("Validation accuracy"), ui.number(epochs[-1]["val_accuracy"], "{:.2%}"), border=True)


def outcome(run: Path, status: runs.Status) -> None:
    if status.test_accuracy is None:
        st.info(_("Stopped before it began to train."), icon=":material/stop_circle:")
        return
    text = _("Finished in {time}. It reads {accuracy:.2%} of the test images right.")
    if status.state == "stopped":
        text = _("Stopped after {time}. It reads {accuracy:.2%} of the test images right.")
    time = ui.duration(status.ended - status.started)
    st.success(text.format(time=time, accuracy=status.test_accuracy), icon=":material/check_circle:")
    with st.container(horizontal=True):
        query = {"run": run.name}
        st.page_link(ui.PAGES["evaluate"], label=_("See what it confuses"), icon=":material/fact_check:",
                     query_params=query)  # fmt: skip
        st.page_link(ui.PAGES["draw"], label=_("Draw a digit for it"), icon=":material/draw:",
                     query_params=query)  # fmt: skip


def is_going_on(run: Path) -> bool:
    try:
        return runs.status(run).state not in runs.ENDED
    except runs.UnknownRun:
        return False


def log(run: Path) -> str:
    try:
        return (run / "log.txt").read_text("utf-8", errors="replace")[-LOG_END:]
    except OSError:
        return _("There is no log.")


root = ui.settings().runs
run = watched(root)
if run is None:
    ui.heading(
        _("Train"),
        _("Build a network, choose how it learns, and watch. The defaults are a good first run."),
    )
    set_up(root)
else:
    ui.heading(_("Train"), ui.run_words(run))
    st.button(_("Set up another run"), icon=":material/tune:", on_click=watch, args=(None,), key="another")
    going_on = is_going_on(run)
    st.session_state["polled"] = run.name if going_on else None
    st.fragment(show_run, run_every=POLL if going_on else None)(run)
