"""What a page says where something is missing or went wrong."""

from __future__ import annotations

import streamlit as st

from core.i18n import _
from core.ui import state
from core.ui.app import PAGES
from core.ui.wording import plain

_XSRF_COOKIE = "_streamlit_xsrf"


def say_where_files_are_taken() -> None:
    """Next to a place for files: inside of another site's page, they would be refused.

    There, browsers keep back the cookie that Streamlit wants to see with a file.
    """
    wanted = st.get_option("server.enableXsrfProtection") and st.context.headers
    if not wanted or _XSRF_COOKIE in st.context.cookies:
        return
    st.warning(
        _("Your browser does not let this app have cookies here, so no file can be given to it. That is so "
          "where another site shows it inside of its own page."),
        icon=":material/tab:",
    )  # fmt: skip
    if st.context.url:
        st.link_button(_("Open it in a tab of its own"), st.context.url, icon=":material/open_in_new:")


def link_to_data(name: str) -> None:
    """To where a data set that is not on this machine can be had."""
    st.page_link(
        PAGES["data"], label=_("Get it on the Data page"), icon=":material/download:",
        query_params=state.DATA_DATASET.parameter.to(name),
    )  # fmt: skip


def sorry(message: object) -> None:
    """Say what went wrong, in a sentence that may quote what was received."""
    st.error(plain(message), icon=":material/error:")
