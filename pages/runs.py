"""All runs: find them, write on them, compare them."""

import zlib
from pathlib import Path
from typing import Any

import streamlit as st

from core import charts, ui
from core.data.datasets import DatasetMissing
from core.i18n import _, ngettext
from core.jobs import run_queue
from core.network.architectures import ImpossibleNetwork
from core.runs import notes, run_folder, run_table, trash
from core.runs.run_table import Entry
from core.ui import query, state
from core.ui.runs import compare, downloads

SEEDS = (3, 5, 10)
MOST_DELETED = 20  # that can be brought back one by one
MOST_WORDS = 200  # characters to find a run by


def matches(one: Entry, name: str, words: str) -> bool:
    """Whether each of these words is somewhere in what is known of the run."""
    text = " ".join(
        [
            one.run.name, name, ui.summary(one.config), ui.state_words()[one.status.state],
            *one.labels.tags, one.labels.note, one.config.optimizer,
        ]
    )  # fmt: skip
    return has_all(text, words)


def has_all(text: str, words: str) -> bool:
    return all(word in text.casefold() for word in words.casefold().split())


def table(found: list[Entry], called: dict[Path, str], damaged: list[Path]) -> tuple[list[Entry], list[Path]]:
    """The runs as a table, with what each is called, and below them those that cannot be read.

    Returns those of both that are chosen.
    """
    words = ui.state_words()
    known: dict[str, list[Any]] = {
        "★": ["★" if one.labels.starred else "" for one in found],
        _("run"): [called[one.run] for one in found],
        _("accuracy"): [one.status.test_accuracy for one in found],
        _("curve"): [list(one.curve) for one in found],
        _("loss"): [one.status.test_loss for one in found],
        _("parameters"): [one.parameters for one in found],
        _("seconds"): [one.status.worked for one in found],
        "MB": [one.megabytes for one in found],
        _("state"): [words[one.status.state] for one in found],
        _("tags"): [list(one.labels.tags) for one in found],
        _("note"): [one.labels.note for one in found],
        _("settings"): [ui.summary(one.config) for one in found],
        _("optimizer"): [one.config.optimizer for one in found],
        _("learning rate"): [one.config.learning_rate for one in found],
        _("batch size"): [one.config.batch_size for one in found],
        _("dropout"): [one.config.dropout for one in found],
        _("id"): [one.run.name for one in found],
    }
    columns = {
        title: [*values, *(_of_damaged(title, run) for run in damaged)] for title, values in known.items()
    }
    asked = (state.RUNS.get() or "").split(",")
    names = [run.name for run in (*(one.run for one in found), *damaged)]
    rows = [names.index(name) for name in asked if name in names]
    event = st.dataframe(
        columns,
        # What is chosen are rows by their number, so in another order of rows it is another table.
        key=state.RUNS_TABLE[zlib.crc32(" ".join(names).encode())],
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": rows, "columns": [], "cells": []}},
        height=min(38 + 35 * max(1, len(names)), 420),
        column_config={
            "★": st.column_config.Column(width=40),
            _("run"): st.column_config.TextColumn(width=300),
            _("accuracy"): st.column_config.NumberColumn(format="percent", help=_("On the test images.")),
            _("curve"): st.column_config.LineChartColumn(
                help=_("Accuracy after each epoch, on the validation images if there are any.")
            ),
            _("loss"): st.column_config.NumberColumn(format="%.4f"),
            _("parameters"): st.column_config.NumberColumn(format="localized"),
            _("seconds"): st.column_config.NumberColumn(format="%.1f"),
            "MB": st.column_config.NumberColumn(format="%.1f"),
            _("tags"): st.column_config.ListColumn(),
        },
        alt=_("All runs: what was set, what came of it, what it took"),
        placeholder="",
    )
    chosen = {names[row] for row in event["selection"]["rows"] if row < len(names)}
    return [one for one in found if one.run.name in chosen], [run for run in damaged if run.name in chosen]


def _of_damaged(title: str, run: Path) -> str | None:
    """What the table says of a run that cannot be read."""
    # On a phone, a run's name is all that is seen of its row.
    name = f"{run.name} · {ui.cannot_be_read()}"
    return {_("run"): name, _("id"): run.name, _("state"): ui.cannot_be_read()}.get(title)


# ------------------------------------------------------------------------------ what can be done


