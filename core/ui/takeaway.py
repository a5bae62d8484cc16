"""Take a run away: as code, as a model, as a whole; and bring one in."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import bundle, card, formats, jobs, lessons, runs, script, ui
from core.i18n import _
from core.ledger import Entry
from core.ui import compare, links


def show(one: Entry) -> None:
    """What there is to take of a run."""
    st.header(_("Take it away"), anchor=False)
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
            _("TensorBoard logs"), partial(formats.write, one.run, "tensorboard.zip"),
            f"{one.run.name}.tensorboard.zip", "application/zip", icon=":material/ssid_chart:",
            key="take_logs", on_click="ignore",
            help=_("The curves as Keras would have logged them. Unpack it, then: tensorboard --logdir ."),
        )  # fmt: skip
        st.download_button(
            _("Everything"), lambda: bundle.pack(one.run), f"{one.run.name}.zip", "application/zip",
            icon=":material/folder_zip:", key="take_zip", on_click="ignore",
            help=_("The whole run as a zip file, to bring it in on another machine."),
        )  # fmt: skip
    if runs.has_model(one.run):
        _model(one.run)


def _model(run: Path) -> None:
    """The trained model in a format to choose, and the lines that use it."""
    found = formats.formats()
    st.subheader(_("The trained model"), anchor=False)
    names = {ending: form.name for ending, form in found.items()}
    ending = links.switch(_("Format"), "format", names, "keras")
    st.markdown(found[ending].words)
    st.download_button(
        _("The model as {format}").format(format=names[ending]), partial(formats.write, run, ending),
        f"{run.name}.{ending}", icon=":material/deployed_code:", key=f"take_{ending}", on_click="ignore",
        help=_("What is not at hand is written when you click, which may take some seconds."),
    )  # fmt: skip
    with st.expander(_("How to use it"), icon=":material/terminal:"):
        st.code(formats.snippet(run, ending), language="python")


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


def bring(into: DeltaGenerator) -> None:
    """Let the visitor bring a run in.

    Args:
        into: where the button goes; what comes of it is said below.
    """
    if twice := st.session_state.pop("brought_twice", None):
        _say_it_is_here(*twice)
    with into.popover(_("Bring a run in"), icon=":material/upload:"):
        given = st.file_uploader(
            _("A run's zip file"), type=["zip"], key=f"bring_{st.session_state.get('brought', 0)}",
            max_upload_size=bundle.MOST_PACKED // 1_000_000,
            help=_("As it is taken away with Everything."),
        )  # fmt: skip
    if given is None:
        return
    try:
        jobs.check_room(ui.settings())
        run = bundle.unpack(io.BytesIO(given.getvalue()), ui.settings().runs)
    except bundle.AlreadyHere as error:
        st.session_state["brought_twice"] = given.name, error.run.name
    except (bundle.BadBundle, jobs.NotAllowed, OSError) as error:
        ui.sorry(_("{name} was not brought in. {reason}").format(name=given.name, reason=error))
        return
    else:
        links.write("runs", run.name)
    st.session_state["brought"] = st.session_state.get("brought", 0) + 1  # an empty uploader
    st.rerun()


def _say_it_is_here(file: str, run: str) -> None:
    st.info(
        ui.plain(_("The run in {file} is here already, so it was not brought in again. To take over what is "
                   "written on it there, delete it here first.").format(file=file)),
        icon=":material/content_copy:",
    )  # fmt: skip
    st.page_link(ui.PAGES["runs"], label=_("Show it"), icon=":material/table:", query_params={"runs": run})
