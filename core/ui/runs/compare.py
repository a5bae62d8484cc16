"""Several runs side by side: settings, curves, predictions, and whether a difference is significant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core import charts, ui
from core.data.specs import DatasetSpec
from core.evaluation import results, significance
from core.evaluation.results import Evaluation
from core.i18n import _, ngettext
from core.lazy import pandas
from core.runs import naming, records, run_table
from core.runs.naming import Subject
from core.runs.run_table import Entry
from core.ui import mistakes, query, state, testset
from core.ui.bars import bars
from core.ui.gallery import Tile, gallery

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
    pair(chosen, names)


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
            points=100 * test.difference, verdict=_verdict(test.is_meaningful)
        ),
        help=_why(test.is_meaningful, _("Welch's t-test"), test.p_value),
    )


def _verdict(meaningful: bool) -> str:
    if meaningful:
        return _("The difference is probably real.")
    return _("This is not enough to say which one is better.")


def _why(meaningful: bool, test: str, p_value: float) -> str:
    """The statistics behind a verdict."""
    words = _("Chance alone often causes such a difference ({test}, {p}).")
    if meaningful:
        words = _("Chance alone rarely causes such a difference ({test}, {p}).")
    return words.format(test=test, p="p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}")


def pair(chosen: Sequence[Entry], names: Sequence[str]) -> None:
    """Two of the runs, prediction by prediction."""
    st.header(_("Prediction by prediction"), anchor=False)
    by_name = {entry.run.name: (entry, name) for entry, name in zip(chosen, names, strict=True)}
    if len(chosen) > 2:
        with st.container(horizontal=True):
            for key, label, default in ((state.RUNS_A, _("First"), 0), (state.RUNS_B, _("Second"), 1)):
                query.choice(key, by_name, chosen[default].run.name)
                st.selectbox(label, list(by_name), key=key, format_func=lambda name: by_name[name][1])
        first, second = by_name[state.RUNS_A.get()], by_name[state.RUNS_B.get()]
    else:
        first, second = by_name.values()
    try:
        evaluations = [ui.evaluation(entry.run) for entry, _name in (first, second)]
    except results.NotEvaluated as error:
        st.info(ui.plain(error))
        return
    if first[0].run == second[0].run:
        st.info(_("These are the same run. Choose two."))
        return
    spec = records.spec(first[0].run)
    if (
        not np.array_equal(evaluations[0].labels, evaluations[1].labels)
        or first[0].config.dataset != second[0].config.dataset
    ):
        st.info(
            _(
                "The two runs were tested on different digits, so their predictions cannot be compared "
                "one by one."
            )
            if spec.are_digits and records.spec(second[0].run).are_digits
            else _(
                "The two runs were tested on different images, so their predictions cannot be compared "
                "one by one."
            )
        )
        return
    _verdict_of_pair(evaluations[0], evaluations[1], first[1], second[1], spec)
    _matrices(evaluations[0], evaluations[1], first[1], second[1], spec)
    _disagreements(first[0], evaluations[0], evaluations[1], first[1], second[1], spec)


def _verdict_of_pair(
    first: Evaluation, second: Evaluation, first_name: str, second_name: str, spec: DatasetSpec
) -> None:
    right = [evaluation.predictions == evaluation.labels for evaluation in (first, second)]
    test = significance.mcnemar(right[0], right[1])
    words = _(
        "**{one}** has an accuracy of {first:.2%}, **{other}** has {second:.2%}. Only the first run reads "
        "{first_only:,} digits right. Only the second run reads {second_only:,} digits right. {verdict}"
    )
    if not spec.are_digits:
        words = _(
            "**{one}** has an accuracy of {first:.2%}, **{other}** has {second:.2%}. Only the first run "
            "reads {first_only:,} images right. Only the second run reads {second_only:,} images right. "
            "{verdict}"
        )
    st.markdown(
        words.format(
            one=ui.plain(first_name), other=ui.plain(second_name),
            first=first.accuracy, second=second.accuracy,
            first_only=test.first_only, second_only=test.second_only,
            verdict=_verdict(test.is_meaningful),
        ),
        help=_why(test.is_meaningful, _("McNemar's exact test"), test.p_value),
    )  # fmt: skip


def _matrices(
    first: Evaluation, second: Evaluation, first_name: str, second_name: str, spec: DatasetSpec
) -> None:
    everything, counts = (charts.ALL, charts.ALL), (first.confusion(), second.confusion())
    with st.grid(3, min_column_width=330):
        for key, name, figure in (
            (state.RUNS_MATRIX_A, first_name, charts.confusion(counts[0], everything, spec, shares=False)),
            (state.RUNS_MATRIX_B, second_name, charts.confusion(counts[1], everything, spec, shares=False)),
            (state.RUNS_MATRIX_CHANGE, _("Second minus first: blue is better"),
             charts.difference(*counts, spec)),
        ):  # fmt: skip
            with st.container():
                st.subheader(ui.plain(name), anchor=False)
                ui.chart(figure, key=key, alt=name)


def _disagreements(
    run: Entry, first: Evaluation, second: Evaluation, first_name: str, second_name: str, spec: DatasetSpec
) -> None:
    """The digits on which the two runs disagree, or one of these digits, enlarged."""
    kinds = {
        "second": _("only the second is right"), "first": _("only the first is right"),
        "both": _("both wrong"),
    }  # fmt: skip
    label = _("Digits") if spec.are_digits else _("Images")
    kind = query.switch(label, state.RUNS_DIFFER, kinds, on_change=mistakes.close)
    right = [evaluation.predictions == evaluation.labels for evaluation in (first, second)]
    masks = {"first": right[0] & ~right[1], "second": right[1] & ~right[0], "both": ~right[0] & ~right[1]}
    judged = first if kind == "second" else second
    indices = judged.worst_first(np.flatnonzero(masks[kind]))
    try:
        digits = testset.digits(run.config.dataset, run.run, run.config)
    except testset.NotShown as error:
        st.info(ui.plain(error))
        return
    opened = mistakes.opened_digit(len(first.labels))
    if opened is not None:
        _one(opened, digits.images[opened], ((first_name, first), (second_name, second)), spec)
        return
    if not len(indices):
        st.info(_("There is no such digit.") if spec.are_digits else _("There is no such image."))
        return
    words = ngettext(
        "{n:,} digit. Press it to see both predictions.",
        "{n:,} digits. Press a digit to see both predictions.",
        len(indices),
    )  # fmt: skip
    if not spec.are_digits:
        words = ngettext(
            "{n:,} image. Press it to see both predictions.", "{n:,} images. Press an image to see both "
                                                          "predictions.",
            len(indices),
        )  # fmt: skip
    st.caption(words.format(n=len(indices)))
    alt = _("Digit {index}, a {true}: the first run reads {one}, the second run reads {other}")
    if not spec.are_digits:
        alt = _("Image {index}, a {true}: the first run reads {one}, the second run reads {other}")
    gallery(
        [
            Tile(
                digits.images[index],
                _("{true}: {one} | {other}").format(**_answers(index, first, second, spec)),
                alt.format(index=index, **_answers(index, first, second, spec)),
                key=f"{mistakes.TILE}{index}",
            )
            for index in map(int, indices[ui.pager(len(indices), _SHOWN, state.RUNS_DIFFER_PAGE)])
        ],
        key=state.RUNS_DIFFER_TILES, on_click=mistakes.open_digit, focus=mistakes.was_open(),
    )  # fmt: skip


def _answers(index: int, first: Evaluation, second: Evaluation, spec: DatasetSpec) -> dict[str, str]:
    """The true class of an image, and the predictions of both runs."""
    places = {
        "true": first.labels[index], "one": first.predictions[index], "other": second.predictions[index],
    }  # fmt: skip
    return {whose: spec.classes[place] for whose, place in places.items()}


def _one(index: int, image: np.ndarray, answers: Sequence[tuple[str, Evaluation]], spec: DatasetSpec) -> None:
    """One digit, and the predictions of both runs."""
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
