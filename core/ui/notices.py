"""Messages of a page when something is missing or went wrong."""

from __future__ import annotations

import streamlit as st

from core.i18n import _
from core.ui import state
from core.ui.app import PAGES
from core.ui.wording import plain

_XSRF_COOKIE = "_streamlit_xsrf"


def say_where_files_are_taken() -> None:
    """Warn next to an uploader that uploads fail inside the page of another site.

    There, browsers do not send the cookie that Streamlit requires with a file.
    """
    wanted = st.get_option("server.enableXsrfProtection") and st.context.headers
    if not wanted or _XSRF_COOKIE in st.context.cookies:
        return
    st.warning(
        _("Your browser blocks the cookies of this app, so you cannot upload a file here. This happens when "
          "another site shows the app inside its own page."),
        icon=":material/tab:",
    )  # fmt: skip
    if st.context.url:
        st.link_button(_("Open the app in a new tab"), st.context.url, icon=":material/open_in_new:")


def link_to_data(name: str) -> None:
    """A link to the page where a missing data set can be downloaded."""
    st.page_link(
        PAGES["data"], label=_("Download it on the Data page"), icon=":material/download:",
        query_params=state.DATA_DATASET.parameter.to(name),
    )  # fmt: skip


def sorry(message: object) -> None:
    """Show an error message. The message may quote what was received."""
    st.error(plain(message), icon=":material/error:")
