"""The network after each epoch: the last one is the trained one, and what is damaged is said to be."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.data import datasets
from core.network import predict
from core.runs import epoch_weights, records


@pytest.mark.parametrize("run", ["mlp_run", "cnn_run"])
def test_after_the_last_epoch_it_is_the_trained_network(
    run: str, request: pytest.FixtureRequest, mnist_5k: datasets.Dataset
) -> None:
    folder = request.getfixturevalue(run)
    kept = epoch_weights.kept(folder)
    assert kept == list(range(1, records.config(folder).epochs + 1))
    images = mnist_5k.x_test[:100]
    trained = predict.load(folder).logits(images)
    np.testing.assert_allclose(epoch_weights.predictor(folder, kept[-1]).logits(images), trained, atol=1e-4)
    assert not np.allclose(epoch_weights.predictor(folder, kept[0]).logits(images), trained, atol=0.1)


def test_it_gets_better_from_the_first_epoch_to_the_last(mlp_run: Path, mnist_5k: datasets.Dataset) -> None:
    logged = [row["val_accuracy"] for row in records.metrics(mlp_run)]
    right = [
        np.mean(
            epoch_weights.predictor(mlp_run, epoch).logits(mnist_5k.x_test).argmax(axis=1) == mnist_5k.y_test
        )
        for epoch in epoch_weights.kept(mlp_run)
    ]
    np.testing.assert_allclose(right, logged, atol=0.05)  # other digits, the same network


@pytest.mark.parametrize("damage", ["gone", "cut short", "no archive", "another network's"])
def test_weights_that_cannot_be_read_are_named(
    mlp_run: Path, cnn_run: Path, tmp_path: Path, damage: str
) -> None:
    run = tmp_path / mlp_run.name
    shutil.copytree(mlp_run, run)
    file = run / "epochs" / "0002.npz"
    match damage:
        case "gone":
            file.unlink()
        case "cut short":
            file.write_bytes(file.read_bytes()[:-5000])
        case "no archive":
            file.write_bytes(b"weights")
        case _:
            shutil.copy(cnn_run / "epochs" / "0002.npz", file)
    with pytest.raises(epoch_weights.EpochMissing, match=f"run {run.name} after epoch 2"):
        epoch_weights.predictor(run, 2)
    assert (2 in epoch_weights.kept(run)) == (damage != "gone")
    assert epoch_weights.kept(tmp_path / "nothing") == []


def test_the_course_of_a_digit_is_what_each_epoch_s_network_says(
    mlp_run: Path, mnist_5k: datasets.Dataset
) -> None:
    image = mnist_5k.x_test[3]
    asked, probabilities = epoch_weights.course(mlp_run, image)
    assert asked == [1, 2, 3]
    for epoch, answer in zip(asked, probabilities, strict=True):
        np.testing.assert_array_equal(
            answer, epoch_weights.predictor(mlp_run, epoch).probabilities(image[None])[0]
        )
    assert epoch_weights.course(mlp_run, image, most=2)[0] == [1, 3]
    assert epoch_weights.course(mlp_run, image, most=1)[0] == [3]
