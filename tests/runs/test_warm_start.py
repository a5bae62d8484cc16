"""Teaching: a run goes on from another one with drawings, by the real worker, and what came of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.config import RunConfig
from core.data import datasets
from core.data.datasets import Dataset
from core.drawing.collection import Drawing
from core.evaluation import results
from core.jobs import finetune, run_queue
from core.network import predict
from core.runs import records, run_folder, warm_start
from core.runs.warm_start import DamagedLesson, Lesson
from core.settings import Settings
from core.worker.data import Batches
from tests.conftest import wait_for_end


def drawings(images: np.ndarray, labels: np.ndarray) -> list[Drawing]:
    return [Drawing(int(label), image) for image, label in zip(images, labels, strict=True)]


@pytest.fixture(scope="module")
def upside_down(mnist_5k: Dataset) -> list[Drawing]:
    """Digits that nobody could read without having been taught: upside down."""
    return drawings(mnist_5k.x_train[:120, ::-1], mnist_5k.y_train[:120])


@pytest.fixture(scope="module")
def taught(mlp_run: Path, upside_down: list[Drawing], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that the MLP became by 100 of them."""
    config, lesson = finetune.plan(mlp_run, upside_down[:100])
    run = run_queue.submit(config, Settings(runs=tmp_path_factory.mktemp("taught")), lesson)
    assert wait_for_end(run).state == "finished", (run / "log.txt").read_text()
    return run


def test_a_taught_run_reads_what_it_was_taught_and_others_like_it(
    mlp_run: Path, taught: Path, upside_down: list[Drawing]
) -> None:
    lesson = warm_start.read(taught)
    assert lesson is not None
    learned, others = finetune.divided(upside_down, lesson)
    assert (len(learned), len(others)) == (100, 20)
    score = finetune.score(mlp_run, taught, learned)
    assert score.of == 100
    assert score.after > score.before + 10
    answers = predict.load(taught).probabilities(np.stack([each.image for each in learned])).argmax(axis=1)
    assert score.after == np.sum(answers == [each.label for each in learned])


def test_it_begins_with_the_weights_of_the_run_before(mlp_run: Path, taught: Path) -> None:
    """Not better by chance: after three gentle epochs it still reads MNIST about as well."""
    assert results.load(taught).accuracy > results.load(mlp_run).accuracy - 0.05
    lesson = warm_start.read(taught)
    assert lesson is not None
    assert lesson.parent == mlp_run.name
    for layer, arrays in predict.load(mlp_run).weights.items():
        for name, values in arrays.items():
            np.testing.assert_array_equal(lesson.weights[layer][name], values)


def test_the_images_of_an_epoch_are_those_of_the_data_set_and_the_drawings(
    mlp_run: Path, taught: Path, mnist_5k: Dataset, tmp_path: Path
) -> None:
    for run in (mlp_run, taught):
        lesson, config = warm_start.read(run), records.config(run)
        batches = Batches(config, lesson.mixed(mnist_5k) if lesson else mnist_5k)
        assert warm_start.training_images(run) == len(batches.x_train)
    damaged = Path(shutil.copytree(taught, tmp_path / taught.name))
    (damaged / "lesson.npz").write_bytes(b"nothing")
    with pytest.raises(DamagedLesson):
        warm_start.training_images(damaged)


def test_the_run_before_stays_as_it_is(mlp_run: Path, taught: Path) -> None:
    assert taught.name != mlp_run.name
    assert not warm_start.has(mlp_run)
    assert warm_start.has(taught)


def test_what_was_forgotten_and_learned_adds_up(mlp_run: Path, taught: Path, mnist_5k: Dataset) -> None:
    changes = finetune.changed(mlp_run, taught, mnist_5k)
    was, now = results.load(mlp_run), results.load(taught)
    right = [int((evaluation.predictions == evaluation.labels).sum()) for evaluation in (was, now)]
    assert right[1] - right[0] == len(changes.learned) - len(changes.forgotten)
    assert (was.predictions[changes.forgotten] == was.labels[changes.forgotten]).all()
    assert (now.predictions[changes.forgotten] != now.labels[changes.forgotten]).all()
    assert (now.predictions[changes.learned] == now.labels[changes.learned]).all()


