"""The run that a visitor watches on the Train page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import ui
from core.runs import run_folder
from core.ui import query, run_picker, state


def watch(name: str) -> None:
    """Show the run of this name, which somebody asked for or trained, and make it the visitor's own."""
    state.TRAIN_WATCHED.set(name)
    run_picker.make_own(name)
    query.write(state.RUN, name)


def leave() -> None:
    """Back from this run to the knobs."""
    state.TRAIN_WATCHED.set(None)
    query.write(state.RUN, None)


def watched(root: Path) -> Path | None:
    """The run to show: the one that the address names, else the one that this visitor looked at last.

    Who goes back to an address without a run goes back to the knobs.
    """
    name = state.RUN.get()
    if not name and query.went_back():
        leave()
    try:
        found = run_folder.find(root, name or state.TRAIN_WATCHED.get() or "")
    except run_folder.UnknownRun as error:
        if name:
            st.warning(ui.plain(error))
        return None
    watch(found.name)
    return found
