"""Runs side by side: their settings, their curves, their answers, and whether a difference means anything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core import charts, ui
from core.data.specs import DatasetSpec
from core.evaluation import results, significance
from core.evaluation.results import Evaluation
from core.i18n import _, ngettext
from core.runs import naming, records, run_table
from core.runs.naming import Subject
from core.runs.run_table import Entry
from core.ui import mistakes, query, state, testset
from core.ui.bars import bars
from core.ui.gallery import Tile, gallery

_SHOWN = 24


def title(one: Entry) -> str:
    """What a run is called by itself."""
    return naming.name(one.subject)


def titles(found: Sequence[Entry]) -> list[str]:
    """What runs are called side by side."""
    return naming.names([one.subject for one in found])


def show(chosen: Sequence[Entry]) -> None:
    """Everything about two runs or more."""
    names = titles(chosen)
    settings(chosen, names)
    curves(chosen, names)
    grouped = [group for group in run_table.groups(chosen).values() if run_table.has_seeds(group)]
    if len(grouped) > 1:
        _two_groups(grouped)
    pair(chosen, names)


def settings(chosen: Sequence[Entry], names: Sequence[str]) -> None:
    """The settings in which the runs differ."""
    st.header(_("What differs"), anchor=False)
    found = run_table.differences([one.config for one in chosen])
    if not found:
        st.markdown(_("Nothing: their settings are the same, the seed included."))
        return
    st.dataframe(
        # The settings are the index: a run may have the name of any column.
        pd.DataFrame([list(map(_text, row)) for row in found.values()], list(found), list(names)),
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
    """The runs' curves on top of each other; those that differ in nothing but the seed as one."""
    st.header(_("Their curves"), anchor=False)
    metrics = {
        "val_accuracy": _("validation accuracy"), "val_loss": _("validation loss"),
        "accuracy": _("training accuracy"), "loss": _("training loss"),
    }  # fmt: skip
    metric = query.switch(_("Metric"), state.RUNS_METRIC, metrics)
    alone = dict(zip((one.run for one in chosen), names, strict=True))
    grouped = [group for group in run_table.groups(chosen).values() if run_table.has_seeds(group)]
    lines = [
        (_("{name}, {n} seeds").format(name=name, n=len({one.config.seed for one in group})), group)
        for name, group in zip(_of_groups(grouped), grouped, strict=True)
    ]
    of_groups = {one.run for group in grouped for one in group}
    lines += [(alone[one.run], [one]) for one in chosen if one.run not in of_groups]
    called = naming.unique([name for name, _group in lines], [group[0].run.name for _name, group in lines])
    ui.chart(
        charts.overlay(
            {
                name: [records.metrics(one.run) for one in group]
                for name, (_name, group) in zip(called, lines, strict=True)
            },
            metric,
            metrics[metric],
        ), key=state.RUNS_OVERLAY,
        alt=_("{what} of the chosen runs over the epochs").format(what=metrics[metric]),
    )  # fmt: skip


def _of_groups(groups: Sequence[Sequence[Entry]]) -> list[str]:
    """What runs are called that differ in nothing but their seed."""
    return naming.names(
        [Subject(group[0].run.name, run_table.without_seed(group[0].config)) for group in groups]
    )


def seeds(group: Sequence[Entry]) -> str:
    """In words, what runs that differ in nothing but the seed have come to."""
    accuracies = run_table.accuracies(group)
    if len(accuracies) < 2:
        return _("Several seeds, of which {n} has a test accuracy so far.").format(n=len(accuracies))
    mean = significance.mean(accuracies)
    return _(
        "{n} seeds: {mean:.2%} in the mean, which is sure to ±{half:.2f} points (95% interval, Student's t); "
        "the single runs lie between {low:.2%} and {high:.2%}."
    ).format(n=len(accuracies), mean=mean.mean, half=100 * mean.margin, low=mean.lowest, high=mean.highest)


