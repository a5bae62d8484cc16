"""The advice on a run, with buttons that follow it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import ui
from core.config import RunConfig
from core.evaluation import difference
from core.i18n import _
from core.jobs import run_queue
from core.runs import adviser, run_folder
from core.ui import state
from core.ui.train import steering


def show(run: Path, status: run_folder.Status, config: RunConfig) -> None:
    """Show the advice on a run.

    Args:
        config: the run's settings with the latest request, see `records.plan`.
    """
    for advice in adviser.about(run):
        with st.container(border=True, key=state.TRAIN_ADVICE[advice.topic]):
            st.markdown(f":material/lightbulb: **{advice.verdict}** {advice.evidence} {advice.suggestion}")
            _follow(run, status, config, advice)


def _follow(run: Path, status: run_folder.Status, config: RunConfig, advice: adviser.Advice) -> None:
    """Show a button that follows the advice, if the advice has an action."""
    follow = state.TRAIN_FOLLOW[advice.topic]
    if not advice.change:
        if status.state == "running" and steering.button(
            _("Stop here"), "stop", _("The model gets the weights that were learned so far."), key=follow
        ):
            steering.ask(run_queue.stop, run)
        return
    advised = config.but(**advice.change)
    changes = difference.of_settings(config, advised)
    words = ", ".join(f"**{ui.plain(f'{change.title} {change.after}')}**" for change in changes)
    if advice.live and status.state not in run_folder.ENDED:
        label, icon = _("Set {change} from the next epoch").format(change=words), "tune"
        if steering.button(label, icon, _("The run continues."), key=follow):
            steering.steer(run, **advice.change)
        return
    label, icon = _("Set up a run with {change}").format(change=words), "tune"
    st.button(
        label, icon=f":material/{icon}:", help=_("This run does not change."), key=follow,
        on_click=steering.use, args=(advised,),
    )  # fmt: skip
