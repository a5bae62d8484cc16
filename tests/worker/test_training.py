"""What the worker's own loop computes, against plain Keras: `fit`, its callbacks, its schedules."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, regularizers
from keras.optimizers import schedules

from core.config import RunConfig
from core.data.datasets import Dataset
from core.failures import words
from core.jobs import run_queue
from core.runs import records, run_folder
from core.settings import Settings
from core.worker import keras_model, steps
from core.worker.data import Batches, order
from tests.conftest import Hired
from tests.support.inprocess import CALLS, SMALL, after, assert_same, meanwhile, trained, work

Rows = list[dict[str, Any]]
Rate = Callable[[int], float]  # by the steps done before

TINY = RunConfig(hidden_units=(8,), training_images=300, batch_size=32, epochs=3)


# ------------------------------------------------------------------------------------ Keras's numbers


class Rates(keras.callbacks.Callback):
    """Sets the learning rate of every step, as tutorials do it who train with a schedule."""

    def __init__(self, rate: Rate) -> None:
        super().__init__()
        self.rate, self.steps = rate, 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = self.rate(self.steps)
        self.steps += 1


def fit(
    model: keras.Model, config: RunConfig, data: Dataset, epochs: Iterable[int], rate: Rate | None = None
) -> Rows:
    """What Keras logs when `Model.fit` trains these epochs on the images in the worker's order."""
    used = min(len(data.x_train), config.training_images or len(data.x_train))
    trained = math.floor(used * (1 - config.validation_split))
    x = data.x_train[:used].astype("float32") / 255
    y = data.y_train[:used]
    if config.label_smoothing:
        y = keras.utils.to_categorical(y, 10)
    callbacks = [Rates(rate)] if rate else []
    logs: Rows = []
    for epoch in epochs:
        rows = order(config.seed, epoch, trained)
        history = model.fit(
            x[rows], y[rows], batch_size=config.batch_size, shuffle=False, initial_epoch=epoch - 1,
            epochs=epoch, validation_data=(x[trained:], y[trained:]), callbacks=callbacks, verbose=0,
        ).history  # fmt: skip
        logs.append({name: values[0] for name, values in history.items()})
    return logs


def assert_logged(run: Path, expected: Rows, first: int = 1) -> None:
    rows = records.metrics(run)[first - 1 :][: len(expected)]
    for row, logs in zip(rows, expected, strict=True):
        assert set(logs) == {"loss", "accuracy", "val_loss", "val_accuracy"}
        assert {name: row[name] for name in logs} == pytest.approx(logs, abs=1e-5)


def mlp(units: int, dropout: float = 0, **options: Any) -> keras.Model:
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(units, activation="relu", **options),
            *([layers.Dropout(dropout)] if dropout else []),
            layers.Dense(10, activation="softmax"),
        ]
    )


def compiled(model: keras.Model, optimizer: Any = "adam", smoothing: float = 0) -> keras.Model:
    loss = (
        keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
        if smoothing
        else "sparse_categorical_crossentropy"
    )
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def tutorial_mlp() -> keras.Model:
    """The network of the fixture `mlp_run`."""
    return mlp(32)


def tutorial_cnn() -> keras.Model:
    """The network of the fixture `cnn_run`."""
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.2),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.AveragePooling2D(2),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(16, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )


@pytest.mark.parametrize(("fixture", "by_hand"), [("mlp_run", tutorial_mlp), ("cnn_run", tutorial_cnn)])
def test_the_numbers_are_those_of_a_tutorial_in_keras(
    fixture: str, by_hand: Callable[[], keras.Model], request: pytest.FixtureRequest, mnist_5k: Dataset
) -> None:
    run: Path = request.getfixturevalue(fixture)
    config = records.config(run)
    keras.utils.set_random_seed(0)
    model = compiled(by_hand())
    assert_logged(run, fit(model, config, mnist_5k, range(1, config.epochs + 1)))
    x = mnist_5k.x_test.astype("float32") / 255
    loss, accuracy = model.evaluate(x, mnist_5k.y_test, verbose=0)
    status = run_folder.status(run)
    assert (status.test_loss, status.test_accuracy) == pytest.approx((loss, accuracy), abs=1e-5)


