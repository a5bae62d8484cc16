"""Views of the training of a run: curves, learning rate and time, accuracy by class, and layers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core import charts, ui
from core.config import RunConfig
from core.data.specs import DatasetSpec
from core.i18n import _
from core.runs import records, run_folder, warm_start
from core.ui import query, state
from core.ui.train import zoom

Rows = Sequence[dict[str, Any]]  # one for each epoch, as `records.metrics` returns them


Named = Sequence[tuple[str, Rows]]  # the names of runs with their rows

_MOST_SMOOTHING = 0.95


def curves(run: Path, status: run_folder.Status, config: RunConfig, epochs: Rows, before: Named = ()) -> None:
    """Loss and accuracy over the epochs.

    Args:
        before: earlier runs to compare with, the previous run first; see `core.charts.curve`.
    """
    batches, changes = records.batches(run), records.changes(run)
    charts_place = st.container()
    smoothing, log = _scales()  # below the charts, so that these are in sight while the run trains
    left, right = charts_place.columns(2)
    for side, metric, title in ((left, "loss", _("loss")), (right, "accuracy", _("accuracy"))):
        figure = charts.curve(
            metric, title, batches, epochs, config, _images(run, status, config), changes=changes,
            before=before, smoothing=smoothing, log=log and metric == "loss",
        )  # fmt: skip
        ui.chart(
            zoom.apply(figure, metric, state.TRAIN_ZOOM[run.name]),
            into=side, key=state.TRAIN_CURVE[metric],
            alt=_("{metric} over the epochs, training against validation").format(metric=title),
        )  # fmt: skip
    st.caption(
        _("The thin line is the mean over the last steps. If the training curve still improves and the "
          "validation curve does not, the network overfits: it memorises the training images.")
    )  # fmt: skip
    if before:
        st.caption(_("The faint curves are the validation of earlier runs."))
    for change in changes:
        st.caption(_change_words(change))
    zoom.watch(state.TRAIN_ZOOM[run.name])


def _scales() -> tuple[float, bool]:
    """Let the visitor choose how smooth the curves are, and whether the axis of the loss is logarithmic."""
    with st.container(horizontal=True, vertical_alignment="center"):
        query.number(state.TRAIN_SMOOTHING, 0.0, _MOST_SMOOTHING)
        smoothing: float = st.slider(
            _("Smoothing"), 0.0, _MOST_SMOOTHING, step=0.05, key=state.TRAIN_SMOOTHING, width=260,
            persist_state="session",
            help=_("0 shows the curves as measured. Above 0, each point is the mean of all points so far, in "
                   "which a point counts this share of the next one (an exponential moving average, as in "
                   "TensorBoard). The measured curves stay faint behind."),
        )  # fmt: skip
        query.choice(state.TRAIN_LOG_LOSS, (False, True))
        log = st.toggle(
            _("Logarithmic loss"), key=state.TRAIN_LOG_LOSS, persist_state="session",
            help=_("The axis of the loss in powers of ten. It shows small differences near 0."),
        )  # fmt: skip
    return smoothing, log


def _images(run: Path, status: run_folder.Status, config: RunConfig) -> int:
    """The number of training images in an epoch; without the data set or the lesson, that of full batches."""
    try:
        return warm_start.training_images(run)
    except (run_folder.UnknownRun, warm_start.DamagedLesson):
        return status.steps * config.batch_size


def _change_words(change: dict[str, Any]) -> str:
    names = {"learning_rate": _("learning rate"), "dropout": _("dropout")}
    text = _("From epoch {epoch} on: {setting} {before:g} → {after:g}.")
    if change["by"] == "plateau":
        text = _("From epoch {epoch} on: {setting} {before:g} → {after:g}, because the loss had not fallen.")
    return text.format(
        epoch=change["epoch"], setting=names.get(change["setting"], ui.plain(change["setting"])),
        before=change["before"], after=change["after"],
    )  # fmt: skip


def pace(epochs: Rows, config: RunConfig) -> None:
    if not epochs:
        st.caption(_("The learning rate and the time of each epoch are shown here after the first epoch."))
        return
    left, right = st.columns(2)
    for side, name, title in (
        (left, "learning_rate", _("learning rate at the end")),
        (right, "seconds", _("seconds per epoch")),
    ):
        ui.chart(
            charts.pace(epochs, name, title, config.epochs), into=side, key=state.TRAIN_PACE[name],
            alt=_("{what} over the epochs").format(what=title),
        )  # fmt: skip
    st.caption(_("The first epoch takes longer, because TensorFlow compiles the network."))


def digits(epochs: Rows, spec: DatasetSpec) -> None:
    if not any(row.get("val_class_accuracy") for row in epochs):
        st.caption(
            _("The validation accuracy of each digit is shown here after the first epoch. The validation "
              "share must be above 0.")
            if spec.are_digits
            else _("The validation accuracy of each class is shown here after the first epoch. The "
                   "validation share must be above 0.")
        )  # fmt: skip
        return
    ui.chart(
        charts.by_digit(epochs, spec), key=state.TRAIN_BY_DIGIT,
        alt=_("The validation accuracy of each digit, epoch by epoch")
        if spec.are_digits
        else _("The validation accuracy of each class, epoch by epoch"),
    )  # fmt: skip
    st.caption(
        _(
            "The validation accuracy of each digit shows which digit is hard, and whether the network "
            "improves."
        )
        if spec.are_digits
        else _(
            "The validation accuracy of each class shows which class is hard, and whether the network "
            "improves."
        )
    )


def layers(run: Path) -> None:
    rows = records.layers(run)
    if not rows:
        st.caption(_("The weights and gradients of each layer are shown here after the first epoch."))
        return
    st.caption(
        _("The distributions of each layer: dotted after the first epoch, filled after epoch {n}. When a "
          "layer learns, its weights spread out. Gradients near 0 mean that there is little left to learn, "
          "or that the layer cannot learn.").format(n=rows[-1]["epoch"])
    )  # fmt: skip
    for name, newest in rows[-1]["layers"].items():
        first = rows[0]["layers"].get(name, newest)
        dead = newest.get("dead")
        words = (
            ""
            if not dead
            else _(" · {share:.0%} of its units are dead: no image activates them").format(share=dead)
        )
        st.markdown(f"**{ui.plain(name)}**{words}")
        left, right = st.columns(2)
        for side, kind, title in (
            (left, "weights", _("weights")),
            (right, "gradients", _("gradients")),
        ):
            side.caption(title)
            ui.chart(
                charts.spread(first[kind], newest[kind]), into=side, key=state.TRAIN_SPREAD[f"{name}_{kind}"],
                alt=_("Distribution of the {what} of {layer}").format(what=title, layer=name),
            )  # fmt: skip
