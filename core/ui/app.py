"""The app around the pages: the navigation, and the heading of every page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit import net_util
from streamlit.components.v2.bidi_component import serialization
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from core import i18n
from core.i18n import _
from core.ui import browser, query, state
from core.ui.charting import new_charts
from core.ui.whole_number import new_fields

ICON = Path(__file__).parents[2] / ".streamlit" / "icon.svg"
# Streamlit puts a style sheet alone in the place of messages, where a message of a fragment replaces it.
_STYLE = f"<i hidden></i><style>{(Path(__file__).parent / 'app.css').read_text('utf-8')}</style>"
_taps = st.components.v2.component("taps", html="", js=(Path(__file__).parent / "taps.js").read_text("utf-8"))
PAGES = {
    "start": "pages/start.py",
    "data": "pages/data.py",
    "train": "pages/train.py",
    "sweeps": "pages/sweeps.py",
    "runs": "pages/runs.py",
    "evaluate": "pages/evaluate.py",
    "draw": "pages/draw.py",
    "drawings": "pages/drawings.py",
}


def _visitors_language() -> str:
    return (st.context.locale or "en").split("-")[0]


i18n.language = _visitors_language

# When the page of another site tries to connect, Streamlit asks a server on the internet for the address of
# this machine. All visitors would wait until that server has answered or failed.
net_util.get_external_ip = lambda: None

# Streamlit looks for tables in what a component gets, and imports pandas to recognise them. No component here
# gets a table. A page without tables opens half a second earlier and takes 70 MB less.
serialization._extract_dataframes_from_dict = lambda data, arrow_blobs=None: data

browser.watch()


def navigation() -> StreamlitPage:
    """Set up the app around the pages. Returns the page that the visitor asked for."""
    state.APP_FIRST.set(not state.APP_OPENED.is_kept())
    state.APP_ROUTED.set(True)
    state.APP_OPENED.set(True)
    # Call this before the pages are declared. Otherwise, the browser loads the icon of the page from Google.
    st.set_page_config(page_icon=str(ICON), layout="wide")
    page = st.navigation(
        [
            st.Page(PAGES["start"], title=_("Start"), icon=":material/home:", default=True),
            st.Page(PAGES["data"], title=_("Data"), icon=":material/grid_view:"),
            st.Page(PAGES["train"], title=_("Train"), icon=":material/model_training:"),
            st.Page(PAGES["sweeps"], title=_("Sweeps"), icon=":material/auto_awesome_motion:"),
            st.Page(PAGES["runs"], title=_("Runs"), icon=":material/table:"),
            st.Page(PAGES["evaluate"], title=_("Evaluate"), icon=":material/fact_check:"),
            st.Page(PAGES["draw"], title=_("Draw"), icon=":material/draw:"),
            st.Page(PAGES["drawings"], title=_("Drawings"), icon=":material/collections_bookmark:"),
        ],
        position="top",
    )
    st.set_page_config(page_title=f"{page.title} · MNIST Lab")
    return page


def heading(title: str, lead: str) -> DeltaGenerator:
    """The title of a page, and a sentence about its purpose. The sentence is returned and can be replaced."""
    if not state.APP_ROUTED.pop():
        # Streamlit takes a folder called "pages" for an older kind of app. Until st.navigation has been
        # called once in this server, a page that is opened by its address runs without app.py.
        first = not state.APP_OPENED.is_kept()
        navigation()
        state.APP_ROUTED.pop()
        if first:
            state.APP_OPENED.pop()  # this page is still the first one of the session
            st.rerun()  # from app.py; nothing is lost, because nobody has clicked yet
    new_charts()
    new_fields()
    state.APP_CHARTS_OF.set("mnist-lab")
    with st.container(gap=None):
        st.html(_STYLE)
        query.begin(first=state.APP_FIRST.get())
        _taps(key=state.APP_TAPS, height=1)
        st.title(title, anchor=False)
    with st.container(key=state.APP_LEAD):
        return st.markdown(lead)
