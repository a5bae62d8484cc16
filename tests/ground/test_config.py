"""Settings: what is accepted, what is refused and in which words, and the way to JSON and back."""

from __future__ import annotations

import contextlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import PRESETS, ConfigError, RunConfig, assignments, from_settings
from tests.support.strategies import configs


@given(configs)
def test_settings_survive_json(config: RunConfig) -> None:
    assert RunConfig.read(json.loads(json.dumps(config.model_dump(mode="json")))) == config


@given(configs, st.sampled_from(sorted(PRESETS)))
def test_settings_survive_the_terminal_and_a_link(config: RunConfig, preset: str) -> None:
    words = assignments(config, PRESETS[preset])
    assert from_settings(preset, words) == config
    assert (words == []) == (config == PRESETS[preset])


def test_a_preset_can_be_changed_in_one_setting() -> None:
    config = from_settings("tutorial-cnn", ["dataset=mnist", "epochs=2"])
    assert config == PRESETS["tutorial-cnn"].but(dataset="mnist", epochs=2)


def test_the_presets_are_the_tutorials() -> None:
    tutorials = {name: config for name, config in PRESETS.items() if name.startswith("tutorial-")}
    for config in tutorials.values():
        assert (config.optimizer, config.learning_rate, config.activation) == ("adam", 0.001, "relu")
    facts = {
        name: (config.batch_size, config.epochs, config.validation_split, config.dropout)
        for name, config in tutorials.items()
    }
    assert facts == {
        "tutorial-mlp": (128, 5, 0.2, 0),
        "tutorial-mlp-10": (64, 10, 0.2, 0),
        "tutorial-mlp-deep": (64, 10, 0.2, 0.2),
        "tutorial-cnn": (64, 5, 0.2, 0),
        "tutorial-mlp-32": (32, 5, 0, 0),
        "tutorial-mlp-dropout": (32, 5, 0.1, 0.2),
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("epochs=0", 'epochs cannot be "0": it must be at least 1.'),
        ("epochs=many", 'epochs cannot be "many": it must be a whole number.'),
        ("batch_size=5000", 'batch_size cannot be "5000": it must be at most 4096.'),
        ("learning_rate=0", 'learning_rate cannot be "0": it must be above 0.0.'),
        ("learning_rate=nan", 'learning_rate cannot be "nan": it must be a finite number.'),
        ("dropout=often", 'dropout cannot be "often": it must be a number.'),
        ("validation_split=0.001", "validation_split cannot be 0.001: it must be 0 or from 0.01 to 0.9."),
        ("seed=4294967296", 'seed cannot be "4294967296": it must be below 4294967296.'),
        ("optimizer=lion", "one of 'adam', 'sgd', 'rmsprop', 'adagrad' or 'adamw'"),
        ("hidden_units=1,2,3,4,5", 'hidden_units cannot be "1,2,3,4,5": it must be a list of 1 to 4 items.'),
        ("conv_blocks=32:9", 'conv_blocks.0.kernel_size cannot be "9": it must be at most 7.'),
        ("conv_blocks=1:2:max:4", "1:2:max:4 has too many parts"),
        ("batch_normalization=perhaps", "it must be true or false"),
        ("kernel_initializer=ones", "one of 'glorot_uniform', 'glorot_normal', 'he_uniform'"),
        (
            "learning_rate_schedule=step",
            "one of 'constant', 'exponential', 'cosine', 'one-cycle' or 'plateau'",
        ),
        ("l2=0.2", 'l2 cannot be "0.2": it must be at most 0.1.'),
        ("label_smoothing=-0.1", 'label_smoothing cannot be "-0.1": it must be at least 0.0.'),
        ("decay_rate=1", 'decay_rate cannot be "1": it must be at most 0.99.'),
        ("warmup=1", 'warmup cannot be "1": it must be at most 0.9.'),
        ("plateau_patience=0", 'plateau_patience cannot be "0": it must be at least 1.'),
        ("early_stopping_patience=101", 'early_stopping_patience cannot be "101": it must be at most 100.'),
        ("rotation=90", 'rotation cannot be "90": it must be at most 45.0.'),
        ("elastic=nan", 'elastic cannot be "nan": it must be a finite number.'),
        ("conv_blocks=8:3:half", "one of 'max', 'average', 'stride' or 'none'"),
        ("epoch=3", "There is no setting epoch. The settings are dataset, "),
        ("epochs", "'epochs' is not a setting. Write KEY=VALUE"),
    ],
)
def test_a_refusal_says_what_was_received_and_what_is_allowed(words: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        from_settings(None, [words])


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no preset 'tutorial'.*tutorial-mlp"):
        from_settings("tutorial", [])


@given(st.dictionaries(st.text(), st.none() | st.text() | st.floats() | st.lists(st.integers())))
def test_any_json_is_either_settings_or_a_config_error(values: dict[str, object]) -> None:
    with contextlib.suppress(ConfigError):
        RunConfig.read(values)
