"""The view of a run on the Train page. It is updated while the run trains."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import streamlit as st

from core import ui
from core.config import RunConfig
from core.evaluation import difference
from core.i18n import _
from core.runs import records, run_folder
from core.ui import keeping, query, state
from core.ui.train import advice, ending, standing, steering, views, visit

# Seconds between two updates: seconds for each epoch of the run, the minimum, and the maximum. A run with
# many epochs is updated less often, to keep the load of the server low.
NUMBERS = (0.03, 0.3, 1.0)
CURVES = (0.05, 1.0, 5.0)
LOG_END = 20_000  # characters of the log to show


def show(run: Path) -> None:
    """Show a run. While the run trains or waits, its parts are updated without a reload of the page."""
    try:
        status, config = run_folder.status(run), records.plan(run)
    except run_folder.UnknownRun as error:
        ui.sorry(error)
        return
    going_on = _goes_on(status)
    # The parts compare the state with this value. If it has changed, they run the whole page again.
    state.TRAIN_GOING_ON.set(going_on)
    st.fragment(_stand, run_every=_every(NUMBERS, config) if going_on else None)(run)
    steering.mend(run, status, config)
    if going_on or status.epoch:
        st.fragment(_sights, run_every=_every(CURVES, config) if going_on else None)(run)
        st.fragment(_numbers, run_every=_every(NUMBERS, config) if going_on else None)(run)
        st.fragment(_advice, run_every=_every(CURVES, config) if going_on else None)(run)
    if status.state in ("failed", "interrupted"):
        with st.expander(_("Log"), icon=":material/terminal:"):
            st.code(_log(run), language=None, wrap_lines=True)


def _every(pace: tuple[float, float, float], config: RunConfig) -> float:
    per_epoch, least, most = pace
    return min(most, max(least, per_epoch * config.epochs))


def _goes_on(status: run_folder.Status) -> bool:
    """Whether the run may still change. A worker that counts as lost may start late on a busy machine."""
    return status.state not in run_folder.RESTING or (status.state == "interrupted" and not status.pid)


def _stand(run: Path) -> None:
    """Show the state in words, and the buttons for this state."""
    _fill_the_form()
    try:
        status, config = run_folder.status(run), records.plan(run)
    except run_folder.UnknownRun as error:
        ui.sorry(error)
        return
    if _goes_on(status) != state.TRAIN_GOING_ON.get():
        st.rerun()
    with st.container(key=state.TRAIN_STAND):
        standing.show(run, status, config)
    with st.container(key=state.TRAIN_DIFFERENCE), suppress(run_folder.UnknownRun):
        _difference(run, status)
    # Without frames, all that can be done with a run that has ended fits into one row at 1280 pixels.
    with st.container(horizontal=True, vertical_alignment="center"):
        steering.buttons(run, status)
        ending.links(run, status)
        st.button(
            _("Use these settings"), icon=":material/tune:", key=state.TRAIN_USE, on_click=steering.use,
            args=(records.config(run),), type="tertiary",
            help=_("Puts the settings of this run into the form."),
        )  # fmt: skip
    keeping.offer(run)


def _difference(run: Path, status: run_folder.Status) -> None:
    """Show what was changed since the previous run of this visit, and what the change has done."""
    previous = visit.previous_to(run)
    if not previous:
        return
    change = difference.between(previous, run)
    if status.state in run_folder.RESTING:
        st.markdown(f":material/compare_arrows: {ui.plain(difference.in_words(change))}")
    elif change.changes:
        st.markdown(f":material/compare_arrows: {ui.plain(difference.changes_in_words(change.changes))}")


def _sights(run: Path) -> None:
    """Show the chosen charts."""
    try:
        status, config = run_folder.status(run), records.plan(run)
    except run_folder.UnknownRun:
        return  # the other part shows the error
    epochs = records.metrics(run)
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
            views.curves(run, status, config, epochs, visit.before(run))


def _numbers(run: Path) -> None:
    """Show the newest losses and accuracies."""
    with suppress(run_folder.UnknownRun):
        standing.numbers(run_folder.status(run), records.metrics(run), records.newest_batch(run))


def _advice(run: Path) -> None:
    """Show the advice, which comes while the run trains and when it has ended."""
    _fill_the_form()
    with suppress(run_folder.UnknownRun):
        status, config = run_folder.status(run), records.plan(run)
        advice.show(run, status, config)
        ending.estimated(run, status)


def _fill_the_form() -> None:
    """Run the whole page if a button of a part has put settings into the form."""
    if state.TRAIN_USED.pop():
        st.rerun()


def _log(run: Path) -> str:
    try:
        return (run / "log.txt").read_text("utf-8", errors="replace")[-LOG_END:]
    except OSError:
        return _("There is no log.")
