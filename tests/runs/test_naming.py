"""What runs are called: by what sets them apart, and no two in a list the same."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import PRESETS, RunConfig
from core.runs import naming
from core.runs.naming import MOST, Subject
from tests.support.strategies import configs

MLP, CNN = PRESETS["tutorial-mlp"], PRESETS["tutorial-cnn"]
ONE_DIFFERENCE = 40  # characters that one setting takes at most in words, with the separator


def named(config: RunConfig, **more: Any) -> str:
    return naming.name(Subject("20260101-000000-000-abcd", config, **more))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (MLP, "MLP 128"),
        (MLP.but(learning_rate=0.02), "MLP 128 · rate 0.02"),
        (MLP.but(training_images=500), "MLP 128 · 500 images"),
        (MLP.but(dataset="mnist", learning_rate=0.02, epochs=1), "MLP 128 · mnist · rate 0.02 · 1 epoch"),
        (MLP.but(optimizer="sgd", momentum=0.9, nesterov=True), "MLP 128 · SGD, Nesterov 0.9"),
        (MLP.but(hidden_units=(256, 64), dropout=0.3, seed=7), "MLP 256-64 · dropout 0.3 · seed 7"),
        (CNN.but(batch_normalization=True), "CNN 32-64-64 · batch norm"),
        (CNN.but(dense_units=0, conv_blocks="8:5:max"), "CNN 8 · no dense layer · kernels 5 · pooling max"),
        (PRESETS["fast-99"].but(learning_rate=0.1), "Fast CNN 8-64 · rate 0.1"),
    ],
)
def test_a_run_is_called_by_its_network_and_what_is_not_as_in_its_preset(
    config: RunConfig, words: str
) -> None:
    assert named(config) == words


def test_the_name_that_somebody_gave_comes_instead() -> None:
    assert named(MLP.but(seed=3), given="Ada's first") == "Ada's first"
    assert named(MLP, taught=True) == "MLP 128 · trained on drawings"


def test_no_two_presets_have_the_same_name() -> None:
    for (preset, first), (other, second) in combinations(PRESETS.items(), 2):
        assert named(first) != named(second), (preset, other)


# Another value of each setting, and what it takes for it to matter.
OTHERS: dict[str, Any] = {
    "dataset": "mnist", "training_images": 700, "activation": "tanh", "dropout": 0.1,
    "dropout_place": "between",
    "batch_normalization": True, "kernel_initializer": "he_normal", "l2": 0.001, "label_smoothing": 0.2,
    "optimizer": "rmsprop", "momentum": 0.5, "nesterov": True, "learning_rate": 0.01,
    "learning_rate_schedule": "cosine", "decay_rate": 0.9, "plateau_patience": 5, "warmup": 0.1,
    "early_stopping_patience": 3, "restore_best_weights": False, "rotation": 9.0, "shift": 1.0, "zoom": 0.1,
    "shear": 5.0, "thickness": 0.5, "elastic": 1.0, "epochs": 7, "batch_size": 32, "validation_split": 0.1,
    "seed": 1, "hidden_units": (64,), "dense_units": 64, "padding": "same", "conv_blocks": "8:3:max",
    "architecture": "cnn",
}  # fmt: skip
NEEDED: dict[str, dict[str, Any]] = {
    "dropout_place": {"dropout": 0.3}, "momentum": {"optimizer": "sgd"},
    "nesterov": {"optimizer": "sgd", "momentum": 0.9},
    "decay_rate": {"learning_rate_schedule": "exponential"},
    "plateau_patience": {"learning_rate_schedule": "plateau"},
    "warmup": {"learning_rate_schedule": "one-cycle"},
    "restore_best_weights": {"early_stopping_patience": 2}, "dense_units": {"architecture": "cnn"},
    "padding": {"architecture": "cnn"}, "conv_blocks": {"architecture": "cnn"},
}  # fmt: skip


@pytest.mark.parametrize("setting", RunConfig.model_fields)
def test_two_runs_that_differ_in_one_setting_have_different_names(setting: str) -> None:
    config = MLP.but(**NEEDED.get(setting, {}))
    other = config.but(**{setting: OTHERS[setting]})
    assert named(config) != named(other)
    assert naming.describe(config) != naming.describe(other)


@given(configs)
def test_a_name_is_short_and_the_description_says_it_all(config: RunConfig) -> None:
    network = named(config).split(" · ")[0]
    assert len(named(config)) <= max(MOST, len(network) + ONE_DIFFERENCE + len(" · 30 more"))
    described = naming.describe(config)
    assert config.dataset in described
    assert f"{config.epochs} epoch" in described
    for words in named(config).split(" · "):
        assert words in described or words.endswith(" more")


subjects = st.builds(
    Subject,
    st.text("0123456789abcdef", min_size=1, max_size=6),
    configs | st.sampled_from([MLP, MLP.but(seed=1), CNN]),
    st.sampled_from(["", "mine", "mine · seed 1", "MLP 128"]) | st.text(max_size=5),
    st.booleans(),
)


@given(st.lists(subjects, max_size=12, unique_by=lambda subject: subject.folder))
def test_side_by_side_no_two_runs_have_the_same_name(chosen: list[Subject]) -> None:
    names = naming.names(chosen)
    assert len(set(names)) == len(names) == len(chosen)
    for subject, name in zip(chosen, names, strict=True):
        assert name.startswith(naming.name(subject))


def test_what_is_the_same_is_told_apart_by_as_little_as_it_takes() -> None:
    runs = [Subject(f"0{place}", MLP.but(learning_rate=0.01, seed=place), "mine") for place in range(3)]
    assert naming.names(runs) == ["mine", "mine · seed 1", "mine · seed 2"]
    twice = [Subject("aa", MLP), Subject("bb", MLP)]
    assert naming.names(twice) == ["MLP 128 (aa)", "MLP 128 (bb)"]
    many = MLP.but(training_images=300, learning_rate=0.3, dropout=0.4, optimizer="sgd", rotation=5, shift=2)
    assert naming.names([Subject("aa", many.but(l2=0.01)), Subject("bb", many.but(l2=0.02))]) == [
        "MLP 128 · 300 images · rate 0.3 · SGD · 4 more · L2 0.01",
        "MLP 128 · 300 images · rate 0.3 · SGD · 4 more · L2 0.02",
    ]
