"""What this is, the four steps, and how things stand."""

import streamlit as st

from core import ui
from core.data import datasets, specs
from core.i18n import _
from core.jobs import run_queue
from core.runs import run_folder
from core.ui import state

STEPS = [
    ("data", _("1. Look at the data"), ":material/grid_view:",
     _("Thousands of handwritten digits, and the numbers that each of them is to a computer.")),
    ("train", _("2. Train a network"), ":material/model_training:",
     _("Choose its layers and how it learns, then watch it learn.")),
    ("evaluate", _("3. See what it confuses"), ":material/fact_check:",
     _("Test it on digits it has never seen, and look at each one it gets wrong.")),
    ("draw", _("4. Draw a digit"), ":material/draw:",
     _("Write one yourself and watch it being read.")),
]  # fmt: skip

ui.heading(
    "MNIST Lab",
    _(
        "Here you teach a computer to read handwritten digits, and see how it does that. "
        "The networks are real Keras networks, trained on real data while you watch. "
        "Begin with step 1, or go straight to step 2."
    ),
)

with st.grid(4, min_column_width=230):
    for name, title, icon, text in STEPS:
        with st.container(border=True, height="stretch"):
            st.page_link(ui.PAGES[name], label=f"**{title}**", icon=icon)
            st.markdown(text)

root = ui.settings().runs
every, active = run_folder.every(root), run_queue.active(root)

st.header(_("How things stand"), anchor=False)
with st.grid(3, min_column_width=180):
    at_hand = [name for name in specs.names() if datasets.at_hand(name)]
    st.metric(_("Data sets at hand"), len(at_hand), help=", ".join(at_hand), border=True)
    st.metric(_("Runs so far"), f"{len(every):,}", border=True)
    st.metric(_("Training or waiting now"), len(active), border=True)

for name, words in ui.run_labels(active).items():
    st.page_link(
        ui.PAGES["train"],
        label=_("Watch the run that is under way: {run}").format(run=ui.plain(words)),
        icon=":material/monitoring:",
        query_params=state.RUN.to(name),
    )