def strided() -> keras.Model:
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(
                3, 3, strides=2, activation="tanh",
                kernel_initializer="he_normal", kernel_regularizer=regularizers.L2(0.003),
            ),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip


def one_cycle(rate: float, warmup: float, total: int) -> Rate:
    """Up from a 25th as a cosine that runs backwards, and down as a cosine."""
    peak = warmup * total
    up = schedules.CosineDecay(1 - 1 / 25, peak)
    down = schedules.CosineDecay(1.0, total - peak)
    return lambda step: rate * float(1 - up(step) if step < peak else down(step - peak))


def decay(schedule: Any) -> Rate:
    return lambda step: float(schedule(step))


# The settings, the same network by hand, its optimizer, and the rate of each step; 8 steps an epoch.
KNOBS: dict[str, tuple[dict[str, Any], Callable[[], keras.Model], Any, Rate]] = {
    "SGD, L2 and exponential decay": (
        {"optimizer": "sgd", "learning_rate": 0.1, "l2": 0.01, "learning_rate_schedule": "exponential"},
        lambda: mlp(8, kernel_regularizer=regularizers.L2(0.01)),
        keras.optimizers.SGD,
        decay(schedules.ExponentialDecay(0.1, 8, 0.5)),
    ),
    "label smoothing and a cosine": (
        {"label_smoothing": 0.2, "learning_rate": 0.01, "learning_rate_schedule": "cosine"},
        lambda: mlp(8),
        keras.optimizers.Adam,
        decay(schedules.CosineDecay(0.01, 24)),
    ),
    "a strided CNN with L2, smoothing, AdamW and one cycle": (
        {
            "architecture": "cnn", "conv_blocks": "3:3:stride", "dense_units": 0, "activation": "tanh",
            "kernel_initializer": "he_normal", "l2": 0.003, "label_smoothing": 0.1, "optimizer": "adamw",
            "learning_rate": 0.02, "learning_rate_schedule": "one-cycle", "warmup": 0.4,
        },
        strided,
        keras.optimizers.AdamW,
        one_cycle(0.02, 0.4, 24),
    ),
}  # fmt: skip


@pytest.mark.parametrize("knobs", KNOBS)
def test_every_knob_does_what_it_does_in_keras(knobs: str, tmp_path: Path, mnist_5k: Dataset) -> None:
    values, by_hand, optimizer, rate = KNOBS[knobs]
    config = RunConfig.read(TINY.model_dump() | values)
    run = trained(tmp_path, config)
    keras.utils.set_random_seed(0)
    model = compiled(by_hand(), optimizer(learning_rate=rate(0)), config.label_smoothing)
    assert_logged(run, fit(model, config, mnist_5k, (1, 2, 3), rate))
    rates = [row["learning_rate"] for row in records.metrics(run)]
    assert rates == pytest.approx([rate(8 * epoch - 1) for epoch in (1, 2, 3)], rel=1e-4)


def test_every_epoch_goes_through_all_images_in_another_order() -> None:
    orders = [order(0, epoch, 1000) for epoch in (1, 2)] + [order(1, 1, 1000)]
    for images in orders:
        assert sorted(images) == list(range(1000))
    assert all((a != b).mean() > 0.9 for a, b in zip(orders, orders[1:] + orders[:1], strict=True))


def test_the_batches_are_the_ordered_images_wherever_one_begins(mnist_5k: Dataset) -> None:
    batches = Batches(TINY, mnist_5k)
    rows = order(0, 2, 240)
    assert (batches.steps, len(batches.x_train), len(batches.x_validation)) == (8, 240, 60)
    for step, many in ((0, 8), (5, 3), (7, 1), (2, 2)):
        images, labels = batches.take(2, step, many)
        chosen = rows[step * 32 : (step + many) * 32]
        assert (images == mnist_5k.x_train[chosen]).all()
        assert (labels == mnist_5k.y_train[chosen]).all()
    turned = Batches(TINY.but(rotation=20), mnist_5k)
    assert (turned.take(2, 3, 2)[0] == turned.take(2, 3, 2)[0]).all()
    assert (turned.take(2, 3, 2)[0] != batches.take(2, 3, 2)[0]).any()
    assert (turned.take(2, 3, 2)[0] != turned.take(3, 3, 2)[0]).any()


