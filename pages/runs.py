"""The Runs page: search, label, delete and compare runs."""

import zlib
from pathlib import Path
from typing import Any

import streamlit as st

from core import charts, ui
from core.i18n import _
from core.runs import run_folder, run_table
from core.runs.run_table import Entry
from core.ui import query, state
from core.ui.runs import actions, compare, downloads

MOST_WORDS = 200  # most characters of a search


def matches(entry: Entry, name: str, words: str) -> bool:
    """Whether each of these words is in the names, settings, state, tags or note of the run."""
    text = " ".join(
        [
            entry.run.name, name, ui.summary(entry.config), ui.state_words()[entry.status.state],
            *entry.labels.tags, entry.labels.note, entry.config.optimizer,
        ]
    )  # fmt: skip
    return has_all(text, words)


def has_all(text: str, words: str) -> bool:
    return all(word in text.casefold() for word in words.casefold().split())


def asked() -> list[str]:
    """The names of the chosen runs in the address."""
    return (state.RUNS.get() or "").split(",")


def shown(every: list[Entry]) -> list[Entry]:
    """The runs without the temporary ones, unless these are switched on or chosen."""
    if not any(entry.labels.is_temporary for entry in every):
        return every
    query.choice(state.RUNS_AUTOMATIC, (False, True))
    everything = st.toggle(
        _("Show automatic runs"), key=state.RUNS_AUTOMATIC, persist_state="session",
        help=_("Runs that the Train page started when a setting was changed. They are deleted after a day. "
               "A run that you keep, or that has a star, a name, a tag or a note, is not."),
    )  # fmt: skip
    return [
        entry for entry in every if everything or not entry.labels.is_temporary or entry.run.name in asked()
    ]


def table(
    listed: list[Entry], called: dict[Path, str], damaged: list[Path]
) -> tuple[list[Entry], list[Path]]:
    """A table of the runs, with the damaged runs below.

    Args:
        called: the name of each run.

    Returns:
        The chosen runs, and the chosen damaged runs.
    """
    words = ui.state_words()
    known: dict[str, list[Any]] = {
        "★": ["★" if entry.labels.starred else "" for entry in listed],
        _("run"): [called[entry.run] for entry in listed],
        _("accuracy"): [entry.status.test_accuracy for entry in listed],
        _("curve"): [list(entry.curve) for entry in listed],
        _("loss"): [entry.status.test_loss for entry in listed],
        _("parameters"): [entry.parameters for entry in listed],
        _("seconds"): [entry.status.worked for entry in listed],
        "MB": [entry.megabytes for entry in listed],
        _("state"): [
            words[entry.status.state] + (f" · {ui.automatic()}" if entry.labels.is_temporary else "")
            for entry in listed
        ],
        _("tags"): [list(entry.labels.tags) for entry in listed],
        _("note"): [entry.labels.note for entry in listed],
        _("settings"): [ui.summary(entry.config) for entry in listed],
        _("optimizer"): [entry.config.optimizer for entry in listed],
        _("learning rate"): [entry.config.learning_rate for entry in listed],
        _("batch size"): [entry.config.batch_size for entry in listed],
        _("dropout"): [entry.config.dropout for entry in listed],
        _("id"): [entry.run.name for entry in listed],
    }
    columns = {
        title: [*values, *(_of_damaged(title, run) for run in damaged)] for title, values in known.items()
    }
    names = [run.name for run in (*(entry.run for entry in listed), *damaged)]
    rows = [names.index(name) for name in asked() if name in names]
    event = st.dataframe(
        columns,
        # The selection holds row numbers. So a table with other rows, or another order, needs another key.
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
        alt=_("All runs with their settings, results and costs"),
        placeholder="",
    )
    chosen = {names[row] for row in event["selection"]["rows"] if row < len(names)}
    return [entry for entry in listed if entry.run.name in chosen], [
        run for run in damaged if run.name in chosen
    ]


