"""Figures: what they show is what they were given."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core import charts
from core.charts import ALL
from core.config import PRESETS
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


def test_a_curve_leaves_out_what_is_no_number() -> None:
    batches = [{"epoch": 1, "step": 5, "loss": 2.0}, {"epoch": 1, "step": 10, "loss": None}]
    epochs = [{"epoch": 1, "steps": 10, "loss": 1.5}, {"epoch": 2, "steps": 5, "loss": None}]
    figure = charts.curve("loss", "loss", batches, epochs, steps=10, planned=2)
    within, training = figure.data
    assert (list(within.x), list(within.y)) == ([0.5, 1], [2.0, 1.5])
    assert list(training.x) == [1, 1.5]
    np.testing.assert_array_equal(training.y, [1.5, np.nan])  # which Plotly leaves a gap for
    assert "NaN" not in json.dumps(json.loads(figure.to_json()))


def test_a_long_run_is_drawn_with_few_points_up_to_its_newest() -> None:
    batches = [{"epoch": 1, "step": step, "loss": 1 / step} for step in range(1, 5001)]
    within = charts.curve("loss", "loss", batches, [], steps=5000, planned=1).data[0]
    assert 200 < len(within.x) <= 300
    assert (within.x[-1], within.y[-1]) == (1.0, 1 / 5000)
    assert list(within.x) == sorted(within.x)


def test_a_turned_knob_is_marked_where_its_first_epoch_begins() -> None:
    change = {"epoch": 3, "setting": "learning_rate", "before": 0.001, "after": 0.0003, "by": "visitor"}
    rows = [{"epoch": epoch, "steps": 10, "loss": 1.0} for epoch in (1, 2, 3)]
    layout = charts.curve("loss", "loss", [], rows, 10, 5, [change]).layout
    assert [(line.x0, line.x1) for line in layout.shapes] == [(2, 2)]
    assert [text.text for text in layout.annotations] == ["learning rate 0.001 → 0.0003"]


@pytest.mark.parametrize(
    ("done", "planned", "shown"), [(1, 3, 3), (1, 5, 5), (1, 100, 5), (20, 100, 30), (90, 100, 100)]
)
def test_a_long_run_is_shown_as_far_as_it_is(done: int, planned: int, shown: int) -> None:
    rows = [{"epoch": epoch, "steps": 10, "loss": 1.0} for epoch in range(1, done + 1)]
    begin, end = charts.curve("loss", "loss", [], rows, 10, planned).layout.xaxis.range
    assert begin == 0
    assert shown < end < 1.05 * shown  # the last marker is whole


def test_the_line_within_an_epoch_leads_to_its_end_and_begins_anew_in_the_next() -> None:
    batches = [
        {"epoch": epoch, "step": step, "loss": loss}
        for epoch, step, loss in ((1, 4, 2.0), (1, 8, 1.8), (2, 5, 0.9), (3, 10, 0.5), (4, 2, 0.4))
    ]
    epochs = [
        {"epoch": 1, "steps": 10, "loss": 1.7}, {"epoch": 2, "steps": 10, "loss": 0.8},
        {"epoch": 3, "steps": 10, "loss": 0.5},
    ]  # fmt: skip
    within = charts.curve("loss", "loss", batches, epochs, steps=10, planned=5).data[0]
    pieces = np.split(np.stack([within.x, within.y], axis=1), np.flatnonzero(np.isnan(within.y)))
    lines = [piece[~np.isnan(piece[:, 1])].tolist() for piece in pieces]
    assert lines == [
        [[0.4, 2.0], [0.8, 1.8], [1, 1.7]], [[1.5, 0.9], [2, 0.8]], [[3, 0.5]], [[3.2, 0.4]],
    ]  # fmt: skip


def test_a_run_too_fast_for_rows_within_its_epochs_has_no_line_from_one_to_a_later_one() -> None:
    epochs = [{"epoch": epoch, "steps": 2, "loss": 1 / epoch} for epoch in range(1, 13)]
    batches = [{"epoch": 1, "step": 1, "loss": 2.0}, {"epoch": 11, "step": 1, "loss": 0.2}]
    within, training = charts.curve("loss", "loss", batches, epochs, steps=2, planned=12).data
    assert list(within.x) == [0.5, 1, 10, 10.5, 11]
    np.testing.assert_array_equal(within.y, [2.0, 1.0, np.nan, 0.2, 1 / 11])
    assert list(training.x) == list(range(1, 13))
    nothing = charts.curve("loss", "loss", [], epochs, steps=2, planned=12).data[0]
    assert not len(nothing.x)
    assert nothing.showlegend is False


def test_a_layers_spread_is_a_density() -> None:
    histogram = {"low": -1.0, "high": 3.0, "counts": [1, 2, 3, 2]}
    first, newest = charts.spread(histogram, histogram).data
    np.testing.assert_allclose(first.x, [-0.5, 0.5, 1.5, 2.5])
    assert sum(newest.y) == pytest.approx(1)  # bins one wide
    assert len(charts.spread(histogram, {"low": None, "high": None, "counts": []}).data) == 1


def test_a_run_without_validation_has_no_curve_of_it() -> None:
    rows = [{"epoch": 1, "steps": 10, "loss": 1.0}]
    assert len(charts.curve("loss", "loss", [], rows, 10, 1).data) == 2
    assert len(charts.curve("loss", "loss", [], [rows[0] | {"val_loss": 1.2}], 10, 1).data) == 3


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
