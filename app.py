"""MNIST Lab: the router. Start it with ``streamlit run app.py``."""

from pathlib import Path

import streamlit as st

from core import ui
from core.i18n import _

ui.speak()
icon = Path(__file__).parent / ".streamlit" / "icon.svg"
st.set_page_config(page_title="MNIST Lab", page_icon=str(icon), layout="wide")
page = st.navigation(
    [
        st.Page(ui.PAGES["start"], title=_("Start"), icon=":material/home:", default=True),
        st.Page(ui.PAGES["data"], title=_("Data"), icon=":material/grid_view:"),
        st.Page(ui.PAGES["train"], title=_("Train"), icon=":material/model_training:"),
        st.Page(ui.PAGES["evaluate"], title=_("Evaluate"), icon=":material/fact_check:"),
        st.Page(ui.PAGES["draw"], title=_("Draw"), icon=":material/draw:"),
    ],
    position="top",
)
ui.routed()
page.run()
