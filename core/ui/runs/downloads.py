"""Download a run as code, as a model or as a whole, and import a run."""

from __future__ import annotations

import io
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import ui
from core.exports import downloads, model_formats, run_archive
from core.i18n import _
from core.jobs import run_queue
from core.runs import records, run_folder
from core.runs.run_table import Entry
from core.ui import keeping, query, state


def show(entry: Entry) -> None:
    """The downloads of a run."""
    st.header(_("Downloads"), anchor=False)
    with st.container(horizontal=True):
        _button(entry, "py", "code", _("A script that trains this run from scratch, with plain Keras."))
        _button(entry, "ipynb", "menu_book", _("The same script as a notebook for Jupyter."))
        _button(
            entry, "md", "description",
            _("A description of the model: its training data, its accuracy and its limits."),
        )  # fmt: skip
        _button(
            entry, "csv", "table_chart",
            _("Loss, accuracy and the other metrics after each epoch, as CSV."),
        )  # fmt: skip
        _button(
            entry, "tensorboard.zip", "ssid_chart",
            _("The curves as Keras would have logged them. Unpack the file, then run: "
              "tensorboard --logdir ."),
        )  # fmt: skip
        _button(
            entry, "zip", "folder_zip",
            _("The whole run as a zip file. You can import the file on another machine."),
        )  # fmt: skip
    if run_folder.has_model(entry.run):
        _model(entry)


def _button(entry: Entry, ending: str, icon: str, hint: str, label: str = "") -> None:
    """A button for a file that is written when it is clicked."""
    export = downloads.exports()[ending]
    st.download_button(
        label or export.name, partial(keeping.download, entry.run, export.write),
        downloads.file_name(entry.run, ending), export.mime,
        icon=f":material/{icon}:", key=state.RUNS_TAKE[ending], on_click="ignore", help=hint,
    )  # fmt: skip


def _model(entry: Entry) -> None:
    """The trained model in a chosen format, and the code that uses it."""
    formats = model_formats.formats(records.spec(entry.run))
    st.subheader(_("The trained model"), anchor=False)
    names = {ending: form.name for ending, form in formats.items()}
    ending = query.switch(_("Format"), state.RUNS_FORMAT, names)
    st.markdown(
        _("{words} For {versions}.").format(words=formats[ending].words, versions=formats[ending].versions)
    )
    _button(
        entry, ending, "deployed_code",
        _("Some formats are written when you click. This may take some seconds."),
        _("The model as {format}").format(format=names[ending]),
    )  # fmt: skip
    with st.expander(_("How to use it"), icon=":material/terminal:"):
        st.code(model_formats.snippet(entry.run, ending), language="python", wrap_lines=True)


def bring(into: DeltaGenerator) -> None:
    """Let the visitor import a run.

    Args:
        into: the container of the button. Messages are shown below it.
    """
    if twice := state.RUNS_BROUGHT_TWICE.pop():
        _say_it_is_here(*twice)
    with into.popover(_("Import a run"), icon=":material/upload:"):
        ui.say_where_files_are_taken()
        given = st.file_uploader(
            _("Zip file of a run"), type=["zip"], key=state.RUNS_BRING[state.RUNS_BROUGHT.get()],
            max_upload_size=run_archive.MOST_PACKED // 1_000_000,
            help=_("The file that you get with the button Everything."),
        )  # fmt: skip
    if given is None:
        return
    try:
        run_queue.check_room(ui.settings())
        run = run_archive.unpack(io.BytesIO(given.getvalue()), ui.settings().runs)
    except run_archive.AlreadyHere as error:
        state.RUNS_BROUGHT_TWICE.set((given.name, error.run.name))
    except (run_archive.BadBundle, run_queue.NotAllowed, OSError) as error:
        ui.sorry(_("{name} was not imported. {reason}").format(name=given.name, reason=error))
        return
    else:
        query.write(state.RUNS, run.name)
    state.RUNS_BROUGHT.set(state.RUNS_BROUGHT.get() + 1)  # an empty uploader
    st.rerun()


def _say_it_is_here(file: str, run: str) -> None:
    st.info(
        ui.plain(_("The run in {file} is already here, so it was not imported again. To use the name, the "
                   "tags and the note from the file, delete the run here first.").format(file=file)),
        icon=":material/content_copy:",
    )  # fmt: skip
    st.page_link(
        ui.PAGES["runs"], label=_("Show the run"), icon=":material/table:", query_params=state.RUNS.to(run)
    )
