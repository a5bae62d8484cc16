"""What was changed between two runs, and what came of it: each case has its sentence."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.config import PRESETS, RunConfig
from core.evaluation.difference import Change, between, in_words
from core.runs import run_folder, warm_start
from core.runs.run_folder import State
from core.runs.warm_start import Lesson
from tests.support.ended import ended
from tests.support.strategies import configs

MLP = RunConfig()
FAST = MLP.but(learning_rate=0.01)


def said(before: Path, after: Path) -> str:
    return in_words(between(before, after))


def test_one_changed_setting_accuracy_and_time(tmp_path: Path) -> None:
    before, after = ended(tmp_path), ended(tmp_path, FAST, [0.962], seconds=1.1)
    assert said(before, after) == (
        "Learning rate 0.001 → 0.01: validation accuracy 91.2% → 96.2% (+5.0 points), 0.1 s longer."
    )
    assert said(after, before) == (
        "Learning rate 0.01 → 0.001: validation accuracy 96.2% → 91.2% (-5.0 points), 0.1 s shorter."
    )


def test_what_another_seed_makes_is_said_to_be(tmp_path: Path) -> None:
    before, after = ended(tmp_path), ended(tmp_path, FAST, [0.917])
    assert said(before, after) == (
        "Learning rate 0.001 → 0.01: validation accuracy 91.2% → 91.7% (+0.5 points, within what another "
        "seed makes)."
    )


def test_the_weights_that_the_run_kept_are_compared(tmp_path: Path) -> None:
    before = ended(tmp_path, accuracies=[0.8, 0.95, 0.7], best_epoch=2, stopped_early=True)
    assert between(before, before).before.accuracy == 0.95
    assert between(before, ended(tmp_path, accuracies=[0.8, 0.95, 0.7])).after.accuracy == 0.7


def test_without_validation_the_test_images_count(tmp_path: Path) -> None:
    before = ended(tmp_path, MLP.but(validation_split=0))
    assert said(before, ended(tmp_path, MLP, [0.962])) == (
        "Validation split 0 → 0.2: test accuracy 88.2% → 93.2% (+5.0 points)."
    )
    after = ended(tmp_path, MLP.but(validation_split=0, epochs=9))
    assert said(before, after) == "Epochs 5 → 9: test accuracy 88.2% as before."


def test_more_than_a_thousand_images_have_a_second_decimal(tmp_path: Path) -> None:
    before, after = (ended(tmp_path, MLP.but(dataset="mnist", epochs=epochs), [accuracy])
                     for epochs, accuracy in ((1, 0.97716), (2, 0.98724)))  # fmt: skip
    assert "validation accuracy 97.72% → 98.72% (+1.00 points)" in said(before, after)


@pytest.mark.parametrize(("changed", "words"), [
    ({"hidden_units": (64,)}, "Units 128 → 64"),
    ({"hidden_units": (1024, 64)}, "Network MLP 128 → MLP 1024-64"),
    ({"architecture": "cnn"}, "Network MLP 128 → CNN 32-64-64"),
    ({"training_images": 1000}, "Training images all → 1,000"),
    ({"batch_normalization": True}, "Batch normalisation no → yes"),
    ({"learning_rate_schedule": "one-cycle"}, "Schedule constant → one cycle"),
    ({"learning_rate": 1e-6}, "Learning rate 0.001 → 1e-06"),
    ({"epochs": 6, "dropout": 0.1, "l2": 0.01}, "Dropout 0 → 0.1, L2 0 → 0.01, Epochs 5 → 6"),
    ({"epochs": 6, "dropout": 0.1, "l2": 0.01, "zoom": 0.1},
     "Dropout 0 → 0.1, L2 0 → 0.01, Zoom (share) 0 → 0.1 and 1 more"),
    ({"epochs": 6, "dropout": 0.1, "l2": 0.01, "zoom": 0.1, "shear": 3.0, "seed": 1},
     "Dropout 0 → 0.1, L2 0 → 0.01, Zoom (share) 0 → 0.1 and 3 more"),
])  # fmt: skip
def test_changes_have_the_names_of_the_knobs(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    assert said(ended(tmp_path), ended(tmp_path, MLP.but(**changed), [0.962])).startswith(f"{words}: ")


@pytest.mark.parametrize(("blocks", "words"), [
    ("32:3:max,64:3:max,32:3:none", "Filters 32-64-64 → 32-64-32"),
    ("32:5:max,64:3:max,64:3:none", "Kernel 3-3-3 → 5-3-3"),
    ("32:3:max,64:3:stride,64:5:none", "Kernel 3-3-3 → 3-3-5, Pooling max-max-none → max-stride 2-none"),
    ("32:3:max,64:3:max", "Network CNN 32-64-64 → CNN 32-64"),
])  # fmt: skip
def test_of_conv_blocks_that_part_is_named_that_differs(tmp_path: Path, blocks: str, words: str) -> None:
    cnn = PRESETS["tutorial-cnn"]
    after = cnn.but(conv_blocks=blocks, hidden_units=(7, 8))  # which a CNN does not have
    assert said(ended(tmp_path, cnn), ended(tmp_path, after, [0.962])).startswith(f"{words}: ")


def test_another_data_set_cannot_be_compared(tmp_path: Path) -> None:
    other = between(ended(tmp_path), ended(tmp_path, MLP.but(dataset="mnist"), [0.962]))
    assert other.points is None
    assert in_words(other) == (
        "Data set mnist-5k → mnist: validation accuracy 91.2%, then 96.2%. These are different images, so "
        "the accuracies cannot be compared."
    )


def test_the_seed_alone_is_never_more_than_chance(tmp_path: Path) -> None:
    other = between(ended(tmp_path), ended(tmp_path, MLP.but(seed=3), [0.99]))
    assert other.only_seed
    assert other.is_chance
    assert in_words(other) == (
        "Seed 0 → 3: validation accuracy 91.2% → 99.0% (+7.8 points). Only the seed was changed, so this is "
        "the difference that a seed makes."
    )


def test_nothing_changed_at_all(tmp_path: Path) -> None:
    before = ended(tmp_path)
    assert said(before, ended(tmp_path)) == "No setting was changed: validation accuracy 91.2% as before."
    # On another machine, the bits differ.
    assert "91.2% → 91.4% (+0.2 points, within" in said(before, ended(tmp_path, accuracies=[0.914]))


@pytest.mark.parametrize(("state", "diverged", "this", "earlier"), [
    ("running", False, "has not finished", "has not finished"),
    ("paused", False, "has not finished", "has not finished"),
    ("failed", False, "failed", "failed"),
    ("failed", True, "diverged", "diverged"),
])  # fmt: skip
def test_a_run_without_a_result(
    tmp_path: Path, state: State, diverged: bool, this: str, earlier: str
) -> None:
    without, other = ended(tmp_path, state=state, diverged=diverged), ended(tmp_path, FAST, [0.962])
    assert said(other, without) == f"Learning rate 0.01 → 0.001: this run {this}."
    assert said(without, other) == (
        f"Learning rate 0.001 → 0.01: validation accuracy 96.2%. The run before {earlier}."
    )
    assert between(without, other).points is None


def test_a_run_that_was_stopped_is_said_to_be(tmp_path: Path) -> None:
    other, stopped = ended(tmp_path), ended(tmp_path, FAST, [0.962], "stopped")
    assert said(other, stopped).endswith("(+5.0 points). This run was stopped early.")
    assert said(stopped, other).endswith("(-5.0 points). The run before was stopped early.")
    never = ended(tmp_path, FAST, [], "stopped")
    assert said(other, never) == "Learning rate 0.001 → 0.01: this run has not finished."


def test_a_value_that_was_turned_while_the_run_trained_counts(tmp_path: Path) -> None:
    before, after = ended(tmp_path), ended(tmp_path)
    with run_folder.changing_request(after) as change:
        change(learning_rate=0.1)
    assert said(before, after).startswith("Learning rate 0.001 → 0.1: ")


def test_drawings_are_a_change_too(tmp_path: Path) -> None:
    before, after = ended(tmp_path), ended(tmp_path)
    warm_start.keep(after, Lesson(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8), 1, "", {}))
    assert said(before, after).startswith("Fine-tuned on drawings no → yes: ")


# ------------------------------------------------------------------------------- what is chance


def test_the_spread_of_other_seeds_in_the_folder_counts(tmp_path: Path) -> None:
    before, after = ended(tmp_path), ended(tmp_path, FAST, [0.922])
    assert between(before, after).is_chance
    # Seeds that all come close to the first run: another seed does not make a whole point.
    for seed, accuracy in ((1, 0.911), (2, 0.912), (3, 0.913), (4, 0.911)):
        ended(tmp_path, MLP.but(seed=seed), [accuracy])
    assert not between(before, after).is_chance
    # With the first group's spread, and then the second's, which is wide.
    for seed, accuracy in ((1, 0.87), (2, 0.93), (3, 0.94), (4, 0.88)):
        ended(tmp_path, FAST.but(seed=seed), [accuracy])
    assert between(before, after).is_chance
    assert between(after, before).is_chance


def test_unfinished_and_failed_seeds_do_not_count(tmp_path: Path) -> None:
    before, after = ended(tmp_path), ended(tmp_path, FAST, [0.922])
    for seed, state in ((1, "stopped"), (2, "failed"), (3, "running"), (4, "stopped")):
        ended(tmp_path, MLP.but(seed=seed), [0.9119], state)
    assert between(before, after).is_chance


def test_if_the_other_seeds_say_the_opposite_it_is_chance(tmp_path: Path) -> None:
    before, after = ended(tmp_path, accuracies=[0.95]), ended(tmp_path, FAST, [0.951])
    for seed in range(1, 6):
        ended(tmp_path, MLP.but(seed=seed), [0.98 + seed / 1000])
        ended(tmp_path, FAST.but(seed=seed), [0.95 + seed / 1000])
    assert between(before, after).is_chance


@pytest.mark.parametrize(("dataset", "images", "factor"), [("mnist-5k", 800, 0.78), ("mnist", 12_000, 1.15)])
def test_without_other_seeds_the_measured_spread_counts(
    tmp_path: Path, dataset: str, images: int, factor: float
) -> None:
    error = factor * np.sqrt(0.9 * 0.1 / images)
    half = stats.t.isf(0.025, 9) * np.sqrt(2) * error / 2
    for part, is_chance in ((0.99, True), (1.01, False)):
        before, after = (
            ended(tmp_path / f"{part}", config.but(dataset=dataset), [0.9 + sign * part * half])
            for config, sign in ((MLP, -1), (FAST, 1))
        )
        assert between(before, after).is_chance is is_chance


def test_other_validation_images_are_one_more_chance(tmp_path: Path) -> None:
    config = MLP.but(validation_split=0.2)
    before, after = ended(tmp_path, config), ended(tmp_path, FAST, [0.942])
    assert not between(before, after).is_chance
    other = ended(tmp_path, FAST.but(validation_split=0.21), [0.942])
    assert between(before, other).is_chance


number = count()
shares = st.integers(0, 1000).map(lambda right: right / 1000)


@settings(max_examples=50)
@given(configs, configs, shares, shares)
def test_the_other_way_round_is_the_opposite(
    tmp_path_factory: pytest.TempPathFactory, first: RunConfig, second: RunConfig, low: float, high: float
) -> None:
    root = tmp_path_factory.mktemp(f"pair{next(number)}")
    before, after = ended(root, first, [low]), ended(root, second, [high])
    there, back = between(before, after), between(after, before)
    assert there.points == (None if back.points is None else -back.points)
    assert (there.before, there.after, there.is_chance) == (back.after, back.before, back.is_chance)
    assert [Change(title, after, before) for title, before, after in there.changes] == list(back.changes)
    assert all(change.before != change.after for change in there.changes)
    assert len({change.title for change in there.changes}) == len(there.changes)
    if first.seed != second.seed:
        assert there.changes[-1] == ("Seed", str(first.seed), str(second.seed))
    for words in (in_words(there), in_words(back)):
        assert words.endswith(".")
        assert "{" not in words


@settings(max_examples=20)
@given(configs)
def test_a_run_differs_from_itself_in_nothing(
    tmp_path_factory: pytest.TempPathFactory, config: RunConfig
) -> None:
    run = ended(tmp_path_factory.mktemp(f"same{next(number)}"), config)
    same = between(run, run)
    assert same.changes == ()
    assert same.points == 0
