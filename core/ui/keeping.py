"""What becomes of an automatic run, and how a visitor keeps it. See `core.runs.temporary`.

Whoever does something with an automatic run that is of use only while the run exists keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import streamlit as st

from core.i18n import _
from core.runs import notes, run_table
from core.runs.run_table import Entry
from core.ui import state
from core.ui.wording import plain


def offer(run: Path) -> None:
    """Say that an automatic run will be deleted, with a button that keeps it. Nothing for any other run."""
    if not notes.is_temporary(run):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            _("This run was started automatically. It is deleted after a day, unless somebody keeps it."),
            width="content",
        )  # fmt: skip
        st.button(
            _("Keep"), icon=":material/keep:", key=state.APP_KEEP, type="tertiary",
            on_click=_keep_and_say, args=(run,),
            help=_("It is also kept if somebody pins it, copies its link, downloads it, pauses it or "
                   "continues it, or gives it a star, a name, a tag or a note."),
        )  # fmt: skip


def keep(run: Path) -> None:
    """Make an automatic run an ordinary one. A callback."""
    with suppress(OSError):  # then the page still says that the run is deleted after a day
        notes.pin(run)


def _keep_and_say(run: Path) -> None:
    try:
        notes.pin(run)
    except OSError as error:
        reason = plain(error.strerror or error)
        st.toast(_("The run could not be kept: {reason}.").format(reason=reason), icon=":material/error:")
    else:
        st.toast(_("The run is kept."), icon=":material/keep:")


def download(run: Path, write: Callable[[Entry], bytes]) -> bytes:
    """The content of a file that somebody downloads. The run is kept.

    Args:
        write: see `core.exports.downloads.Export`, as are its errors.
    """
    keep(run)
    return write(run_table.entry(run))
