"""The Start page: an introduction, four steps and an overview."""

import streamlit as st

from core import ui
from core.data import datasets, specs
from core.i18n import _
from core.jobs import turns
from core.runs import run_folder
from core.ui import state

STEPS = [
    ("data", _("1. Look at the data"), ":material/grid_view:",
     _("Look at thousands of handwritten digits, and at the numbers that the computer gets for each digit.")),
    ("train", _("2. Train a network"), ":material/model_training:",
     _("Choose the layers and the settings for training, then watch the network learn.")),
    ("evaluate", _("3. Look at its mistakes"), ":material/fact_check:",
     _("Test the network on digits that it has never seen, and look at each digit that it reads wrong.")),
    ("draw", _("4. Draw a digit"), ":material/draw:",
     _("Draw a digit yourself, and see which digit the network reads.")),
]  # fmt: skip

ui.heading(
    "MNIST Lab",
    _(
        "Here you train neural networks to read handwritten digits, and see how they work. The networks are "
        "real Keras networks. They are trained on real data while you watch. Begin with step 1, or go "
        "directly to step 2."
    ),
)

with st.grid(4, min_column_width=230):
    for name, title, icon, text in STEPS:
        with st.container(border=True, height="stretch"):
            st.page_link(ui.PAGES[name], label=f"**{title}**", icon=icon)
            st.markdown(text)

root = ui.settings().runs
every, active = run_folder.every(root), turns.active(root)

st.header(_("Overview"), anchor=False)
with st.grid(3, min_column_width=180):
    at_hand = [name for name in specs.names() if datasets.at_hand(name)]
    st.metric(_("Available data sets"), len(at_hand), help=", ".join(at_hand), border=True)
    st.metric(_("Runs so far"), f"{len(every):,}", border=True)
    st.metric(_("Runs training or waiting"), len(active), border=True)

for name, words in ui.run_labels(active).items():
    st.page_link(
        ui.PAGES["train"],
        label=_("Watch the current run: {run}").format(run=ui.plain(words)),
        icon=":material/monitoring:",
        query_params=state.RUN.to(name),
    )