def _two_groups(groups: Sequence[Sequence[Entry]]) -> None:
    """Whether settings with several seeds each really differ."""
    st.header(_("Over the seeds"), anchor=False)
    for name, group in zip(_of_groups(groups), groups, strict=True):
        st.markdown(f"**{ui.plain(name)}**: {seeds(group)}")
    first, second = (run_table.accuracies(group) for group in groups[:2])
    if min(len(first), len(second)) < 2:
        return
    found = significance.welch(first, second)
    st.markdown(
        _("The first two differ by {points:+.2f} points in the mean. {verdict} (Welch's t-test, {p})").format(
            points=100 * found.difference, p=_p(found.p_value), verdict=_verdict(found.is_meaningful)
        )
    )  # fmt: skip


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _verdict(meaningful: bool) -> str:
    if meaningful:
        return _("Chance alone would rarely do that: take it for a real difference.")
    return _("Chance alone does that often: these runs do not show that one is better.")


def pair(chosen: Sequence[Entry], names: Sequence[str]) -> None:
    """Two of the runs, answer by answer."""
    st.header(_("Answer by answer"), anchor=False)
    by_name = {one.run.name: (one, name) for one, name in zip(chosen, names, strict=True)}
    if len(chosen) > 2:
        with st.container(horizontal=True):
            for key, label, default in ((state.RUNS_A, _("First"), 0), (state.RUNS_B, _("Second"), 1)):
                query.choice(key, by_name, chosen[default].run.name)
                st.selectbox(label, list(by_name), key=key, format_func=lambda name: by_name[name][1])
        first, second = by_name[state.RUNS_A.get()], by_name[state.RUNS_B.get()]
    else:
        first, second = by_name.values()
    try:
        found = [ui.evaluation(one.run) for one, _name in (first, second)]
    except results.NotEvaluated as error:
        st.info(ui.plain(error))
        return
    if first[0].run == second[0].run:
        st.info(_("These are the same run. Choose two."))
        return
    spec = records.spec(first[0].run)
    if (
        not np.array_equal(found[0].labels, found[1].labels)
        or first[0].config.dataset != second[0].config.dataset
    ):
        st.info(
            _("They were judged by different digits, so their answers cannot be compared one by one.")
            if spec.are_digits and records.spec(second[0].run).are_digits
            else _("They were judged by different images, so their answers cannot be compared one by one.")
        )
        return
    _verdict_of_pair(found[0], found[1], first[1], second[1], spec)
    _matrices(found[0], found[1], first[1], second[1], spec)
    _disagreements(first[0], found[0], found[1], first[1], second[1], spec)


def _verdict_of_pair(first: Evaluation, second: Evaluation, one: str, other: str, spec: DatasetSpec) -> None:
    right = [evaluation.predictions == evaluation.labels for evaluation in (first, second)]
    found = significance.mcnemar(right[0], right[1])
    words = _(
        "**{one}** reads {first:.2%} right, **{other}** {second:.2%}. {first_only:,} digits only the first "
        "one reads right, {second_only:,} only the second. {verdict} (McNemar's exact test, {p})"
    )
    if not spec.are_digits:
        words = _(
            "**{one}** reads {first:.2%} right, **{other}** {second:.2%}. {first_only:,} images only the "
            "first one reads right, {second_only:,} only the second. {verdict} (McNemar's exact test, {p})"
        )
    st.markdown(
        words.format(
            one=ui.plain(one), other=ui.plain(other), first=first.accuracy, second=second.accuracy,
            first_only=found.first_only, second_only=found.second_only, p=_p(found.p_value),
            verdict=_verdict(found.is_meaningful),
        )
    )  # fmt: skip


def _matrices(first: Evaluation, second: Evaluation, one: str, other: str, spec: DatasetSpec) -> None:
    everything, counts = (charts.ALL, charts.ALL), (first.confusion(), second.confusion())
    with st.grid(3, min_column_width=330):
        for key, name, figure in (
            (state.RUNS_MATRIX_A, one, charts.confusion(counts[0], everything, spec, shares=False)),
            (state.RUNS_MATRIX_B, other, charts.confusion(counts[1], everything, spec, shares=False)),
            (state.RUNS_MATRIX_CHANGE, _("Second less first: blue is better"),
             charts.difference(*counts, spec)),
        ):  # fmt: skip
            with st.container():
                st.subheader(ui.plain(name), anchor=False)
                ui.chart(figure, key=key, alt=name)


