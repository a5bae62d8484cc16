"""The adviser, on runs that really have what it speaks of, and on whatever else a file may hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import tutorials
from core.config import PRESETS, RunConfig
from core.evaluation import results
from core.runs import adviser, records, run_folder
from core.runs.adviser import Advice, advise
from core.worker.recorder import Journal
from core.worker.training import train
from tests.support.strategies import configs

# Each really has the illness that it is named after. On two cores, each takes a second or two.
SICK = {
    "overfitting": RunConfig(training_images=300, hidden_units=(256,), batch_size=32, epochs=12),
    "underfitting": RunConfig(hidden_units=(2,), batch_size=64, epochs=12),
    "heavy-l2": RunConfig(hidden_units=(64,), l2=0.1, batch_size=64, epochs=7),
    "heavy-dropout": RunConfig(hidden_units=(32,), dropout=0.9, batch_size=64, epochs=6),
    "decayed": RunConfig(learning_rate_schedule="exponential", decay_rate=0.3, epochs=7),
    "vanishing": RunConfig(
        activation="sigmoid", hidden_units=(64, 64, 64), optimizer="sgd", learning_rate=0.1, epochs=5
    ),
    "too-high": RunConfig(learning_rate=0.5, epochs=3),
    "jumping": RunConfig(learning_rate=0.1, batch_size=32, epochs=8),
    "diverged": RunConfig(optimizer="sgd", learning_rate=10, l2=0.1, hidden_units=(64,), batch_size=32),
    "too-low": RunConfig(learning_rate=1e-5, epochs=4),
    "too-low-sgd": RunConfig(optimizer="sgd", learning_rate=0.01, epochs=5),
    "dead-units": RunConfig(learning_rate=0.05, epochs=3),
    "plateau": RunConfig(
        hidden_units=(64,), rotation=10, shift=1, learning_rate=0.02, batch_size=64, epochs=14
    ),
    "good-enough": RunConfig(hidden_units=(64,), learning_rate=0.01, batch_size=32, epochs=20),
    "zeros": RunConfig(kernel_initializer="zeros", epochs=2),
}

Trained = Callable[[RunConfig], Path]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Trains each run once, by the real worker's code."""
    root = tmp_path_factory.mktemp("advised")
    known: dict[RunConfig, Path] = {}

    def once(config: RunConfig) -> Path:
        if config not in known:
            known[config] = run_folder.create(root, config)
            train(known[config], Journal(known[config]), lambda: "run")
        return known[config]

    return once


def only(run: Path) -> Advice:
    (advice,) = adviser.about(run)
    return advice


def at(run: Path, epoch: int, *, over: bool = False) -> list[Advice]:
    """What it said after so many epochs, while the run went on."""
    return advise(records.config(run), records.metrics(run)[:epoch], records.layers(run)[:epoch], over=over)


def ever(run: Path) -> dict[str, Advice]:
    """Everything that it said while the run went on, the first time that it did."""
    said: dict[str, Advice] = {}
    for epoch in range(len(records.metrics(run))):
        said = {advice.topic: advice for advice in at(run, epoch)} | said
    return said


def cured(config: RunConfig, advice: Advice) -> RunConfig:
    return config.but(**advice.change)


# ------------------------------------------------------------------------------- each illness


@pytest.mark.parametrize(
    ("name", "topic", "change"),
    [
        ("overfitting", "overfitting", {"training_images": 1200}),
        ("underfitting", "underfitting", {"hidden_units": (32,)}),
        ("heavy-l2", "underfitting", {"l2": 0.01}),
        ("heavy-dropout", "underfitting", {"dropout": 0.2}),
        ("decayed", "underfitting", {"decay_rate": 0.548}),
        ("vanishing", "underfitting", {"activation": "relu"}),
        ("too-high", "too-high", {"learning_rate": 0.05}),
        ("jumping", "too-high", {"learning_rate": 0.01}),
        ("diverged", "too-high", {"learning_rate": 1.0}),
        ("too-low", "too-low", {"learning_rate": 0.0001}),
        ("too-low-sgd", "too-low", {"learning_rate": 0.1}),
        ("dead-units", "dead-units", {"learning_rate": 0.005}),
        ("plateau", "plateau", {"learning_rate_schedule": "plateau"}),
        ("zeros", "no-start", {"kernel_initializer": "glorot_uniform"}),
    ],
)
def test_an_illness_is_named_afterwards(
    trained: Trained, name: str, topic: str, change: dict[str, Any]
) -> None:
    advice = only(trained(SICK[name]))
    assert (advice.topic, advice.change) == (topic, change)
    assert not advice.live
    assert not advice.stop
    for sentence in (advice.verdict, advice.evidence, advice.suggestion):
        assert sentence.endswith(".")
        assert sentence[0].isupper()


