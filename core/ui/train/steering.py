"""The controls of a run: pause, resume and stop it, and change its settings while it trains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from core import ui
from core.config import KNOBS, ConfigError, RunConfig
from core.data import datasets
from core.failures import words
from core.i18n import _
from core.jobs import run_queue
from core.network.architectures import ImpossibleNetwork
from core.runs import records, run_folder
from core.ui import knobs, state
from core.ui.state import Key
from core.ui.whole_number import refused, whole


def buttons(run: Path, status: run_folder.Status) -> None:
    """Show the buttons for a run in this state."""
    with st.container(horizontal=True):
        if status.state in ("queued", "running") and button(
            _("Pause"), "pause", _("Pauses the run after the current step. Nothing is lost."),
            key=state.TRAIN_PAUSE,
        ):  # fmt: skip
            ask(run_queue.pause, run)
        if status.state in ("paused", "interrupted", "stopped") or (
            status.state == "failed" and not status.diverged and status.can_resume
        ):
            _resume_or_data(run, status)
        if status.state in ("queued", "running", "pausing", "paused", "interrupted") and button(
            _("Stop"), "stop", _("Ends the run after the current step. The model gets the weights that were "
                                 "learned so far."),
            key=state.TRAIN_STOP,
        ):  # fmt: skip
            ask(run_queue.stop, run)
    if status.state == "finished":
        _train_on(run, status)


def _resume_or_data(run: Path, status: run_folder.Status) -> None:
    """Show the button that resumes a run; or a link to the Data page, if the data set is missing."""
    name = records.config(run).dataset
    try:
        datasets.check(name)
    except datasets.DatasetMissing as error:
        if words(status.failure) != str(error):
            st.warning(ui.plain(error), icon=":material/download:")
        ui.link_to_data(name)
    else:
        hint = _("Continues the run exactly where it stopped.")
        if button(_("Resume"), "play_arrow", hint, key=state.TRAIN_RESUME, primary=True):
            _resume(run)


def _train_on(run: Path, status: run_folder.Status) -> None:
    with st.popover(_("More epochs"), icon=":material/fast_forward:", key=state.TRAIN_MORE, type="tertiary"):
        more = whole(_("Additional epochs"), 1, round(KNOBS["epochs"].high), key=state.TRAIN_MORE_EPOCHS)
        mended = state.TRAIN_MORE_EPOCHS not in refused()
        hint = _("Continues the training with the current weights.")
        pressed = button(_("Train more"), "fast_forward", hint, key=state.TRAIN_TRAIN_ON, disabled=not mended)
        if pressed and mended:
            _resume(run, epochs=status.epoch + more)


def use(config: RunConfig) -> None:
    """Put settings into the form. The callback of a button, which may be in a part that is updated alone."""
    knobs.turn(config)
    state.TRAIN_USED.set(True)


def apply(run: Path, config: RunConfig) -> None:
    """Offer to change the watched run to the settings in the form, where a run in training can be changed.

    Args:
        config: the settings in the form.
    """
    try:
        status, planned = run_folder.status(run), records.plan(run)
    except run_folder.UnknownRun:
        return
    turned = {
        name: getattr(config, name)
        for name, knob in KNOBS.items()
        if knob.live and getattr(config, name) != getattr(planned, name)
    }
    if not turned or status.state in (*run_folder.ENDED, "stopping"):
        return
    words = ", ".join(f"{_(KNOBS[name].title)} {value:g}" for name, value in turned.items())
    hint = _("The run continues with this value. The curves show where it changed.")
    label = _("Apply to this run from the next epoch: {settings}").format(settings=words)
    st.button(
        label, icon=":material/tune:", key=state.TRAIN_APPLY, help=hint, on_click=_apply, args=(run,),
        kwargs=turned, width="stretch",
    )  # fmt: skip


def _apply(run: Path, **turned: float) -> None:
    steer(run, **turned)


def mend(run: Path, status: run_folder.Status, config: RunConfig) -> None:
    """Show the settings with which a run that diverged can resume.

    Args:
        config: the run's settings with the latest request, see `records.plan`.
    """
    if not status.diverged:
        return
    now = {name: getattr(config, name) for name, knob in KNOBS.items() if knob.live}
    now["learning_rate"] /= 10  # with the same learning rate, the run would diverge again
    with st.container(border=True), st.form(state.TRAIN_STEERING, border=False):
        turned = {
            name: st.select_slider(
                _(KNOBS[name].title), sorted({*KNOBS[name].places, now[name]}), now[name],
                format_func="{:g}".format, key=state.TRAIN_STEER[name],
            )
            for name in now
        }  # fmt: skip
        label = _("Resume with these values")
        pressed = st.form_submit_button(label, icon=":material/play_arrow:", key=state.TRAIN_SET)
        if pressed and steer(run, **turned):
            _resume(run)


def button(
    label: str, icon: str, hint: str, key: Key[Any], *, primary: bool = False, disabled: bool = False
) -> bool:
    """Show a button with an icon. Returns whether the button was pressed."""
    return st.button(
        label,
        icon=f":material/{icon}:",
        key=key,
        help=hint,
        type="primary" if primary else "secondary",
        disabled=disabled,
    )


def ask(action: Callable[[Path], None], run: Path) -> None:
    """Call a function on the run, such as `run_queue.pause`, and run the page again."""
    try:
        action(run)
    except OSError as error:
        _sorry(error, run)
    else:
        st.rerun()


def _resume(run: Path, epochs: int | None = None) -> None:
    try:
        run_queue.resume(run, ui.settings(), epochs)
    except (run_queue.NotAllowed, datasets.DatasetMissing, ConfigError, ImpossibleNetwork, OSError) as error:
        _sorry(error, run)
    else:
        st.rerun()


def steer(run: Path, **values: float) -> bool:
    """Change settings of the run from the next epoch on. Returns whether the values were accepted."""
    try:
        run_queue.steer(run, **values)
    except (ConfigError, OSError) as error:
        _sorry(error, run)
        return False
    st.toast(_("The new values take effect at the next epoch."), icon=":material/check:")
    return True


def _sorry(error: Exception, run: Path) -> None:
    if isinstance(error, OSError):
        ui.sorry(
            _("{folder} cannot be written to: {reason}.").format(folder=run, reason=error.strerror or error)
        )
    else:
        ui.sorry(error)
