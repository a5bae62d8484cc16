"""Two runs compared prediction by prediction: which one is better, and the images on which they disagree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core import charts, ui
from core.data.specs import DatasetSpec
from core.evaluation import results, significance
from core.evaluation.results import Evaluation
from core.i18n import _, ngettext
from core.runs import records
from core.runs.run_table import Entry
from core.ui import mistakes, query, state, testset
from core.ui.bars import bars
from core.ui.gallery import Tile, gallery
from core.ui.runs import verdict

_SHOWN = 24


def show(chosen: Sequence[Entry], names: Sequence[str]) -> None:
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
            verdict=verdict.words(test.is_meaningful),
        ),
        help=verdict.why(test.is_meaningful, _("McNemar's exact test"), test.p_value),
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
