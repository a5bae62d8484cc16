"""Several runs side by side: settings, curves, seeds, and whether a difference is significant."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core import charts, ui
from core.evaluation import significance
from core.i18n import _
from core.lazy import pandas
from core.runs import naming, records, run_table
from core.runs.naming import Subject
from core.runs.run_table import Entry
from core.ui import query, state
from core.ui.runs import predictions, verdict

_SHOWN = 24


def title(entry: Entry) -> str:
    """The name of a run that is shown alone."""
    return naming.name(entry.subject)


def titles(entries: Sequence[Entry]) -> list[str]:
    """The names of runs that are shown together."""
    return naming.names([entry.subject for entry in entries])


def show(chosen: Sequence[Entry]) -> None:
    """The whole comparison of two or more runs."""
    names = titles(chosen)
    settings(chosen, names)
    curves(chosen, names)
    grouped = [group for group in run_table.groups(chosen).values() if run_table.has_seeds(group)]
    if len(grouped) > 1:
        _two_groups(grouped)
    predictions.show(chosen, names)


def settings(chosen: Sequence[Entry], names: Sequence[str]) -> None:
    """The settings in which the runs differ."""
    st.header(_("Different settings"), anchor=False)
    differing = run_table.differences([entry.config for entry in chosen])
    if not differing:
        st.markdown(_("There are none. All settings are the same, including the seed."))
        return
    st.dataframe(
        # The settings are the index: a run may have the name of any column.
        pandas.DataFrame([list(map(_text, row)) for row in differing.values()], list(differing), list(names)),
        column_config={"_index": _("setting")},
        key=state.RUNS_DIFFERENCES, height="content", alt=_("The settings that differ"),
    )  # fmt: skip


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ":".join(map(str, value.values()))
    return _("all") if value is None else str(value)


def curves(chosen: Sequence[Entry], names: Sequence[str]) -> None:
    """The curves of the runs in one chart. Runs that differ only in the seed are one group."""
    st.header(_("Curves"), anchor=False)
    metrics = {
        "val_accuracy": _("validation accuracy"), "val_loss": _("validation loss"),
        "accuracy": _("training accuracy"), "loss": _("training loss"),
    }  # fmt: skip
    metric = query.switch(_("Metric"), state.RUNS_METRIC, metrics)
    alone = dict(zip((entry.run for entry in chosen), names, strict=True))
    grouped = [group for group in run_table.groups(chosen).values() if run_table.has_seeds(group)]
    lines = [
        (_("{name}, {n} seeds").format(name=name, n=len({entry.config.seed for entry in group})), group)
        for name, group in zip(_of_groups(grouped), grouped, strict=True)
    ]
    of_groups = {entry.run for group in grouped for entry in group}
    lines += [(alone[entry.run], [entry]) for entry in chosen if entry.run not in of_groups]
    called = naming.unique([name for name, _group in lines], [group[0].run.name for _name, group in lines])
    ui.chart(
        charts.overlay(
            {
                name: [records.metrics(entry.run) for entry in group]
                for name, (_name, group) in zip(called, lines, strict=True)
            },
            metric,
            metrics[metric],
        ), key=state.RUNS_OVERLAY,
        alt=_("{what} of the chosen runs over the epochs").format(what=metrics[metric]),
    )  # fmt: skip


def _of_groups(groups: Sequence[Sequence[Entry]]) -> list[str]:
    """Names for groups of runs that differ only in their seed."""
    return naming.names(
        [Subject(group[0].run.name, run_table.without_seed(group[0].config)) for group in groups]
    )


def seeds(group: Sequence[Entry]) -> None:
    """Show the mean accuracy of runs that differ only in their seed."""
    accuracies = run_table.accuracies(group)
    if len(accuracies) < 2:
        st.markdown(_("Several seeds. Runs with a test accuracy so far: {n}.").format(n=len(accuracies)))
        return
    mean = significance.mean(accuracies)
    words = _(
        "{n} seeds: the mean accuracy is {mean:.2%}. The single runs are between {low:.2%} and {high:.2%}."
    )
    hint = _(
        "With very many seeds, the mean is probably within ±{half:.2f} percentage points of this one (95% "
        "interval, Student's t)."
    )
    st.markdown(
        words.format(n=len(accuracies), mean=mean.mean, low=mean.lowest, high=mean.highest),
        help=hint.format(half=100 * mean.margin),
    )


def _two_groups(groups: Sequence[Sequence[Entry]]) -> None:
    """Whether two settings with several seeds each differ significantly."""
    st.header(_("Several seeds"), anchor=False)
    for name, group in zip(_of_groups(groups), groups, strict=True):
        st.markdown(f"**{ui.plain(name)}**")
        seeds(group)
    first, second = (run_table.accuracies(group) for group in groups[:2])
    if min(len(first), len(second)) < 2:
        return
    test = significance.welch(first, second)
    st.markdown(
        _("The means of the first two differ by {points:+.2f} percentage points. {verdict}").format(
            points=100 * test.difference, verdict=verdict.words(test.is_meaningful)
        ),
        help=verdict.why(test.is_meaningful, _("Welch's t-test"), test.p_value),
    )
