"""What can be done with runs: write notes, keep, delete and restore them, and train more seeds."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import ui
from core.data.datasets import DatasetMissing
from core.i18n import _, ngettext
from core.jobs import run_queue
from core.network.architectures import ImpossibleNetwork
from core.runs import notes, run_table, trash
from core.runs.run_table import Entry
from core.ui import keeping, query, state

_SEEDS = (3, 5, 10)
_MOST_DELETED = 20  # most deleted runs with a button of their own


def _write(chosen: list[Entry]) -> None:
    """A form for the name, the note and the tags of runs."""
    labels = chosen[0].labels if len(chosen) == 1 else notes.NONE
    # Other runs need other keys. Otherwise, a text that was typed for one run is saved for another run.
    names = "-".join(chosen_run.run.name for chosen_run in chosen)
    with st.form(state.RUNS_LABELS, border=False):
        if len(chosen) == 1:
            st.text_input(_("Name"), labels.name, max_chars=notes.MOST_NAME, key=state.RUNS_NAME[names],
                          placeholder=ui.summary(chosen[0].config))  # fmt: skip
            st.text_area(_("Note"), labels.note, max_chars=notes.MOST_NOTE, key=state.RUNS_NOTE[names])
        st.text_input(
            _("Tags") if len(chosen) == 1 else _("Tags to add"), ", ".join(labels.tags),
            key=state.RUNS_TAGS[names], help=_("Separated by commas."),
            max_chars=notes.MOST_TAGS * (notes.MOST_TAG + 2),
        )  # fmt: skip
        st.form_submit_button(
            _("Save"), icon=":material/save:", key=state.RUNS_SAVE, on_click=_save, args=(chosen, names)
        )


def _save(chosen: list[Entry], names: str) -> None:
    tags = tuple(state.RUNS_TAGS[names].get().split(","))
    try:
        for entry in chosen:
            if len(chosen) == 1:
                notes.write(
                    entry.run,
                    name=state.RUNS_NAME[names].get(),
                    note=state.RUNS_NOTE[names].get(),
                    tags=tags,
                )
            else:
                notes.write(entry.run, tags=(*entry.labels.tags, *tags))
    except (notes.BadLabels, OSError) as error:
        state.RUNS_ERROR.set(str(error))


def _star(chosen: list[Entry]) -> None:
    """Add a star to all these runs. If all of them have a star, remove their stars."""
    starred = not all(entry.labels.starred for entry in chosen)
    try:
        for entry in chosen:
            notes.write(entry.run, starred=starred)
    except OSError as error:
        state.RUNS_ERROR.set(str(error))


def _keep(chosen: list[Entry]) -> None:
    try:
        for entry in chosen:
            notes.pin(entry.run)
    except OSError as error:
        state.RUNS_ERROR.set(str(error))


def _delete(chosen: list[Path]) -> None:
    try:
        state.RUNS_DELETED.set(trash.delete(ui.settings().runs, [run.name for run in chosen]))
        query.write(state.RUNS, None)
    except (trash.StillTraining, OSError) as error:
        state.RUNS_ERROR.set(str(error))


def _bring_back(names: list[str]) -> None:
    state.RUNS_DELETED.pop()
    try:
        back = trash.restore(ui.settings().runs, names)
    except OSError as error:
        state.RUNS_ERROR.set(str(error))
    else:
        query.write(state.RUNS, ",".join(back))


def just_deleted() -> None:
    """The runs that were just deleted, with a button that restores them."""
    names = state.RUNS_DELETED.get()
    if not names:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        words = ngettext("{n} run was deleted.", "{n} runs were deleted.", len(names))
        st.markdown(words.format(n=len(names)))
        st.button(_("Undo"), icon=":material/undo:", key=state.RUNS_UNDO, on_click=_bring_back, args=(names,))


def deleted_lately() -> None:
    """The runs that were deleted within a day, in any session."""
    deleted = trash.deleted(ui.settings().runs)
    if not deleted:
        return
    with st.popover(_("Recently deleted"), icon=":material/restore_from_trash:"):
        st.caption(_("Deleted runs are kept for a day."))
        for name, label in ui.run_labels(deleted[:_MOST_DELETED]).items():
            st.button(
                ui.plain(label), icon=":material/undo:", key=state.RUNS_BACK[name],
                help=_("Restore this run"), on_click=_bring_back, args=([name],),
            )  # fmt: skip
        if len(deleted) > 1:
            st.button(
                _("Restore all {n} runs").format(n=len(deleted)), icon=":material/undo:",
                key=state.RUNS_ALL_BACK,
                on_click=_bring_back, args=([run.name for run in deleted],), type="primary",
            )  # fmt: skip


def _more_seeds(entry: Entry, number: int) -> None:
    """Queue the same settings with other seeds, until there are `number` seeds."""
    taken = {other.config.seed for other in run_table.siblings(ui.settings().runs, entry)}
    free = (seed for seed in range(10_000) if seed not in taken)
    keeping.keep(entry.run)  # it is one of the seeds
    try:
        for seed in [next(free) for _missing in range(number - len(taken))]:
            run_queue.submit(entry.config.but(seed=seed), ui.settings())
    except (ImpossibleNetwork, DatasetMissing, run_queue.NotAllowed, OSError) as error:
        state.RUNS_ERROR.set(str(error))


def show(chosen: list[Entry]) -> None:
    """What can be done with the chosen runs."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = _("Remove the star") if all(entry.labels.starred for entry in chosen) else _("Add a star")
        st.button(label, icon=":material/star:", key=state.RUNS_STAR, on_click=_star, args=(chosen,))
        with st.popover(_("Name, tags, note"), icon=":material/edit:"):
            _write(chosen)
        if any(entry.labels.is_temporary for entry in chosen):
            st.button(
                _("Keep"), icon=":material/keep:", key=state.RUNS_KEEP, on_click=_keep, args=(chosen,),
                help=_("Automatic runs are deleted after a day."),
            )  # fmt: skip
        if len(chosen) == 1:
            with st.popover(_("More seeds"), icon=":material/casino:"):
                st.markdown(
                    _("The seed alone changes the accuracy a little. Train the same settings with other "
                      "seeds to see how much.")
                )  # fmt: skip
                for number in _SEEDS:
                    st.button(
                        _("Train until there are {n} seeds").format(n=number), key=state.RUNS_SEEDS[number],
                        on_click=_more_seeds, args=(chosen[0], number),
                    )  # fmt: skip
        _offer_to_delete([entry.run for entry in chosen])