def write(chosen: list[Entry]) -> None:
    """A form for what people write on runs."""
    one = chosen[0].labels if len(chosen) == 1 else notes.NONE
    # Other runs have other fields, or what was typed for one would be saved for another.
    names = "-".join(chosen_run.run.name for chosen_run in chosen)
    with st.form(state.RUNS_LABELS, border=False):
        if len(chosen) == 1:
            st.text_input(_("Name"), one.name, max_chars=notes.MOST_NAME, key=state.RUNS_NAME[names],
                          placeholder=ui.summary(chosen[0].config))  # fmt: skip
            st.text_area(_("Note"), one.note, max_chars=notes.MOST_NOTE, key=state.RUNS_NOTE[names])
        st.text_input(
            _("Tags") if len(chosen) == 1 else _("Tags to add"), ", ".join(one.tags),
            key=state.RUNS_TAGS[names], help=_("Separated by commas."),
            max_chars=notes.MOST_TAGS * (notes.MOST_TAG + 2),
        )  # fmt: skip
        st.form_submit_button(
            _("Save"), icon=":material/save:", key=state.RUNS_SAVE, on_click=save, args=(chosen, names)
        )


def save(chosen: list[Entry], names: str) -> None:
    tags = tuple(state.RUNS_TAGS[names].get().split(","))
    try:
        for one in chosen:
            if len(chosen) == 1:
                notes.write(
                    one.run,
                    name=state.RUNS_NAME[names].get(),
                    note=state.RUNS_NOTE[names].get(),
                    tags=tags,
                )
            else:
                notes.write(one.run, tags=(*one.labels.tags, *tags))
    except (notes.BadLabels, OSError) as error:
        state.RUNS_ERROR.set(str(error))


def star(chosen: list[Entry]) -> None:
    """Star all of them; take the stars away where all of them have one."""
    starred = not all(one.labels.starred for one in chosen)
    try:
        for one in chosen:
            notes.write(one.run, starred=starred)
    except OSError as error:
        state.RUNS_ERROR.set(str(error))


def delete(chosen: list[Path]) -> None:
    try:
        state.RUNS_DELETED.set(trash.delete(ui.settings().runs, [run.name for run in chosen]))
        query.write(state.RUNS, None)
    except (trash.StillTraining, OSError) as error:
        state.RUNS_ERROR.set(str(error))


def bring_back(names: list[str]) -> None:
    state.RUNS_DELETED.pop()
    try:
        back = trash.restore(ui.settings().runs, names)
    except OSError as error:
        state.RUNS_ERROR.set(str(error))
    else:
        query.write(state.RUNS, ",".join(back))


def just_deleted() -> None:
    """What was deleted a moment ago, and the way back."""
    names = state.RUNS_DELETED.get()
    if not names:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        words = ngettext("{n} run was deleted.", "{n} runs were deleted.", len(names))
        st.markdown(words.format(n=len(names)))
        st.button(_("Undo"), icon=":material/undo:", key=state.RUNS_UNDO, on_click=bring_back, args=(names,))


def deleted_lately() -> None:
    """What was deleted within a day, whoever did it."""
    found = trash.deleted(ui.settings().runs)
    if not found:
        return
    with st.popover(_("Deleted lately"), icon=":material/restore_from_trash:"):
        st.caption(_("Deleted runs are kept for a day."))
        for name, label in ui.run_labels(found[:MOST_DELETED]).items():
            st.button(
                ui.plain(label), icon=":material/undo:", key=state.RUNS_BACK[name],
                help=_("Bring this run back"), on_click=bring_back, args=([name],),
            )  # fmt: skip
        if len(found) > 1:
            st.button(
                _("Bring all {n} back").format(n=len(found)), icon=":material/undo:", key=state.RUNS_ALL_BACK,
                on_click=bring_back, args=([run.name for run in found],), type="primary",
            )  # fmt: skip


def more_seeds(one: Entry, number: int) -> None:
    """Queue the same settings with other seeds, until there are so many."""
    taken = {other.config.seed for other in run_table.siblings(ui.settings().runs, one)}
    free = (seed for seed in range(10_000) if seed not in taken)
    try:
        for seed in [next(free) for _missing in range(number - len(taken))]:
            run_queue.submit(one.config.but(seed=seed), ui.settings())
    except (ImpossibleNetwork, DatasetMissing, run_queue.NotAllowed, OSError) as error:
        state.RUNS_ERROR.set(str(error))


