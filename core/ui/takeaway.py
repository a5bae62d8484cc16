"""Take a run away: as code, as a model, as a whole; and bring one in."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core import bundle, card, jobs, lessons, runs, script, ui
from core.i18n import _
from core.ledger import Entry
from core.ui import compare


def show(one: Entry) -> None:
    """What there is to take of a run."""
    st.subheader(_("Take it away"), anchor=False)
    title, remarks = f"{compare.title(one)} (MNIST Lab, run {one.run.name})", _remarks(one)
    with st.container(horizontal=True):
        st.download_button(
            _("Keras script"), script.script(one.config, title, remarks), f"{one.run.name}.py",
            "text/x-python", icon=":material/code:", key="take_script", on_click="ignore",
            help=_("Trains this run from nothing, with plain Keras."),
        )  # fmt: skip
        st.download_button(
            _("Notebook"), script.notebook(one.config, title, remarks), f"{one.run.name}.ipynb",
            "application/x-ipynb+json", icon=":material/menu_book:", key="take_notebook", on_click="ignore",
            help=_("The same, for Jupyter."),
        )  # fmt: skip
        if runs.has_model(one.run):
            for name, label, words in (
                ("model.keras", "Keras", _("The trained model, in Keras's format.")),
                ("model.onnx", "ONNX", _("The trained model for any runtime; every layer is an output.")),
            ):
                st.download_button(
                    label, _later(one.run / name), f"{one.run.name}.{name.partition('.')[2]}",
                    icon=":material/deployed_code:", key=f"take_{name}", on_click="ignore", help=words,
                )  # fmt: skip
        st.download_button(
            _("Model card"), lambda: card.card(one, compare.title(one)), f"{one.run.name}.md",
            "text/markdown", icon=":material/description:", key="take_card", on_click="ignore",
            help=_("What it is, what it learned from, how good it is, what it is not for."),
        )  # fmt: skip
        st.download_button(
            _("Numbers"), lambda: card.metrics(one), f"{one.run.name}.csv", "text/csv",
            icon=":material/table_chart:", key="take_metrics", on_click="ignore",
            help=_("Loss, accuracy and the rest after each epoch, as CSV."),
        )  # fmt: skip
        st.download_button(
            _("Everything"), lambda: bundle.pack(one.run), f"{one.run.name}.zip", "application/zip",
            icon=":material/folder_zip:", key="take_zip", on_click="ignore",
            help=_("The whole run as a zip file, to bring it in on another machine."),
        )  # fmt: skip
    if runs.has_model(one.run):
        with st.expander(_("How to use the models"), icon=":material/terminal:"):
            st.code(_SNIPPET.format(name=one.run.name), language="python")


def _later(file: Path) -> Callable[[], bytes]:
    """Read only when somebody wants it."""
    return file.read_bytes


# Both give the same probabilities; what they are given is what MNIST's images are, scaled to 0 ... 1.
_SNIPPET = """\
import numpy as np

images = np.zeros((1, 28, 28), "float32")  # 0 is paper, 1 is ink, made as MNIST's images are

import keras  # pip install tensorflow
print(keras.saving.load_model("{name}.keras").predict(images))

import onnxruntime  # pip install onnxruntime
session = onnxruntime.InferenceSession("{name}.onnx")
print(session.run(["output"], {{"images": images}})[0])
"""


def _remarks(one: Entry) -> list[str]:
    """What of the run the script does not do."""
    found = []
    if lessons.has(one.run):
        found.append(
            _("This run began with another one's weights or learned from drawings, too: that is left out.")
        )
    if runs.changes(one.run):
        found.append(
            _("Knobs were turned while it trained: this script has the last values from the beginning.")
        )
    if any(one.config.augmentation):
        found.append(_("Its training images were changed at random; Keras's own layers do nearly the same."))
    if one.status.test_accuracy is not None:
        found.append(_("Test accuracy of the run: {accuracy:.4f}.").format(accuracy=one.status.test_accuracy))
    return found


def bring() -> None:
    """Let the visitor bring a run in."""
    with st.popover(_("Bring a run in"), icon=":material/upload:"):
        given = st.file_uploader(
            _("A run's zip file"), type=["zip"], key=f"bring_{st.session_state.get('brought', 0)}",
            help=_("As it is taken away with Everything."),
        )  # fmt: skip
    if given is None:
        return
    try:
        jobs.check_room(ui.settings())
        run = bundle.unpack(io.BytesIO(given.getvalue()), ui.settings().runs)
    except (bundle.BadBundle, jobs.NotAllowed, OSError) as error:
        ui.sorry(_("{name} was not brought in. {reason}").format(name=given.name, reason=error))
        return
    st.session_state["brought"] = st.session_state.get("brought", 0) + 1  # an empty uploader
    st.query_params["runs"] = run.name
    st.rerun()