@pytest.mark.parametrize(
    ("name", "topic", "change", "live"),
    [
        ("overfitting", "overfitting", {"dropout": 0.3}, True),
        ("underfitting", "underfitting", {"hidden_units": (32,)}, False),
        ("too-low", "too-low", {"learning_rate": 0.0001}, True),
        ("too-high", "too-high", {"learning_rate": 0.05}, False),
        ("dead-units", "dead-units", {"learning_rate": 0.005}, False),
        ("plateau", "plateau", {"learning_rate": 0.004}, True),
        ("zeros", "no-start", {"kernel_initializer": "glorot_uniform"}, False),
    ],
)
def test_an_illness_is_named_while_it_goes_on(
    trained: Trained, name: str, topic: str, change: dict[str, Any], live: bool
) -> None:
    advice = ever(trained(SICK[name]))[topic]
    assert (advice.change, advice.live) == (change, live)


def test_a_run_that_gains_no_more_may_end(trained: Trained) -> None:
    run = trained(SICK["good-enough"])
    epoch = next(
        epoch for epoch in range(1, 21) if "good-enough" in [advice.topic for advice in at(run, epoch)]
    )
    # On 3,200 images it has learned them by heart as well, and next time both are worth a change.
    overfitting, now = at(run, epoch)
    assert (overfitting.topic, now.topic) == ("overfitting", "good-enough")
    assert (now.stop, now.live, now.change) == (True, True, {})
    overfitting, afterwards = at(run, epoch, over=True)
    assert (overfitting.topic, afterwards.topic) == ("overfitting", "good-enough")
    assert afterwards.change == {"early_stopping_patience": adviser.PATIENCE}
    assert not afterwards.live
    best = max(row["val_accuracy"] for row in records.metrics(run)[:epoch])
    assert f"{best:.1%}" in now.evidence


FALLS, OVERCONFIDENT = "validation accuracy falls", "new images does not fall"


def test_of_few_images_it_is_not_said_to_forget_what_makes_a_digit(trained: Trained) -> None:
    """Two hundred images: it reads the others worse, but better and better."""
    run = trained(RunConfig(training_images=200, epochs=30))
    accuracies = [row["val_accuracy"] for row in records.metrics(run)]
    assert accuracies[-1] > accuracies[2] > accuracies[0]
    assert set(ever(run)) == {"overfitting"}
    for epoch in range(1, 31):
        assert not any(FALLS in advice.verdict for advice in at(run, epoch))
    assert "clearly higher on the training images" in only(run).verdict


def test_a_loss_that_rises_while_the_accuracy_does_not_fall_is_overconfidence(trained: Trained) -> None:
    run = trained(SICK["good-enough"])
    rows = records.metrics(run)
    said = {epoch: {advice.topic: advice for advice in at(run, epoch)} for epoch in range(1, len(rows) + 1)}
    overconfident = [epoch for epoch, topics in said.items() if "overconfident" in topics]
    assert overconfident
    for epoch in overconfident:
        losses, accuracies = ([row[name] for row in rows[:epoch]] for name in ("val_loss", "val_accuracy"))
        best = losses.index(min(losses))
        assert losses[-1] > losses[best]
        assert accuracies[-1] > max(accuracies) - 0.025  # no fewer, but for chance
        advice = said[epoch]["overconfident"]
        assert OVERCONFIDENT in advice.verdict
        assert f"from {accuracies[best]:.1%} to {accuracies[-1]:.1%}" in advice.evidence


def test_who_reads_fewer_images_right_than_before_is_told_so() -> None:
    def row(epoch: int, accuracy: float) -> dict[str, Any]:
        loss = 0.5 / epoch
        return {
            "epoch": epoch, "steps": 25, "loss": loss, "accuracy": 0.9 + epoch / 100,
            "val_loss": 0.3 + epoch / 20, "val_accuracy": accuracy,
        }  # fmt: skip

    falls = [row(epoch, 0.95 - epoch / 100) for epoch in range(1, 9)]
    (advice,) = advise(RunConfig(epochs=8), falls, [])
    assert advice.topic == "overfitting"
    assert FALLS in advice.verdict
    assert "The validation accuracy was 94.0% after epoch 1, and is 87.0% now." in advice.evidence
    # What is within chance, from 40 images, is no fall.
    (advice,) = advise(RunConfig(epochs=8, training_images=200), falls, [])
    assert advice.topic == "overconfident"


def test_who_follows_it_is_less_sure_of_mistakes(trained: Trained) -> None:
    run = trained(SICK["good-enough"])
    advice = ever(run)["overconfident"]
    assert results.load(trained(cured(records.config(run), advice))).loss < results.load(run).loss


