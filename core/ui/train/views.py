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
from core.runs import records, run_folder
from core.ui import state

Rows = Sequence[dict[str, Any]]  # one for each epoch, as `records.metrics` returns them


def curves(run: Path, status: run_folder.Status, config: RunConfig, epochs: Rows) -> None:
    batches = records.batches(run)
    if not batches and not epochs:
        st.caption(_("The curves appear after the first results."))
        return
    changes = records.changes(run)
    left, right = st.columns(2)
    for side, metric, title in ((left, "loss", _("loss")), (right, "accuracy", _("accuracy"))):
        ui.chart(
            charts.curve(metric, title, batches, epochs, status.steps, config.epochs, changes),
            into=side, key=state.TRAIN_CURVE[metric],
            alt=_("{metric} over the epochs, training against validation").format(metric=title),
        )  # fmt: skip
    st.caption(
        _("The dotted line is the mean since the start of the epoch. If the training curve still improves "
          "and the validation curve does not, the network overfits: it memorises the training images.")
    )  # fmt: skip
    for change in changes:
        st.caption(_change_words(change))


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