def _offer_to_delete(chosen: list[Path]) -> None:
    if len(chosen) == 1:
        st.button(
            _("Delete"), icon=":material/delete:", key=state.RUNS_DELETE, on_click=_delete, args=(chosen,)
        )
        return
    # After many runs were deleted by mistake, the mistake may not even be noticed. So ask first.
    with st.popover(_("Delete"), icon=":material/delete:"):
        st.markdown(_("Delete these {n} runs? You can restore them for a day.").format(n=len(chosen)))
        st.button(
            _("Delete {n} runs").format(n=len(chosen)), icon=":material/delete:", type="primary",
            key=state.RUNS_DELETE, on_click=_delete, args=(chosen,),
        )  # fmt: skip


def only_to_delete(chosen: list[Entry], damaged: list[Path]) -> None:
    """The message for damaged runs, with a button that deletes all chosen runs."""
    names = ", ".join(f"`{run.name}`" for run in damaged)
    words = ngettext(
        "{names} cannot be read: its files are damaged, or are not the files of a run. You can only delete "
        "this run.",
        "{names} cannot be read: their files are damaged, or are not the files of a run. You can only "
        "delete these runs.",
        len(damaged),
    )
    st.warning(words.format(names=names), icon=":material/broken_image:")
    _offer_to_delete([*(entry.run for entry in chosen), *damaged])
