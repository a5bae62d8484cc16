"""Streamlit's own elements in the theme of this app, each as plain as can be: what is wrong here is not ours.

streamlit run tests/support/plain_app.py
"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

OPTIONS = ["one", "two", "three"]


def empty() -> None:
    st.title("Plain", anchor=False)


def elements() -> None:
    """The elements that this app uses."""
    st.title("Plain", anchor=False)
    st.markdown("Text with `code` and a [link](https://plain.example).")
    st.caption("A caption")
    for show in (st.info, st.warning, st.error, st.success):
        show("A message", icon=":material/info:")
    st.button("A button", help="A hint", icon=":material/info:")
    st.button("A tertiary one", type="tertiary")
    st.button("A primary one", type="primary")
    st.button("A switched off one", disabled=True, type="primary")
    st.toggle("A toggle", help="A hint")
    st.selectbox("A choice", OPTIONS, help="A hint")
    st.multiselect("Some", OPTIONS, ["one"], max_selections=2)
    st.segmented_control("One of them", OPTIONS, default="one", required=True, help="A hint")
    st.pills("Pills", OPTIONS, selection_mode="multi", default=["one"])
    st.slider("A slider", 0, 100, (20, 80), help="A hint")
    st.slider("A share", 0.0, 1.0, 0.5)
    st.select_slider("A place", OPTIONS, "two", help="A hint")
    st.select_slider("A span", OPTIONS, ("one", "two"))
    st.number_input("A number", value=None, step=1.0, placeholder="all", help="A hint")
    st.text_input("A text", placeholder="such as this", help="A hint")
    st.text_area("A long text")
    st.file_uploader("File", type=["zip"], help="A hint")
    st.metric("A metric", "98%", "97 – 99%", delta_color="off", border=True, help="A hint")
    st.metric("One that rose", "98%", "+1", border=True)
    st.progress(0.4, "Progress")
    st.download_button("A download", "text", icon=":material/download:")
    st.page_link(st.Page(empty), label="A link to a page", icon=":material/home:")
    st.dataframe({"a": [1, 2], "b": [3, 4]}, hide_index=True, alt="A table", on_select="rerun")
    st.plotly_chart(go.Figure(go.Scatter(x=[1, 2], y=[1, 2])), alt="A chart")
    st.plotly_chart(go.Figure(go.Heatmap(z=[[1, 2], [3, 4]])), alt="A heat map", on_select="rerun")
    st.image(np.zeros((28, 28), np.uint8), width=84, alt="A picture")
    st.code("code = 1  # a comment", language="python", wrap_lines=True)
    with st.popover("A popover", icon=":material/info:", type="tertiary"):
        st.markdown("Inside")
    with st.expander("A drawer", icon=":material/info:", expanded=True):
        st.caption("Inside")
    with st.form("form", border=False):
        st.form_submit_button("Send")
    with st.container(border=True):
        st.caption("In a box")
    st.grid(1, min_column_width=2000, wrap=False).markdown("Wide")
    if st.button("A dialog"):
        st.dialog("A dialog")(lambda: st.markdown("Inside"))()
    st.toast("A toast")


st.set_page_config(page_title="Plain", layout="wide")
pages = [
    st.Page(empty, title="Empty", icon=":material/home:", default=True),
    st.Page(elements, title="Elements"),
]
st.navigation(pages, position="top").run()
