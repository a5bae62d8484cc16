"""What can be done with a run that has ended: look at it, download it, share it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

import segno
import streamlit as st

from core import ui
from core.exports import downloads
from core.i18n import _
from core.jobs import estimate
from core.runs import run_folder
from core.ui import keeping, state

_MODULE = 5  # pixels of a square of the QR code


def links(run: Path, status: run_folder.Status) -> None:
    """Show where to go with a run that has a model, and how to take it along."""
    if status.state not in run_folder.ENDED or not run_folder.has_model(run):
        return
    query = state.RUN.to(run.name)
    st.page_link(
        ui.PAGES["evaluate"],
        label=_("Look at its mistakes"),
        icon=":material/fact_check:",
        query_params=query,
    )
    st.page_link(ui.PAGES["draw"], label=_("Draw a digit"), icon=":material/draw:", query_params=query)
    whole = downloads.exports()["zip"]
    st.download_button(
        _("Download"), partial(keeping.download, run, whole.write),
        downloads.file_name(run, "zip"), whole.mime,
        icon=":material/download:", key=state.TRAIN_ZIP, on_click="ignore", type="tertiary",
        help=_("The whole run as a zip file. The Runs page has the model in other formats."),
    )  # fmt: skip
    # A link to a run that is deleted after a day would be of no use to anybody.
    with st.popover(
        _("Copy link"), icon=":material/link:", key=state.TRAIN_LINK, type="tertiary",
        on_change=keeping.keep, args=(run,),
    ):  # fmt: skip
        address = link_to(run)
        st.code(address, language=None, wrap_lines=True)
        st.caption(_("The run is kept. The link works until somebody deletes the run."))
        st.image(qr_code(address), caption=_("For a projector: a phone that reads this code opens the run."))


def link_to(run: Path) -> str:
    """The address that shows this run."""
    page = urlsplit(st.context.url or "")
    return urlunsplit(page._replace(query=urlencode({str(state.RUN): run.name}), fragment=""))


def qr_code(text: str) -> str:
    """A QR code as SVG, black on white in both themes."""
    return segno.make(text, micro=False).svg_inline(scale=_MODULE, border=4, light="white", dark="black")


def estimated(run: Path, status: run_folder.Status) -> None:
    """How far the estimated time was off."""
    if status.state == "finished" and (off := estimate.off(run)):
        st.caption(
            _("Estimated time: {estimated}. Actual time: {took}.").format(
                estimated=ui.duration(off.estimated), took=ui.duration(off.took)
            )
        )
