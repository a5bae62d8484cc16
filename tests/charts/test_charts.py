"""Figures: what they show is what they were given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from core import charts
from core.charts import ALL, moving
from core.charts.common import Row
from core.config import PRESETS, RunConfig
from core.data.specs import MNIST
from core.network import architectures as arch
from core.sweeps.sweeps import Trial


def test_a_click_on_a_cell_names_the_cell_that_it_is_on() -> None:
    matrix = np.arange(100).reshape(10, 10)
    heat, markers = charts.confusion(matrix, (ALL, ALL), MNIST, shares=False).data
    for x, y, text in zip(markers.x, markers.y, markers.text, strict=True):
        rows, columns = [slice(None) if place == len(matrix) else slice(place, place + 1) for place in (y, x)]
        assert text == str(matrix[rows, columns].sum())
    assert (heat.x[3], heat.y[7]) == (3, 7)


@pytest.mark.parametrize("chosen", [(4, 9), (0, 0), (ALL, 3), (6, ALL)])
def test_what_is_chosen_is_framed(chosen: tuple[int, int]) -> None:
    (frame,) = charts.confusion(np.eye(10), chosen, MNIST, shares=True).layout.shapes
    for place, low, high in zip(chosen, (frame.y0, frame.x0), (frame.y1, frame.x1), strict=True):
        assert (low, high) == ((-0.5, 9.5) if place == ALL else (place - 0.5, place + 0.5))
    assert not charts.confusion(np.eye(10), (ALL, ALL), MNIST, shares=True).layout.shapes


def test_a_matrix_of_shares_shows_percent_and_sums_as_counts() -> None:
    markers = charts.confusion(np.full((10, 10), 3), (ALL, ALL), MNIST, shares=True).data[1]
    assert set(markers.text) == {"10.0", "30", "300"}


def rows_of(losses: Sequence[float | None], steps: int = 10, **more: float) -> list[dict[str, Any]]:
    """A row for each epoch, as a worker writes it."""
    return [{"epoch": epoch, "steps": steps, "loss": loss} | more for epoch, loss in enumerate(losses, 1)]


def loss_curve(
    epochs: Sequence[Row], batches: Sequence[Row] = (), planned: int = 5, steps: int = 10, **options: Any
) -> go.Figure:
    """The loss of a run with one image in each step, and without validation."""
    config = RunConfig(epochs=planned, batch_size=1, validation_split=0.0)
    return charts.curve("loss", "loss", batches, epochs, config, steps, **options)


def test_a_curve_leaves_out_what_is_no_number() -> None:
    batches = [{"epoch": 1, "step": 5, "loss": 2.0}, {"epoch": 1, "step": 10, "loss": None}]
    epochs = [{"epoch": 1, "steps": 10, "loss": 1.5}, {"epoch": 2, "steps": 5, "loss": None}]
    figure = loss_curve(epochs, batches)
    within, training = figure.data
    assert (list(within.x), list(within.y)) == ([0.5, 1], [2.0, 1.0])
    assert list(training.x) == [1, 1.5]
    np.testing.assert_array_equal(training.y, [1.5, np.nan])  # which Plotly leaves a gap for
    assert "NaN" not in json.dumps(json.loads(figure.to_json()))


@pytest.mark.parametrize("smoothing", [0.0, 0.9])
def test_a_long_run_is_drawn_with_few_points_up_to_its_newest(smoothing: float) -> None:
    batches = [{"epoch": 1, "step": step, "loss": 0.5} for step in range(1, 5001)]
    epochs = rows_of([0.5] * 1000, steps=5000)
    figure = loss_curve(epochs, batches, steps=5000, smoothing=smoothing, before=[("other", epochs)])
    for trace in figure.data:
        assert 200 < len(trace.x) <= 300
        assert (trace.x[-1], trace.y[-1]) == (1000.0, pytest.approx(0.5))
        assert list(trace.x) == sorted(trace.x)


def test_a_turned_knob_is_marked_where_its_first_epoch_begins() -> None:
    change = {"epoch": 3, "setting": "learning_rate", "before": 0.001, "after": 0.0003, "by": "visitor"}
    layout = loss_curve(rows_of([1.0] * 3), changes=[change]).layout
    assert [(line.x0, line.x1) for line in layout.shapes] == [(2, 2)]
    assert [text.text for text in layout.annotations] == ["learning rate 0.001 → 0.0003"]


@pytest.mark.parametrize(
    ("done", "planned", "longest_before", "shown"),
    [(1, 3, 0, 3), (1, 5, 0, 5), (1, 100, 0, 5), (20, 100, 0, 30), (90, 100, 0, 100), (1, 3, 8, 8)],
)
def test_a_long_run_is_shown_as_far_as_it_is_and_earlier_runs_as_a_whole(
    done: int, planned: int, longest_before: int, shown: int
) -> None:
    before = [("short", rows_of([1.0] * min(2, longest_before))), ("long", rows_of([1.0] * longest_before))]
    begin, end = loss_curve(rows_of([1.0] * done), planned=planned, before=before).layout.xaxis.range
    assert begin == 0
    assert shown < end < 1.05 * shown  # the last marker is whole


def test_the_line_within_the_epochs_is_the_mean_of_the_last_steps_and_does_not_jump_at_an_epoch() -> None:
    # The loss of each step falls evenly from 2.0 to 1.9, 1.8, … : 20 steps in two epochs.
    losses = np.linspace(2.0, 0.1, 20).reshape(2, 10)
    batches = [
        {"epoch": epoch, "step": step, "loss": losses[epoch - 1, :step].mean()}
        for epoch in (1, 2) for step in (2, 4, 6, 8)
    ]  # fmt: skip
    within, training = loss_curve(rows_of(losses.mean(axis=1)), batches, planned=2).data
    assert within.name == "training, mean of the last 2 steps"
    np.testing.assert_allclose(within.x, np.arange(0.2, 2.1, 0.2))
    np.testing.assert_allclose(np.diff(within.y), -0.2)  # also from the first epoch to the second
    np.testing.assert_allclose(training.customdata, [within.y[4], within.y[9]])


def test_a_run_too_fast_for_rows_within_its_epochs_has_a_line_from_its_epochs() -> None:
    epochs = rows_of([1 / epoch for epoch in range(1, 13)], steps=2)
    batches = [{"epoch": 1, "step": 1, "loss": 1.2}, {"epoch": 11, "step": 1, "loss": 1 / 11}]
    within, training = loss_curve(epochs, batches, planned=12, steps=2).data
    assert within.name == "training, mean of the last 2 steps"
    assert list(within.x) == sorted([0.5, 10.5, *training.x])
    np.testing.assert_allclose(within.y[np.isin(within.x, training.x)], training.y)


def test_a_smoothed_curve_has_the_measured_one_faintly_behind_it() -> None:
    epochs = rows_of([3.0, 1.0, 2.0], val_loss=1.0)
    before = [("other", rows_of([4.0, 0.0]))]
    measured = loss_curve(epochs, before=before).data
    smooth = loss_curve(epochs, before=before, smoothing=0.5).data
    assert [trace.name for trace in smooth[4:]] == [f"{trace.name}, as measured" for trace in measured[:3]]
    for trace, faint in zip(measured[:3], smooth[4:], strict=True):
        np.testing.assert_array_equal(faint.y, trace.y)
        assert faint.opacity < 0.5
        assert (faint.showlegend, faint.hoverinfo) == (False, "skip")
    np.testing.assert_allclose(smooth[1].y, moving.smoothed([3.0, 1.0, 2.0], 0.5))
    np.testing.assert_allclose(smooth[3].y, moving.smoothed([4.0, 0.0], 0.5))  # as it is compared with it
    np.testing.assert_allclose(smooth[1].customdata, smooth[0].y)


def test_earlier_runs_are_named_and_the_previous_one_stands_out() -> None:
    runs = [(f"run {number}", rows_of([2.0, 1.0], val_loss=number)) for number in range(10)]
    figure = loss_curve(rows_of([1.0]), before=runs)
    earlier = figure.data[2:]
    assert len(earlier) == charts.MOST_BEFORE
    assert [trace.name for trace in earlier] == ["previous run: run 0", *(f"run {n}" for n in range(1, 8))]
    assert [trace.y[0] for trace in earlier] == list(range(8))  # the validation
    previous, *others = earlier
    assert all(previous.line.width > trace.line.width for trace in others)
    assert all(previous.opacity > trace.opacity for trace in others)
    assert len({trace.line.color for trace in figure.data[1:]}) == 9
    assert all(trace.showlegend is None and trace.hoverinfo is None for trace in earlier)
    assert figure.layout.hovermode == "x unified"
    assert figure.data[0].hoverinfo == "skip"  # it would win over the epochs, between them
    assert figure.layout.height > loss_curve(rows_of([1.0])).layout.height  # room for the legend
    without = rows_of([2.0, 1.0])
    assert list(loss_curve([], before=[("run", without)]).data[2].y) == [2.0, 1.0]
    assert len(loss_curve([], before=[("x" * 60, without)]).data[2].name) <= 60


def test_the_chart_of_a_run_without_a_result_has_the_place_and_legend_of_its_later_curves() -> None:
    config = RunConfig(validation_split=0.1)
    empty, later = (
        charts.curve("loss", "loss", [], epochs, config, 100)
        for epochs in ([], rows_of([1.0], val_loss=1.0))
    )  # fmt: skip
    assert empty.layout.height == later.layout.height
    assert [trace.name for trace in empty.data[1:]] == [trace.name for trace in later.data[1:]]
    assert all(len(trace.x) == 1 for trace in empty.data)  # a trace without points has no legend
    assert (empty.layout.yaxis.showticklabels, later.layout.yaxis.showticklabels) == (False, None)


def test_the_axis_of_the_loss_may_be_logarithmic() -> None:
    assert [loss_curve(rows_of([1.0]), log=log).layout.yaxis.type for log in (False, True)] == [
        "linear",
        "log",
    ]


def test_a_layers_spread_is_a_density() -> None:
    histogram = {"low": -1.0, "high": 3.0, "counts": [1, 2, 3, 2]}
    first, newest = charts.spread(histogram, histogram).data
    np.testing.assert_allclose(first.x, [-0.5, 0.5, 1.5, 2.5])
    assert sum(newest.y) == pytest.approx(1)  # bins one wide
    assert len(charts.spread(histogram, {"low": None, "high": None, "counts": []}).data) == 1


def test_a_run_without_validation_has_no_curve_of_it() -> None:
    assert len(loss_curve(rows_of([1.0])).data) == 2
    assert len(loss_curve(rows_of([1.0], val_loss=1.2)).data) == 3


@pytest.mark.parametrize("preset", PRESETS)
def test_the_picture_of_a_network_names_every_layer_that_does_something(preset: str) -> None:
    rows = arch.trace(arch.layers(PRESETS[preset]))
    words = " ".join(note.text or "" for note in charts.network(rows).layout.annotations)
    for row in rows:
        if row.layer.kind != "Reshape":
            assert row.layer.name in words
            assert "×".join(map(str, row.output)) in words


def test_a_frame_marks_right_and_wrong_and_leaves_the_digit_alone() -> None:
    image = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    plain, right, wrong = (charts.tile(image, outcome) for outcome in (None, True, False))
    np.testing.assert_array_equal(plain[::3, ::3, 0], image)
    np.testing.assert_array_equal(plain[3:-3, 3:-3], right[3:-3, 3:-3])
    assert tuple(right[0, 0]) != tuple(wrong[0, 0])


def test_the_numbers_of_a_chart_are_those_that_it_shows() -> None:
    labels = np.array([0, 1, 1, 9], np.uint8)
    head, *rows = charts.table(charts.class_balance(labels, MNIST))
    assert head == ["", "digit", "images"]
    assert [row[1:] for row in rows] == [[str(digit), (labels == digit).sum()] for digit in range(10)]
    counts = np.arange(100).reshape(10, 10)
    head, *rows = charts.table(charts.difference(counts, 2 * counts, MNIST))
    assert len(rows) >= 100
    lines = {
        "one": [[{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]],
        "other": [[{"epoch": 1, "loss": 1.0}]],
    }
    head, *rows = charts.table(charts.overlay(lines, "loss", "loss"))
    assert rows == [["one", 1, 0.5], ["one", 2, 0.25], ["other", 1, 1.0]]


def test_of_one_knob_the_accuracy_is_shown_by_it() -> None:
    def trials(knob: str, *values: object) -> list[Trial]:
        return [
            Trial(number, "pruned" if number == 1 else "complete", {knob: value}, number / 10, 2, "", None)
            for number, value in enumerate(values)
        ]

    pruned, complete = charts.by_knob(trials("learning_rate", 0.1, 0.01, 0.001), "learning_rate", "Rate").data
    assert (list(complete.x), list(complete.y)) == ([0.001, 0.1], [0.2, 0.0])  # from left to right
    assert list(pruned.x) == [0.01]
    figure = charts.by_knob(trials("optimizer", "sgd", "adam", "adagrad"), "optimizer", "Optimizer")
    assert figure.layout.xaxis.type == "category"
    assert figure.layout.xaxis.categoryarray.index("adam") < figure.layout.xaxis.categoryarray.index("sgd")
    assert charts.table(figure)[1:] == [["stopped early", "adam", 0.1], ["finished", "sgd", 0.0],
                                        ["finished", "adagrad", 0.2]]  # fmt: skip
    assert not charts.by_knob(trials("l2"), "l2", "L2").data


def test_parallel_coordinates_give_the_values_themselves_and_not_their_logarithms() -> None:
    trials = [
        Trial(
            number, "complete", {"learning_rate": 10.0**-number, "optimizer": "sgd"}, number / 10, 2, "", None
        )
        for number in range(3)
    ]
    titles = {"learning_rate": "Learning rate", "optimizer": "Optimizer"}
    figure = charts.parallel(trials, titles)
    assert charts.parallel_numbers(trials, titles) == [
        ["Learning rate", "Optimizer", "accuracy"],
        [1.0, "sgd", 0.0], [0.1, "sgd", 0.1], [0.01, "sgd", 0.2],
    ]  # fmt: skip
    axis = figure.data[0].dimensions[0]
    assert list(axis.values) == [0, -1, -2]
    assert axis.ticktext[0] == "0.01"