# ---------------------------------------------------------------------------- knobs that are turned


class Turned:
    """The rate was turned within the first of four epochs, the dropout, which was off, in the second."""

    config = SMALL.but(epochs=4)

    def __init__(self, root: Path) -> None:
        self.run = run_folder.create(root, self.config)
        work(self.run, meanwhile(*self.turns(self.run)))

    @staticmethod
    def turns(run: Path) -> list[tuple[int, Callable[[], object]]]:
        return [
            (1, lambda: run_queue.steer(run, learning_rate=0.01)),
            (CALLS + 1, lambda: run_queue.steer(run, dropout=0.5)),
        ]


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Turned:
    return Turned(tmp_path_factory.mktemp("turned"))


def test_a_turned_knob_is_marked_and_takes_effect_from_the_next_epoch(turned: Turned) -> None:
    assert records.changes(turned.run) == [
        {"epoch": 2, "setting": "learning_rate", "before": 0.001, "after": 0.01, "by": "visitor"},
        {"epoch": 3, "setting": "dropout", "before": 0.0, "after": 0.5, "by": "visitor"},
    ]
    rows = records.metrics(turned.run)
    assert [row["learning_rate"] for row in rows] == pytest.approx([0.001, 0.01, 0.01, 0.01])
    assert [row["dropout"] for row in rows] == [0, 0, 0.5, 0.5]
    # The settings that it began with are what they were.
    assert records.config(turned.run) == turned.config
    assert records.plan(turned.run) == turned.config.but(learning_rate=0.01, dropout=0.5)


def test_a_run_whose_knobs_were_turned_has_keras_s_numbers(turned: Turned, mnist_5k: Dataset) -> None:
    keras.utils.set_random_seed(0)
    model = compiled(mlp(8))
    expected = fit(model, turned.config, mnist_5k, [1])
    model.optimizer.learning_rate = 0.01
    assert_logged(turned.run, expected + fit(model, turned.config, mnist_5k, [2]))

    # The same weights and moments in a network that drops out; its generator begins anew.
    keras.utils.set_random_seed(3)
    dropping = compiled(mlp(8, dropout=0.5))
    dropping.set_weights(model.get_weights())
    dropping.optimizer.build(dropping.trainable_variables)
    for new, old in zip(dropping.optimizer.variables, model.optimizer.variables, strict=True):
        new.assign(old)
    assert_logged(turned.run, fit(dropping, turned.config, mnist_5k, [3, 4]), first=3)


def test_a_turned_knob_survives_pauses_before_and_after_it_takes_effect(
    turned: Turned, tmp_path: Path
) -> None:
    run = run_folder.create(tmp_path, turned.config)
    assert work(run, meanwhile(*turned.turns(run), then=after(CALLS + 2))).state == "paused"
    assert [row["setting"] for row in records.changes(run)] == ["learning_rate"]
    assert work(run, after(2)).state == "paused"
    assert work(run).state == "finished"
    assert_same(run, turned.run)


# ---------------------------------------------------------------------------- when the loss stands still

# A rate so large that the loss goes up and down.
RESTLESS = TINY.but(
    optimizer="sgd", learning_rate=1.0, learning_rate_schedule="plateau", plateau_patience=2,
    early_stopping_patience=5, epochs=60,
)  # fmt: skip


@pytest.fixture(scope="module")
def restless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("restless"), RESTLESS)


def val_losses(run: Path) -> list[float]:
    return [row["val_loss"] for row in records.metrics(run)]


