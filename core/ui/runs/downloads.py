"""Take a run away: as code, as a model, as a whole; and bring one in."""

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
from core.ui import query, state


def show(one: Entry) -> None:
    """What there is to take of a run."""
    st.header(_("Take it away"), anchor=False)
    with st.container(horizontal=True):
        _button(one, "py", "code", _("Trains this run from nothing, with plain Keras."))
        _button(one, "ipynb", "menu_book", _("The same, for Jupyter."))
        _button(
            one, "md", "description",
            _("What it is, what it learned from, how good it is, what it is not for."),
        )  # fmt: skip
        _button(
            one, "csv", "table_chart",
            _("Loss, accuracy and the rest after each epoch, as CSV."),
        )  # fmt: skip
        _button(
            one, "tensorboard.zip", "ssid_chart",
            _("The curves as Keras would have logged them. Unpack it, then: tensorboard --logdir ."),
        )  # fmt: skip
        _button(
            one, "zip", "folder_zip",
            _("The whole run as a zip file, to bring it in on another machine."),
        )  # fmt: skip
    if run_folder.has_model(one.run):
        _model(one)


def _button(one: Entry, ending: str, icon: str, hint: str, label: str = "") -> None:
    """Take a file away, which is written when somebody asks."""
    export = downloads.exports()[ending]
    st.download_button(
        label or export.name, partial(export.write, one), downloads.file_name(one.run, ending), export.mime,
        icon=f":material/{icon}:", key=state.RUNS_TAKE[ending], on_click="ignore", help=hint,
    )  # fmt: skip


def _model(one: Entry) -> None:
    """The trained model in a format to choose, and the lines that use it."""
    found = model_formats.formats(records.spec(one.run))
    st.subheader(_("The trained model"), anchor=False)
    names = {ending: form.name for ending, form in found.items()}
    ending = query.switch(_("Format"), state.RUNS_FORMAT, names)
    st.markdown(
        _("{words} For {versions}.").format(words=found[ending].words, versions=found[ending].versions)
    )
    _button(
        one, ending, "deployed_code",
        _("What is not at hand is written when you click, which may take some seconds."),
        _("The model as {format}").format(format=names[ending]),
    )  # fmt: skip
    with st.expander(_("How to use it"), icon=":material/terminal:"):
        st.code(model_formats.snippet(one.run, ending), language="python", wrap_lines=True)


def bring(into: DeltaGenerator) -> None:
    """Let the visitor bring a run in.

    Args:
        into: where the button goes; what comes of it is said below.
    """
    if twice := state.RUNS_BROUGHT_TWICE.pop():
        _say_it_is_here(*twice)
    with into.popover(_("Bring a run in"), icon=":material/upload:"):
        ui.say_where_files_are_taken()
        given = st.file_uploader(
            _("A run's zip file"), type=["zip"], key=state.RUNS_BRING[state.RUNS_BROUGHT.get()],
            max_upload_size=run_archive.MOST_PACKED // 1_000_000,
            help=_("As it is taken away with Everything."),
        )  # fmt: skip
    if given is None:
        return
    try:
        run_queue.check_room(ui.settings())
        run = run_archive.unpack(io.BytesIO(given.getvalue()), ui.settings().runs)
    except run_archive.AlreadyHere as error:
        state.RUNS_BROUGHT_TWICE.set((given.name, error.run.name))
    except (run_archive.BadBundle, run_queue.NotAllowed, OSError) as error:
        ui.sorry(_("{name} was not brought in. {reason}").format(name=given.name, reason=error))
        return
    else:
        query.write(state.RUNS, run.name)
    state.RUNS_BROUGHT.set(state.RUNS_BROUGHT.get() + 1)  # an empty uploader
    st.rerun()


def _say_it_is_here(file: str, run: str) -> None:
    st.info(
        ui.plain(_("The run in {file} is here already, so it was not brought in again. To take over what is "
                   "written on it there, delete it here first.").format(file=file)),
        icon=":material/content_copy:",
    )  # fmt: skip
    st.page_link(
        ui.PAGES["runs"], label=_("Show it"), icon=":material/table:", query_params=state.RUNS.to(run)
    )
