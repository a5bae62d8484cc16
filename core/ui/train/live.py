"""A run that is watched: its parts look at it again and again while it goes on."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import ui
from core.config import RunConfig
from core.i18n import _
from core.runs import records, run_folder
from core.ui import query, state
from core.ui.train import advice, standing, steering, views

# Seconds between two looks at a run that is going on: so many for each of its epochs, but no fewer and
# no more than these. Where there are many epochs to come, the server is to have little to do.
NUMBERS = (0.03, 0.3, 1.0)
CURVES = (0.05, 1.0, 5.0)
LOG_END = 20_000  # characters of the log to show


def show(run: Path) -> None:
    """The whole run. While it goes on, its parts look at it again and again, and nobody has to reload."""
    try:
        status, config = run_folder.status(run), records.plan(run)
    except run_folder.UnknownRun as error:
        ui.sorry(error)
        return
    going_on = _goes_on(status)
    # The parts compare with this, and have the page made anew when the run has come to rest, or off it.
    state.TRAIN_GOING_ON.set(going_on)
    st.fragment(_stand, run_every=_every(NUMBERS, config) if going_on else None)(run)
    if going_on or status.epoch:
        steering.knobs(run, status, config)
        st.fragment(_sights, run_every=_every(CURVES, config) if going_on else None)(run)
    if status.state in ("failed", "interrupted"):
        with st.expander(_("Log"), icon=":material/terminal:"):
            st.code(_log(run), language=None, wrap_lines=True)


def _every(pace: tuple[float, float, float], config: RunConfig) -> float:
    per_epoch, least, most = pace
    return min(most, max(least, per_epoch * config.epochs))


def _goes_on(status: run_folder.Status) -> bool:
    """Whether to look again: a worker that has not come up in time may still do so on a busy machine."""
    return status.state not in run_folder.RESTING or (status.state == "interrupted" and not status.pid)


def _stand(run: Path) -> None:
    """The state in words, the newest numbers, and the buttons that go with it."""
    try:
        status, config = run_folder.status(run), records.plan(run)
    except run_folder.UnknownRun as error:
        ui.sorry(error)
        return
    if _goes_on(status) != state.TRAIN_GOING_ON.get():
        st.rerun()
    epochs = records.metrics(run)
    newest = records.newest_batch(run)
    standing.show(run, status, config)
    steering.buttons(run, status)
    standing.numbers(status, epochs, newest)


def _sights(run: Path) -> None:
    """The advice, and the charts that were chosen."""
    try:
        status, config = run_folder.status(run), records.plan(run)
    except run_folder.UnknownRun:
        return  # the other part says so
    epochs = records.metrics(run)
    advice.show(run, status, config)
    names = {
        "curves": _("Loss and accuracy"),
        "pace": _("Learning rate and time"),
        "digits": _("Accuracy by class"),
        "layers": _("Inside the layers"),
    }
    match query.switch(_("View"), state.TRAIN_VIEW, names):
        case "pace":
            views.pace(epochs, config)
        case "digits":
            views.digits(epochs, records.spec(run))
        case "layers":
            views.layers(run)
        case _:
            views.curves(run, status, config, epochs)


def _log(run: Path) -> str:
    try:
        return (run / "log.txt").read_text("utf-8", errors="replace")[-LOG_END:]
    except OSError:
        return _("There is no log.")