def test_a_run_ends_early_where_keras_would_end_it(restless: Path) -> None:
    model = compiled(mlp(1))
    watching = keras.callbacks.EarlyStopping("val_loss", min_delta=1e-4, patience=5)
    watching.set_model(model)
    watching.on_train_begin()
    losses = val_losses(restless)
    for epoch, loss in enumerate(losses):
        assert not model.stop_training
        watching.on_epoch_end(epoch, {"val_loss": loss})
    assert model.stop_training
    status = run_folder.status(restless)
    assert 5 < len(losses) < RESTLESS.epochs
    assert (status.stopped_early, status.epoch) == (True, len(losses))
    assert status.best_epoch == watching.best_epoch + 1 == len(losses) - 5


def test_a_run_that_ended_early_takes_back_its_best_epochs_weights(restless: Path, mnist_5k: Dataset) -> None:
    model = keras.saving.load_model(restless / "model.keras")
    status = run_folder.status(restless)
    with np.load(restless / "epochs" / f"{status.best_epoch:04d}.npz") as best:
        for name in ("dense_1", "output"):
            assert (np.asarray(model.get_layer(name).kernel) == best[f"{name}/kernel"]).all()
    x = mnist_5k.x_test.astype("float32") / 255
    assert status.test_loss == pytest.approx(model.evaluate(x, mnist_5k.y_test, verbose=0)[0], abs=1e-5)


def test_the_rate_is_cut_where_keras_would_cut_it(restless: Path) -> None:
    model = compiled(mlp(1), keras.optimizers.SGD(learning_rate=1.0))
    watching = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=2, min_delta=1e-4)
    watching.set_model(model)
    watching.on_train_begin()
    expected, cuts = [], []
    for epoch, row in enumerate(records.metrics(restless), start=1):
        expected.append(float(model.optimizer.learning_rate))
        watching.on_epoch_end(epoch - 1, {"val_loss": row["val_loss"]})
        after_it = float(model.optimizer.learning_rate)
        if after_it != expected[-1]:
            cuts.append((epoch + 1, expected[-1], after_it))
    assert len(cuts) >= 2
    assert [row["learning_rate"] for row in records.metrics(restless)] == expected
    assert [(row["epoch"], row["before"], row["after"]) for row in records.changes(restless)] == cuts
    assert {(row["setting"], row["by"]) for row in records.changes(restless)} == {
        ("learning_rate", "plateau")
    }


def test_a_run_that_ended_early_can_have_more_epochs_and_patience_begins_anew(
    restless: Path, tmp_path: Path, hired: Hired
) -> None:
    run = copied(restless, tmp_path)
    before = val_losses(run)
    run_queue.resume(run, Settings(runs=tmp_path), epochs=len(before) + 3)
    assert run_folder.status(run).stopped_early is False
    hired.work()
    status = run_folder.status(run)
    assert (status.state, status.stopped_early, status.best_epoch) == ("finished", False, 0)
    assert val_losses(run)[: len(before)] == before
    assert len(val_losses(run)) == len(before) + 3


def test_a_run_that_ended_early_and_was_lost_before_its_evaluation_is_not_trained_on(
    restless: Path, tmp_path: Path, hired: Hired
) -> None:
    run = copied(restless, tmp_path)
    lost = run_folder.status(run).model_copy(
        update={"state": "running", "phase": "evaluating", "test_loss": None, "ended": 0}
    )
    run_folder.write_status(run, lost)
    (run / "model.onnx").unlink()
    assert run_folder.status(run).state == "interrupted"
    run_queue.resume(run, Settings(runs=tmp_path))
    hired.work()
    assert_same(run, restless)
    status = run_folder.status(run)
    assert (status.state, status.stopped_early) == ("finished", True)
    assert status.test_loss == run_folder.status(restless).test_loss


def copied(run: Path, folder: Path) -> Path:
    return Path(shutil.copytree(run, folder / run.name))


def test_a_run_can_end_early_and_keep_its_last_weights(restless: Path, tmp_path: Path) -> None:
    run = trained(tmp_path, RESTLESS.but(restore_best_weights=False))
    assert val_losses(run) == val_losses(restless)
    status = run_folder.status(run)
    assert (status.stopped_early, status.best_epoch) == (True, 0)
    model = keras.saving.load_model(run / "model.keras")
    with np.load(run / "epochs" / f"{status.epoch:04d}.npz") as last:
        assert (np.asarray(model.get_layer("output").kernel) == last["output/kernel"]).all()


