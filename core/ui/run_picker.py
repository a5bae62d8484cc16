"""A list to choose a run from, and the run that all pages of a session share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core import ui
from core.i18n import _
from core.runs import notes, run_folder
from core.ui import keeping, query, state
from core.ui.state import Key


def pick(candidates: Sequence[Path], label: str = "", *, key: Key[str], **options: Any) -> Path:
    """Let the visitor choose a run.

    Args:
        candidates: run directories, at least one. Temporary runs come last in the list.
        label: the label of the list; "" for "Run".
        options: passed to `streamlit.selectbox`.
    """
    by_name = {run.name: run for run in sorted(candidates, key=notes.is_temporary)}
    lines = ui.run_labels(candidates)
    name = st.selectbox(label or _("Run"), list(by_name), key=key, format_func=lines.__getitem__, **options)
    return by_name[name]


def pick_page_run(candidates: Sequence[Path]) -> Path:
    """Let the visitor choose the run that a page shows.

    At first this is the run in the address, else the latest run of the visitor, else the starter model. It is
    written into the address, so that a link and a reload show the same run.

    Args:
        candidates: run directories, with the starter model among them.
    """
    names = {run.name for run in candidates}
    asked, latest = state.RUN.get(), state.APP_RUN.get()
    shown = next(name for name in (asked, latest, run_folder.STARTER.name) if name in names)
    if not asked:
        state.APP_RUN_OFFERED.set(shown)
        query.write(state.RUN, shown)
    elif asked not in names:
        unknown = _("There is no trained run {name} here. Another run is shown.")
        st.warning(ui.plain(unknown.format(name=repr(asked[:64]))))
    elif asked != state.APP_RUN_OFFERED.get():
        make_own(asked)
    state.APP_RUN_CHOICE.set(shown)
    run = pick(candidates, key=state.APP_RUN_CHOICE, on_change=_chosen)
    ui.charts_are_of(run)
    keeping.offer(run)
    return run


def _chosen() -> None:
    make_own(state.APP_RUN_CHOICE.get())
    query.write(state.RUN, state.APP_RUN_CHOICE.get())


def make_own(run: str) -> None:
    """Let the other pages show the run with this name. The visitor asked for it, chose it or trained it."""
    state.APP_RUN.set(run)