def test_on_another_test_set_both_runs_are_asked_again(
    mlp_run: Path, taught: Path, mnist_5k: Dataset
) -> None:
    other = Dataset("other", mnist_5k.x_train, mnist_5k.y_train, mnist_5k.x_test[:50], mnist_5k.y_test[:50])
    all_of_it, part = (finetune.changed(mlp_run, taught, data) for data in (mnist_5k, other))
    np.testing.assert_array_equal(part.forgotten, all_of_it.forgotten[all_of_it.forgotten < 50])
    np.testing.assert_array_equal(part.learned, all_of_it.learned[all_of_it.learned < 50])


@pytest.mark.parametrize(("number", "copies"), [(5, 40), (100, 17), (4_000, 1)])
def test_the_drawings_are_about_a_third_of_an_epoch_but_not_learned_by_heart(
    number: int, copies: int, mlp_run: Path, mnist_5k: Dataset
) -> None:
    some = drawings(mnist_5k.x_train[:number], mnist_5k.y_train[:number])
    config, lesson = finetune.plan(mlp_run, some)
    assert lesson.copies == copies
    assert config.training_images == copies * number + 4_000
    mixed = lesson.mixed(mnist_5k)
    assert len(mixed.x_train) == config.training_images
    np.testing.assert_array_equal(mixed.x_train[-4_000:], mnist_5k.x_train)
    np.testing.assert_array_equal(mixed.y_train[:number], [drawing.label for drawing in some])
    np.testing.assert_array_equal(mixed.x_test, mnist_5k.x_test)


def test_where_the_data_is_not_at_hand_the_embedded_one_is_replayed(
    mlp_run: Path, tmp_path: Path, no_mnist: Path, mnist_5k: Dataset
) -> None:
    run_folder.write_json(tmp_path / "config.json", RunConfig(dataset="mnist").model_dump(mode="json"))
    (tmp_path / "model.onnx").write_bytes((mlp_run / "model.onnx").read_bytes())
    config, _lesson = finetune.plan(tmp_path, drawings(mnist_5k.x_train[:9], mnist_5k.y_train[:9]))
    assert config.dataset == datasets.DEFAULT


def lesson(**changes: object) -> Lesson:
    values = {"images": np.zeros((2, 28, 28), np.uint8), "labels": np.array([1, 2], np.uint8), "copies": 3,
              "parent": "a", "weights": {"dense": {"kernel": np.ones((2, 3), np.float32)}}}  # fmt: skip
    return Lesson(**(values | changes))


def test_a_lesson_that_was_kept_is_read(tmp_path: Path) -> None:
    run_folder.write_json(tmp_path / "config.json", RunConfig().model_dump(mode="json"))
    warm_start.keep(tmp_path, lesson())
    kept = warm_start.read(tmp_path)
    assert kept is not None
    assert (kept.copies, kept.parent) == (3, "a")
    np.testing.assert_array_equal(kept.labels, [1, 2])
    np.testing.assert_array_equal(kept.weights["dense"]["kernel"], 1)


def test_a_run_without_a_lesson_has_none(tmp_path: Path) -> None:
    assert warm_start.read(tmp_path) is None


@pytest.mark.parametrize("size", [0, 10, 200])
def test_a_lesson_that_is_cut_short_is_damaged(tmp_path: Path, size: int) -> None:
    warm_start.keep(tmp_path, lesson())
    file = tmp_path / "lesson.npz"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(DamagedLesson, match="Start the training on drawings again"):
        warm_start.read(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"images": np.zeros((3, 28, 28), np.uint8)},
        {"labels": np.array([1, 10], np.uint8)},
        {"weights": {"dense": {"kernel/of": np.ones((2, 3), np.float32)}}},
        {"weights": {"dense": {"kernel": np.full((2, 3), np.nan, np.float32)}}},
    ],
)
def test_a_lesson_that_is_none_is_damaged(tmp_path: Path, changes: dict[str, object]) -> None:
    run_folder.write_json(tmp_path / "config.json", RunConfig().model_dump(mode="json"))
    warm_start.keep(tmp_path, lesson(**changes))
    with pytest.raises(DamagedLesson):
        warm_start.read(tmp_path)
