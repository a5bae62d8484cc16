"""The table of runs: what it says of a run, what differs, and which runs no other one beats."""

from __future__ import annotations

from pathlib import Path

import keras
from hypothesis import given
from hypothesis import strategies as st

from core.config import PRESETS, RunConfig
from core.runs import notes, records, run_folder, run_table


def test_an_entry_is_what_the_run_says_of_itself(mlp_run: Path) -> None:
    (entry,) = run_table.entries(mlp_run.parent)
    assert entry.status.test_accuracy == run_folder.status(mlp_run).test_accuracy
    assert entry.parameters == keras.saving.load_model(mlp_run / "model.keras").count_params()
    assert entry.curve == tuple(row["val_accuracy"] for row in records.metrics(mlp_run))
    assert entry.megabytes * 1e6 == sum(file.stat().st_size for file in mlp_run.rglob("*") if file.is_file())


def test_a_folder_that_cannot_be_read_takes_no_other_with_it(tmp_path: Path) -> None:
    good, bad = (run_folder.create(tmp_path, RunConfig()) for _number in range(2))
    (bad / "config.json").write_text("no settings")
    assert [entry.run for entry in run_table.entries(tmp_path)] == [good]
    notes.write(good, name="the good one")
    assert run_table.entries(tmp_path)[0].labels.name == "the good one"


def test_what_was_asked_for_since_counts(tmp_path: Path) -> None:
    run = run_folder.create(tmp_path, RunConfig(epochs=3))
    with run_folder.changing_request(run) as change:
        change(epochs=7)
    assert run_table.entry(run).config.epochs == 7


def test_only_what_differs_is_listed() -> None:
    first = RunConfig(epochs=3, dropout=0.2)
    differences = run_table.differences([first, first.but(epochs=5), first.but(epochs=5, seed=1)])
    assert differences == {"epochs": [3, 5, 5], "seed": [0, 0, 1]}
    assert run_table.differences([first, first]) == {}


def test_runs_that_differ_in_nothing_but_the_seed_are_a_group(tmp_path: Path) -> None:
    cnn = PRESETS["tutorial-cnn"]
    for config in (cnn, cnn.but(seed=5), cnn.but(epochs=2), cnn.but(seed=7)):
        run_folder.create(tmp_path, config)
    groups = run_table.groups(run_table.entries(tmp_path))
    assert {frozenset(entry.config.seed for entry in group) for group in groups.values()} == {
        frozenset({0, 5, 7}),
        frozenset({0}),
    }


def test_a_seed_that_was_trained_twice_counts_once(tmp_path: Path) -> None:
    for seed, accuracy in ((0, 0.91), (1, 0.92), (1, 0.92), (2, None)):
        run = run_folder.create(tmp_path, RunConfig(seed=seed))
        status = run_folder.written_status(run)
        run_folder.write_status(run, status.model_copy(update={"test_accuracy": accuracy}))
    assert sorted(run_table.accuracies(run_table.entries(tmp_path))) == [0.91, 0.92]


points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12)


@given(points)
def test_the_front_is_what_no_other_point_beats(measured: list[tuple[int, int]]) -> None:
    front = run_table.pareto([cost for cost, _gain in measured], [gain for _cost, gain in measured])
    for (cost, gain), is_best in zip(measured, front, strict=True):
        beaten = any(c <= cost and g >= gain and (c, g) != (cost, gain) for c, g in measured)
        assert is_best is not beaten
