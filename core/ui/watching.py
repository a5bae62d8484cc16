"""The run that a visitor watches on the Train page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import ui
from core.runs import run_folder
from core.ui import query, run_picker, state


def watch(name: str) -> None:
    """Show the run with this name on the Train page. It is then also the run of the other pages.

    A run that was started by itself is not in the address: ten turns of a knob would be ten steps back.
    """
    state.TRAIN_WATCHED.set(name)
    run_picker.make_own(name)
    if name == state.TRAIN_BY_ITSELF.get():
        state.TRAIN_TAKEN_OUT.begin(state.RUN.get())
        query.write(state.RUN, None)
    else:
        query.write(state.RUN, name)


def leave() -> None:
    """Show the form for a new run instead of a run."""
    state.TRAIN_WATCHED.set(None)
    query.write(state.RUN, None)


def watched(root: Path) -> Path | None:
    """The run to show: the run in the address, else the run that the visitor watched last.

    None if there is no such run. If the visitor went back to an address without a run, the form is shown.
    """
    name = state.RUN.get()
    if not name:
        state.TRAIN_TAKEN_OUT.pop()
        if query.went_back():
            leave()
    elif name == state.TRAIN_TAKEN_OUT.get() and not query.went_back():
        name = None  # the browser does not know yet that the run is not in its address any more
    try:
        run = run_folder.find(root, name or state.TRAIN_WATCHED.get() or "")
    except run_folder.UnknownRun as error:
        if name:
            st.warning(ui.plain(error))
        return None
    watch(run.name)
    return run