def _disagreements(
    run: Entry, first: Evaluation, second: Evaluation, one: str, other: str, spec: DatasetSpec
) -> None:
    """The digits that only one of the two reads right, and one of them large."""
    kinds = {
        "second": _("only the second is right"), "first": _("only the first is right"),
        "both": _("both wrong"),
    }  # fmt: skip
    label = _("Digits") if spec.are_digits else _("Images")
    kind = query.switch(label, state.RUNS_DIFFER, kinds, on_change=mistakes.close)
    right = [evaluation.predictions == evaluation.labels for evaluation in (first, second)]
    masks = {"first": right[0] & ~right[1], "second": right[1] & ~right[0], "both": ~right[0] & ~right[1]}
    judged = first if kind == "second" else second
    found = judged.worst_first(np.flatnonzero(masks[kind]))
    try:
        digits = testset.digits(run.config.dataset, run.run, run.config)
    except testset.NotShown as error:
        st.info(ui.plain(error))
        return
    opened = mistakes.opened_digit(len(first.labels))
    if opened is not None:
        _one(opened, digits.images[opened], ((one, first), (other, second)), spec)
        return
    if not len(found):
        st.info(_("There is no such digit.") if spec.are_digits else _("There is no such image."))
        return
    words = ngettext(
        "{n:,} digit. Press it to see both answers.", "{n:,} digits. Press one to see both answers.",
        len(found),
    )  # fmt: skip
    if not spec.are_digits:
        words = ngettext(
            "{n:,} image. Press it to see both answers.", "{n:,} images. Press one to see both answers.",
            len(found),
        )  # fmt: skip
    st.caption(words.format(n=len(found)))
    alt = _("Digit {index}, a {true}: the first reads {one}, the second {other}")
    if not spec.are_digits:
        alt = _("Image {index}, a {true}: the first reads {one}, the second {other}")
    gallery(
        [
            Tile(
                digits.images[index],
                _("{true}: {one} | {other}").format(**_answers(index, first, second, spec)),
                alt.format(index=index, **_answers(index, first, second, spec)),
                key=f"{mistakes.TILE}{index}",
            )
            for index in map(int, found[ui.pager(len(found), _SHOWN, state.RUNS_DIFFER_PAGE)])
        ],
        key=state.RUNS_DIFFER_TILES, on_click=mistakes.open_digit, focus=mistakes.was_open(),
    )  # fmt: skip


def _answers(index: int, first: Evaluation, second: Evaluation, spec: DatasetSpec) -> dict[str, str]:
    """What an image is, and what either run makes of it."""
    places = {
        "true": first.labels[index], "one": first.predictions[index], "other": second.predictions[index],
    }  # fmt: skip
    return {whose: spec.classes[place] for whose, place in places.items()}


def _one(index: int, image: np.ndarray, answers: Sequence[tuple[str, Evaluation]], spec: DatasetSpec) -> None:
    """One digit, and what both make of it."""
    mistakes.offer_back(spec)
    words = _("## Digit {index}: a {true}") if spec.are_digits else _("## Image {index}: a {true}")
    st.markdown(words.format(index=index, true=ui.plain(spec.classes[answers[0][1].labels[index]])))
    alt = _("The digit as {size} pixels") if spec.are_digits else _("The image as {size} pixels")
    with st.container(horizontal=True, gap="large"):
        with st.container(width=174):
            st.image(
                charts.tile(image, scale=6),
                width=168,
                alt=alt.format(size=spec.side_by_side),
            )
        for side, (name, evaluation) in zip("ab", answers, strict=True):
            with st.container(width=260):
                st.markdown(
                    _("**{name}** reads {read} ({share:.1%})").format(
                        name=ui.plain(name), read=ui.plain(spec.classes[evaluation.predictions[index]]),
                        share=evaluation.confidences[index],
                    )
                )  # fmt: skip
                bars(evaluation.probabilities[index], spec, key=state.RUNS_BARS[side])