def test_the_evidence_is_the_runs_own_numbers(trained: Trained) -> None:
    run = trained(SICK["overfitting"])
    last = records.metrics(run)[-1]
    evidence = only(run).evidence
    assert f"{last['accuracy']:.1%}" in evidence
    assert f"{last['val_accuracy']:.1%}" in evidence
    run = trained(SICK["dead-units"])
    assert f"{records.layers(run)[-1]['layers']['dense_1']['dead']:.0%} of the units" in only(run).evidence


# ---------------------------------------------------------------------------------- following it


def accuracy(run: Path) -> float:
    return run_folder.status(run).test_accuracy or 0.0


@pytest.mark.parametrize("name", ["overfitting", "underfitting", "diverged", "too-low", "plateau"])
def test_who_follows_it_gets_a_better_network(trained: Trained, name: str) -> None:
    config = SICK[name]
    advice = only(trained(config))
    better = trained(cured(config, advice))
    assert accuracy(better) > accuracy(trained(config)) + 0.005


def test_what_killed_the_units_does_not_do_it_again(trained: Trained) -> None:
    config = SICK["dead-units"]
    better = trained(cured(config, only(trained(config))))
    assert records.layers(better)[-1]["layers"]["dense_1"]["dead"] < 0.2
    assert adviser.about(better) == []


def test_step_by_step_it_leads_out_of_a_rate_that_is_far_too_high(trained: Trained) -> None:
    config = SICK["too-high"]
    rates = [config.learning_rate]
    while advice := adviser.about(trained(config)):
        config = cured(config, advice[0])
        rates.append(config.learning_rate)
    assert rates == [0.5, 0.05, 0.005]
    assert accuracy(trained(config)) > 0.9


# --------------------------------------------------------------------------------------- healthy


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "tutorial-cnn"])
def test_the_tutorials_networks_are_well(trained: Trained, preset: str) -> None:
    run = trained(PRESETS[preset])
    assert accuracy(run) == pytest.approx(tutorials.REACHED[preset]["mnist-5k"].accuracy, abs=0.05)
    said = ever(run) | {advice.topic: advice for advice in adviser.about(run)}
    # Ten epochs on 3,200 images: the accuracies do come apart.
    assert set(said) <= {"overfitting"}
    if "overfitting" in said:
        last = records.metrics(run)[-1]
        assert last["accuracy"] - last["val_accuracy"] > 0.04


@pytest.mark.parametrize(
    "config",
    [
        RunConfig(architecture="cnn", conv_blocks="8:5:max", dense_units=0, batch_size=32, epochs=4),
        RunConfig(batch_normalization=True, training_images=500, batch_size=32, epochs=4),
        RunConfig(learning_rate=0.005, learning_rate_schedule="one-cycle", epochs=6),
        RunConfig(kernel_initializer="zeros", activation="tanh", epochs=5, batch_size=64),
        RunConfig(training_images=1000, epochs=6, batch_size=32, validation_split=0.02),
    ],
    ids=["cnn", "batch-norm", "one-cycle", "zeros-tanh", "few-held-back"],
)
def test_what_looks_like_an_illness_need_not_be_one(trained: Trained, config: RunConfig) -> None:
    run = trained(config)
    assert ever(run) == {}
    assert adviser.about(run) == []


def test_nothing_is_said_of_a_run_that_has_just_begun(trained: Trained) -> None:
    for name in ("overfitting", "underfitting", "too-low", "good-enough", "plateau"):
        assert at(trained(SICK[name]), adviser.RECENT - 1) == []


# ----------------------------------------------------------------------------------- turned knobs


def turned(setting: str, epoch: int, before: float, after: float, by: str = "visitor") -> dict[str, Any]:
    return {"epoch": epoch, "setting": setting, "before": before, "after": after, "by": by}


def test_what_was_changed_is_to_show_first(trained: Trained) -> None:
    run = trained(SICK["overfitting"])
    config, rows = records.config(run), records.metrics(run)
    changes = [turned("dropout", 10, 0.0, 0.3)]
    assert advise(config, rows[:11], [], changes=changes, asked=config.but(dropout=0.3)) == []
    # It shows now, and is not enough.
    (advice,) = advise(config, rows[:12], [], changes=changes, asked=config.but(dropout=0.3))
    assert advice.change == {"dropout": 0.5}


def test_a_knob_that_waits_for_the_next_epoch_is_waited_for(trained: Trained) -> None:
    run = trained(SICK["too-low"])
    config, rows = records.config(run), records.metrics(run)
    assert advise(config, rows, [])
    assert advise(config, rows, [], asked=config.but(learning_rate=0.001)) == []


def test_a_rate_that_the_schedule_has_cut_is_no_news(trained: Trained) -> None:
    run = trained(SICK["too-low"])
    config, rows = records.config(run), records.metrics(run)
    cut = [turned("learning_rate", 4, 1e-5, 5e-6, by="plateau")]
    assert advise(config, rows, [], changes=cut) == advise(config, rows, [])


