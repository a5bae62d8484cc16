"""The Train page: set up a run, start it, and watch it learn."""

from pathlib import Path

import streamlit as st

from core import charts, ui
from core.config import RunConfig
from core.data import datasets, specs
from core.i18n import _
from core.jobs import estimate, executor, run_queue, turns
from core.network import architectures as arch
from core.runs import run_folder
from core.ui import knobs, state, watching
from core.ui.train import live
from core.ui.whole_number import Refused, check_fields

RECENT = 10  # runs to list
LONG = 5 * 60  # seconds


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


def set_up(root: Path) -> None:
    """The settings, the network that they describe, and the button that starts the run."""
    active = turns.active(root)
    # A worker now, so that the run starts at once.
    executor.current().prepare(ui.settings())
    for name, words in ui.run_labels(active[:3]).items():
        link(root / name, _("Watch the current run: {run}").format(run=ui.plain(words)))
    left, right = st.columns([2, 3], gap="large")
    with left:
        config = knobs.show(ui.settings().max_epochs)
    with right:
        try:
            check_fields()
            run_queue.check(config, ui.settings())
        except (Refused, run_queue.NotAllowed, arch.ImpossibleNetwork, datasets.DatasetMissing) as error:
            problem = error
        else:
            problem = None
        # Not a callback: it would get the settings from before what was typed last. And who is quick presses
        # a button that is about to be switched off.
        pressed = st.button(
            _("Train"), type="primary", icon=":material/play_arrow:", disabled=problem is not None,
            key=state.TRAIN_START, width="stretch",
        )  # fmt: skip
        if problem:
            ui.sorry(problem)
        else:
            if pressed:
                start(config)
            say_how_long(config, root)
            st.page_link(
                ui.PAGES["sweeps"], label=_("Try many values in a sweep"),
                icon=":material/auto_awesome_motion:",
                query_params=state.SWEEPS_SWEEP.parameter.to("new") | state.SWEEPS_BASE.parameter.to("train"),
            )  # fmt: skip
        if isinstance(problem, datasets.DatasetMissing):
            ui.link_to_data(config.dataset)
        if not isinstance(problem, Refused | arch.ImpossibleNetwork):
            show_network(config)
    ended = [run for run in run_folder.every(root)[:RECENT] if run not in active]
    if ended:
        with st.expander(_("Recent runs"), icon=":material/history:"):
            for name, words in ui.run_labels(ended).items():
                link(root / name, ui.plain(words))


def link(run: Path, label: str) -> None:
    st.page_link(
        ui.PAGES["train"], label=label, icon=":material/monitoring:", query_params=state.RUN.to(run.name)
    )


def say_how_long(config: RunConfig, root: Path) -> None:
    """The estimated time, before the run is started."""
    expected = estimate.estimate(config, estimate.history(root))
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


def start(config: RunConfig) -> None:
    try:
        run = run_queue.submit(config, ui.settings())
    except (run_queue.NotAllowed, datasets.DatasetMissing) as error:
        ui.sorry(error)
    except OSError as error:
        ui.sorry(
            _("The run cannot be saved in {folder}: {reason}.").format(
                folder=ui.settings().runs, reason=error.strerror or error
            )
        )
    else:
        watching.watch(run.name)
        st.rerun()


root = ui.settings().runs
run_queue.tend(ui.settings())
run = watching.watched(root)
if run is None:
    ui.heading(
        _("Train"),
        _("Build a network, choose its settings, and watch it learn. The defaults are good for a first run."),
    )
    set_up(root)
else:
    ui.heading(_("Train"), ui.run_words(run))
    ui.charts_are_of(run)
    st.button(
        _("Set up another run"), icon=":material/tune:", on_click=watching.leave, key=state.TRAIN_ANOTHER
    )
    live.show(run)