def _of_damaged(title: str, run: Path) -> str | None:
    """The cell of a damaged run."""
    # On a phone, only the name is visible.
    name = f"{run.name} · {ui.cannot_be_read()}"
    return {_("run"): name, _("id"): run.name, _("state"): ui.cannot_be_read()}.get(title)


def about_one(entry: Entry) -> None:
    if entry.labels.note:
        st.markdown(ui.plain(entry.labels.note))
    with st.container(horizontal=True):
        for name, label, icon in (
            ("train", _("How it trained"), "monitoring"), ("evaluate", _("Mistakes"), "fact_check"),
            ("draw", _("Draw a digit"), "draw"),
        ):  # fmt: skip
            if name == "train" or run_folder.has_model(entry.run):
                st.page_link(ui.PAGES[name], label=label, icon=f":material/{icon}:",
                             query_params=state.RUN.to(entry.run.name))  # fmt: skip
    group = run_table.siblings(ui.settings().runs, entry)
    if run_table.has_seeds(group):
        compare.seeds(group)
        compare.curves(group, compare.titles(group))
    downloads.show(entry)
    st.caption(_("Choose a second run to compare them."))


def overview(listed: list[Entry], called: dict[Path, str]) -> None:
    """The trade-off between accuracy and cost."""
    points = [
        charts.Point(entry.parameters, entry.status.worked, entry.status.test_accuracy, called[entry.run])
        for entry in listed
        if entry.status.test_accuracy is not None and entry.parameters and entry.status.worked
    ]
    if len(points) < 2:
        return
    st.header(_("Accuracy and cost"), anchor=False)
    kinds = {"parameters": _("parameters"), "seconds": _("seconds of training")}
    by = query.switch(_("Cost"), state.RUNS_COST, kinds)
    best = run_table.pareto([getattr(point, by) for point in points], [point.accuracy for point in points])
    ui.chart(charts.trade_off(points, best, by=by, title=kinds[by]), key=state.RUNS_TRADE_OFF,
                    alt=_("Accuracy against {cost}").format(cost=kinds[by]))  # fmt: skip
    st.caption(
        _("Outlined runs are on the Pareto front: no run that costs less is more accurate. A larger mark "
          "means a higher value of the other cost. Do not compare runs on different data sets here.")
    )  # fmt: skip


ui.heading(
    _("Runs"),
    _(
        "All runs that were trained here. Choose one run to see its details. Choose two or more runs to "
        "compare them."
    ),
)

if error := state.RUNS_ERROR.pop():
    ui.sorry(error)
actions.just_deleted()
bar = st.container(horizontal=True)
downloads.bring(bar)
with bar:
    actions.deleted_lately()
every, damaged = run_table.read(ui.settings().runs)
if not every and not damaged:
    st.info(_("There is no run yet. Train a network first."), icon=":material/model_training:")
    st.page_link(ui.PAGES["train"], label=_("Go to the Train page"), icon=":material/model_training:")
    st.stop()

query.text(state.RUNS_FIND, MOST_WORDS)
st.text_input(
    _("Search"), key=state.RUNS_FIND, placeholder=_("a name, a tag, cnn, adam, failed …"),
    icon=":material/search:", max_chars=MOST_WORDS, persist_state="session", label_visibility="collapsed",
)  # fmt: skip
every = shown(every)
called = dict(zip((entry.run for entry in every), compare.titles(every), strict=True))
listed = [entry for entry in every if matches(entry, called[entry.run], state.RUNS_FIND.get())]
listed.sort(key=lambda entry: not entry.labels.starred)  # runs with a star first, then the newest
damaged = [run for run in damaged if has_all(f"{run.name} {ui.cannot_be_read()}", state.RUNS_FIND.get())]
chosen, lost = table(listed, called, damaged)
query.write(
    state.RUNS, ",".join([*(entry.run.name for entry in chosen), *(run.name for run in lost)]) or None
)
if lost:
    actions.only_to_delete(chosen, lost)
elif chosen:
    actions.show(chosen)
match len(chosen):
    case 0 if lost:
        pass
    case 0:
        overview(listed, called)
    case 1:
        about_one(chosen[0])
    case _:
        compare.show(chosen)