def actions(chosen: list[Entry]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = _("Take the star away") if all(one.labels.starred for one in chosen) else _("Star")
        st.button(label, icon=":material/star:", key=state.RUNS_STAR, on_click=star, args=(chosen,))
        with st.popover(_("Name, tags, note"), icon=":material/edit:"):
            write(chosen)
        if len(chosen) == 1:
            with st.popover(_("More seeds"), icon=":material/casino:"):
                st.markdown(
                    _("The seed alone changes the accuracy a little. Train the same settings with other "
                      "seeds to see how much of a difference is chance.")
                )  # fmt: skip
                for number in SEEDS:
                    st.button(_("Until there are {n}").format(n=number), key=state.RUNS_SEEDS[number],
                              on_click=more_seeds, args=(chosen[0], number))  # fmt: skip
        offer_to_delete([one.run for one in chosen])


def offer_to_delete(chosen: list[Path]) -> None:
    if len(chosen) == 1:
        st.button(
            _("Delete"), icon=":material/delete:", key=state.RUNS_DELETE, on_click=delete, args=(chosen,)
        )
        return
    # One is deleted by mistake and brought back; of many, the mistake may not even be seen.
    with st.popover(_("Delete"), icon=":material/delete:"):
        st.markdown(_("Delete these {n} runs? They can be brought back for a day.").format(n=len(chosen)))
        st.button(
            _("Delete {n} runs").format(n=len(chosen)), icon=":material/delete:", type="primary",
            key=state.RUNS_DELETE, on_click=delete, args=(chosen,),
        )  # fmt: skip


def only_to_delete(chosen: list[Entry], damaged: list[Path]) -> None:
    """Of runs that cannot be read, alone or among others."""
    names = ", ".join(f"`{run.name}`" for run in damaged)
    words = ngettext(
        "{names} cannot be read: its files are damaged, or hold what no run has. It can only be deleted.",
        "{names} cannot be read: their files are damaged, or hold what no run has. They can only be deleted.",
        len(damaged),
    )
    st.warning(words.format(names=names), icon=":material/broken_image:")
    offer_to_delete([*(one.run for one in chosen), *damaged])


def about_one(one: Entry) -> None:
    if one.labels.note:
        st.markdown(ui.plain(one.labels.note))
    with st.container(horizontal=True):
        for name, label, icon in (
            ("train", _("How it trained"), "monitoring"), ("evaluate", _("What it confuses"), "fact_check"),
            ("draw", _("Draw for it"), "draw"),
        ):  # fmt: skip
            if name == "train" or run_folder.has_model(one.run):
                st.page_link(ui.PAGES[name], label=label, icon=f":material/{icon}:",
                             query_params=state.RUN.to(one.run.name))  # fmt: skip
    group = run_table.siblings(ui.settings().runs, one)
    if run_table.has_seeds(group):
        st.markdown(compare.seeds(group))
        compare.curves(group, compare.titles(group))
    downloads.show(one)
    st.caption(_("Choose a second run to compare them."))


def overview(found: list[Entry], called: dict[Path, str]) -> None:
    """What accuracy costs."""
    points = [
        charts.Point(one.parameters, one.status.worked, one.status.test_accuracy, called[one.run])
        for one in found
        if one.status.test_accuracy is not None and one.parameters and one.status.worked
    ]
    if len(points) < 2:
        return
    st.header(_("What accuracy costs"), anchor=False)
    kinds = {"parameters": _("parameters"), "seconds": _("seconds of training")}
    by = query.switch(_("Cost"), state.RUNS_COST, kinds)
    best = run_table.pareto([getattr(point, by) for point in points], [point.accuracy for point in points])
    ui.chart(charts.trade_off(points, best, by=by, title=kinds[by]), key=state.RUNS_TRADE_OFF,
                    alt=_("Accuracy against {cost}").format(cost=kinds[by]))  # fmt: skip
    st.caption(
        _("Outlined runs are on the Pareto front: no run that costs less is more accurate. A larger mark "
          "means more of the other cost. Do not compare runs on different data sets here.")
    )  # fmt: skip


ui.heading(
    _("Runs"),
    _("Everything that was trained here. Choose one run to see more of it, two or more to compare."),
)

if error := state.RUNS_ERROR.pop():
    ui.sorry(error)
just_deleted()
bar = st.container(horizontal=True)
downloads.bring(bar)
with bar:
    deleted_lately()
every, damaged = run_table.read(ui.settings().runs)
if not every and not damaged:
    st.info(_("There is no run yet. Train one."), icon=":material/model_training:")
    st.page_link(ui.PAGES["train"], label=_("Go to the Train page"), icon=":material/model_training:")
    st.stop()

query.text(state.RUNS_FIND, MOST_WORDS)
st.text_input(
    _("Find"), key=state.RUNS_FIND, placeholder=_("a name, a tag, cnn, adam, failed …"),
    icon=":material/search:", max_chars=MOST_WORDS, persist_state="session", label_visibility="collapsed",
)  # fmt: skip
called = dict(zip((one.run for one in every), compare.titles(every), strict=True))
found = [one for one in every if matches(one, called[one.run], state.RUNS_FIND.get())]
found.sort(key=lambda one: not one.labels.starred)  # the stars first, else the newest
damaged = [run for run in damaged if has_all(f"{run.name} {ui.cannot_be_read()}", state.RUNS_FIND.get())]
chosen, lost = table(found, called, damaged)
query.write(state.RUNS, ",".join([*(one.run.name for one in chosen), *(run.name for run in lost)]) or None)
if lost:
    only_to_delete(chosen, lost)
elif chosen:
    actions(chosen)
match len(chosen):
    case 0 if lost:
        pass
    case 0:
        overview(found, called)
    case 1:
        about_one(chosen[0])
    case _:
        compare.show(chosen)