# ------------------------------------------------------------------------------------- its limits


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"dropout": 0.3}),
        ({"dropout": 0.3}, {"dropout": 0.5}),
        ({"dropout": 0.5}, {"rotation": 10.0}),
        ({"dropout": 0.9, "rotation": 10}, {"l2": 0.001}),
        # There is nowhere to drop anything.
        ({"dropout_place": "between"}, {"rotation": 10.0}),
        ({"architecture": "cnn", "dense_units": 0}, {"rotation": 10.0}),
        ({"training_images": 1000}, {"training_images": None}),
    ],
)
def test_there_is_another_cure_where_the_first_is_in_use(
    trained: Trained, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    rows = records.metrics(trained(SICK["overfitting"]))
    (advice,) = advise(RunConfig().but(**changes), rows, [], over=True)
    assert advice.change == expected


def test_where_all_cures_are_in_use_nothing_is_said(trained: Trained) -> None:
    rows = records.metrics(trained(SICK["overfitting"]))
    assert advise(RunConfig(dropout=0.5, rotation=20, l2=0.01), rows, [], over=True) == []


numbers = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
shares = st.floats(0, 1) | numbers
losses = st.floats(0, 5) | numbers


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows as a worker writes them, or with anything missing, or with anything in them."""
    kinds = {"loss": losses, "accuracy": shares, "val_loss": losses, "val_accuracy": shares, "steps": numbers}
    sane = draw(st.booleans())
    epochs = []
    for epoch in range(1, draw(st.integers(0, 15)) + 1):
        row: dict[str, Any] = {"epoch": epoch, "steps": 25}
        for name, kind in kinds.items():
            if sane and name != "steps":
                row[name] = draw(st.floats(0, 5 if "loss" in name else 1))
            elif not sane and draw(st.booleans()):
                row[name] = draw(kind)
        epochs.append(row)
    return epochs


layers = st.lists(
    st.fixed_dictionaries(
        {"epoch": st.just(1)},
        optional={
            "layers": st.none()
            | st.dictionaries(
                st.sampled_from(["dense_1", "conv_1", "other"]),
                st.none() | st.fixed_dictionaries({}, optional={"dead": shares}),
            )
        },
    ),
    max_size=2,
)
turns = st.lists(
    st.fixed_dictionaries(
        {"by": st.sampled_from(["visitor", "plateau"]), "epoch": st.integers(1, 9)},
        optional={"setting": st.sampled_from(["learning_rate", "dropout", "x"]), "after": numbers},
    ),
    max_size=3,
)
more = st.fixed_dictionaries(
    {},
    optional={
        "l2": st.sampled_from([0.0, 0.001, 0.1]),
        "kernel_initializer": st.sampled_from(["zeros", "he_normal"]),
        "learning_rate_schedule": st.sampled_from(
            ["constant", "exponential", "cosine", "one-cycle", "plateau"]
        ),
        "decay_rate": st.sampled_from([0.01, 0.5, 0.99]),
        "early_stopping_patience": st.integers(0, 9),
        "rotation": st.sampled_from([0, 10]),
        "dropout": st.sampled_from([0.0, 0.5, 0.9]),
    },
)


@given(configs, more, rows(), layers, turns, st.booleans(), st.booleans())
def test_whatever_the_rows_are_each_change_is_one_that_can_be_made(
    config: RunConfig,
    settings: dict[str, Any],
    epochs: list[dict[str, Any]],
    seen: list[dict[str, Any]],
    changes: list[dict[str, Any]],
    diverged: bool,
    over: bool,
) -> None:
    config = config.but(**settings)
    advised = advise(config, epochs, seen, changes=changes, diverged=diverged, over=over)
    shares = [row.get("val_accuracy") for row in epochs]
    for advice in advised:
        if FALLS in advice.verdict:
            assert min(share for share in shares[-3:] if share is not None) < max(
                share for share in shares if share is not None
            )
    assert len(advised) <= 3
    assert len({advice.topic for advice in advised}) == len(advised)
    keys = [key for advice in advised for key in advice.change]
    assert len(keys) == len(set(keys)), "two of them turn the same knob"
    for advice in advised:
        assert advice.stop == (not advice.change) == (advice.topic == "good-enough" and not over)
        for key, value in advice.change.items():
            assert getattr(config.but(**advice.change), key) == value
        assert advice.live <= (not over and set(advice.change) <= {"learning_rate", "dropout"})
        if not changes:
            assert all(value != getattr(config, key) for key, value in advice.change.items())


def test_the_table_names_every_rule() -> None:
    said = {rule.__name__.strip("_").replace("_", "-") for rule, _silences in adviser._RULES}
    assert all(f"\n{topic} " in (adviser.__doc__ or "") for topic in said)
    silenced = {topic for _rule, topics in adviser._RULES for topic in topics or ()}
    assert silenced <= said