# --------------------------------------------------------------------------- a loss that is no number

DIVERGING = SMALL.but(hidden_units=(64, 64, 64, 64), activation="elu", optimizer="sgd", epochs=2)
MUCH = 10.0  # the largest learning rate there is, which this network does not stand


def test_a_run_that_diverges_within_an_epoch_says_so_and_a_smaller_rate_mends_it(
    tmp_path: Path, hired: Hired
) -> None:
    run = run_folder.create(tmp_path, DIVERGING)
    assert work(run, after(CALLS + 1)).state == "paused"
    rewrite(run, learning_rate=MUCH)
    run_queue.resume(run, Settings(runs=tmp_path))
    hired.work()
    status = run_folder.status(run)
    assert (status.state, status.diverged, status.epoch) == ("failed", True, 2)
    assert words(status.failure) == (
        "The loss became infinite or NaN in epoch 2, step 32, because the updates of the weights were too "
        "large. Try a learning rate ten times smaller."
    )
    assert not run_folder.has_model(run)
    assert [row["epoch"] for row in records.metrics(run)] == [1]

    # Its checkpoint is from within that epoch, and does not make it diverge again.
    run_queue.steer(run, learning_rate=0.002)
    run_queue.resume(run, Settings(runs=tmp_path))
    assert run_folder.status(run).failure is None
    hired.work()
    status = run_folder.status(run)
    assert (status.state, status.diverged, status.failure) == ("finished", False, None)
    assert records.changes(run) == [
        {"epoch": 2, "setting": "learning_rate", "before": MUCH, "after": 0.002, "by": "visitor"}
    ]
    assert [row["learning_rate"] for row in records.metrics(run)] == pytest.approx([0.001, 0.002])


def rewrite(run: Path, **progress: float) -> None:
    """Change what a checkpoint says of the progress."""
    with np.load(run / "checkpoint.npz") as arrays:
        contents = dict(arrays)
    contents["progress"] = np.array(json.dumps(json.loads(str(contents["progress"])) | progress))
    np.savez(run / "checkpoint.npz", allow_pickle=False, **contents)


def test_a_run_that_diverges_at_once_can_begin_anew_with_a_smaller_rate(tmp_path: Path, hired: Hired) -> None:
    run = run_folder.create(tmp_path, DIVERGING.but(learning_rate=10, epochs=1))
    assert work(run).diverged
    assert not run_folder.has_checkpoint(run)
    run_queue.steer(run, learning_rate=0.01)
    run_queue.resume(run, Settings(runs=tmp_path))
    hired.work()
    assert run_folder.status(run).state == "finished"


def test_weights_that_are_no_numbers_do_not_hide_behind_a_finite_loss() -> None:
    """Keras clips the probabilities, and its ReLU may make 0 of what is no number."""
    model = mlp(4)
    keras_model.compile_model(model, TINY)
    train = steps.training(model, batch_size=4)
    images, labels = np.zeros((4, 28, 28), np.uint8), np.zeros(4, np.uint8)
    assert np.isfinite(train(images, labels, np.zeros(1, np.float32))[0])
    kernel = model.layers[1].kernel
    for broken in (math.nan, math.inf):
        values = np.zeros(kernel.shape, np.float32)
        values[0, 0] = broken
        kernel.assign(values)
        assert np.isnan(train(images, labels, np.zeros(1, np.float32))[0])


# ----------------------------------------------------------------------------- what else is kept


def test_what_is_seen_of_the_layers_is_there_after_every_epoch(turned: Turned) -> None:
    rows = records.layers(turned.run)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    for row in rows:
        assert list(row["layers"]) == ["dense_1", "output"]
        for name, size in (("dense_1", 784 * 8), ("output", 80)):
            for kind in ("weights", "gradients"):
                histogram = row["layers"][name][kind]
                assert histogram["low"] < histogram["high"]
                assert sum(histogram["counts"]) == size
        assert 0 <= row["layers"]["dense_1"]["dead"] <= 1
        assert row["layers"]["output"]["dead"] is None
