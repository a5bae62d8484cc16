"""The state of a run, in words and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from core import ui
from core.config import RunConfig
from core.failures import words
from core.i18n import _, ngettext
from core.jobs import estimate, turns
from core.runs import records, run_folder
from core.ui.train.views import Rows


def show(run: Path, status: run_folder.Status, config: RunConfig) -> None:
    """Show the progress of a run, or its result.

    Args:
        config: the run's settings with the latest request, see `records.plan`.
    """
    match status.state:
        case "queued":
            st.progress(0.0, text=_waiting(run))
        case "running" | "pausing" | "stopping":
            steps = max(1, status.steps * config.epochs)
            done = max(0, status.epoch - 1) * status.steps + status.step
            st.progress(min(1.0, done / steps), text=_progress(run, status, config))
        case "paused":
            st.info(_paused(status, config), icon=":material/pause_circle:")
        case "interrupted":
            st.warning(ui.plain(words(status.failure)), icon=":material/power_off:")
            st.caption(_kept(run))
        case "failed":
            ui.sorry(words(status.failure))
            if not status.diverged and status.can_resume:
                st.caption(_kept(run))
        case "finished" | "stopped":
            _outcome(run, status)


def _waiting(run: Path) -> str:
    line = turns.line(run.parent)
    before = line.ahead(run)
    if not before:
        if len(line.training) < ui.settings().slots:
            return _("Starting the training process and TensorFlow, which takes a few seconds")
        text = _("Next in the queue")
    else:
        place = len(before) + 1
        text = _("Number {place} in the queue").format(place=place)
    seconds = estimate.waiting(line.training, before, ui.settings().slots)
    return _("{place} · starts in about {time}").format(place=text, time=ui.duration(seconds))


def _phases() -> dict[run_folder.Phase, str]:
    return {
        "importing": _("Starting TensorFlow, which takes a few seconds"),
        "loading": _("Reading the data"),
        "compiling": _("Building the network"),
        "evaluating": _("Reading the test images"),
    }


def _progress(run: Path, status: run_folder.Status, config: RunConfig) -> str:
    if status.phase == "training":
        text = _("Epoch {epoch} of {epochs} · step {step:,} of {steps:,}").format(
            epoch=status.epoch, epochs=config.epochs, step=status.step, steps=status.steps
        )
    else:
        text = _phases().get(status.phase, _("Training"))
    if status.state == "pausing":
        return _("{progress} · pausing after this step").format(progress=text)
    if status.state == "stopping":
        return _("{progress} · stopping after this step").format(progress=text)
    if status.phase != "training":
        return text
    left = ui.duration(estimate.remaining(run))
    return _("{progress} · about {time} left").format(progress=text, time=left)


def _paused(status: run_folder.Status, config: RunConfig) -> str:
    if not status.epoch:
        return _("The run was paused before it began. When you resume it, it goes to the end of the queue.")
    return _(
        "Paused in epoch {epoch} of {epochs}, after step {step:,} of {steps:,}. Nothing is lost: the run "
        "will resume exactly here."
    ).format(epoch=status.epoch, epochs=config.epochs, step=status.step, steps=status.steps)


def _kept(run: Path) -> str:
    done = len(records.metrics(run))
    if not run_folder.has_checkpoint(run) or not done:
        return _("The run had not finished an epoch, so it will start again from the beginning.")
    return ngettext(
        "{n} epoch is saved. The run will resume after this epoch.",
        "{n} epochs are saved. The run will resume after these epochs.",
        done,
    ).format(n=done)


def _outcome(run: Path, status: run_folder.Status) -> None:
    if status.test_accuracy is None:
        st.info(_("Stopped before the training began."), icon=":material/stop_circle:")
        return
    text = _("Finished in {time}. The test accuracy is {accuracy:.2%}.")
    if status.state == "stopped":
        text = _("Stopped after {time}. The test accuracy is {accuracy:.2%}.")
    text = text.format(time=ui.duration(status.worked), accuracy=status.test_accuracy)
    if status.stopped_early:
        text += " " + _(
            "Early stopping ended the run after epoch {epoch}, because the loss had stopped falling."
        ).format(epoch=status.epoch)
        if status.best_epoch:
            text += " " + _("The run has the weights of epoch {best}, the best epoch.").format(
                best=status.best_epoch
            )
    st.success(text, icon=":material/check_circle:")


def numbers(status: run_folder.Status, epochs: Rows, newest: dict[str, Any] | None) -> None:
    """Show the newest losses and accuracies: of the current epoch while the run trains, else of the last.

    Args:
        epochs: the rows of `records.metrics`.
        newest: the row of `records.newest_batch`.
    """
    row = newest if status.state not in run_folder.RESTING and newest else (epochs[-1] if epochs else newest)
    if not row:
        return
    with st.grid(4, min_column_width=140):
        st.metric(_("Training loss"), ui.number(row.get("loss"), "{:.4f}"), border=True)
        st.metric(_("Training accuracy"), ui.number(row.get("accuracy"), "{:.2%}"), border=True)
        if epochs and "val_loss" in epochs[-1]:
            st.metric(_("Validation loss"), ui.number(epochs[-1]["val_loss"], "{:.4f}"), border=True)
            st.metric(_("Validation accuracy"), ui.number(epochs[-1]["val_accuracy"], "{:.2%}"), border=True)
