"""Why a drawing is read as it is: covering what matters changes the answer, and look-alikes look alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from core.data.datasets import Dataset
from core.evaluation import explain
from core.evaluation.explain import Neighbours
from core.network import predict
from core.network.predict import Predictor


@pytest.fixture(scope="module")
def predictor(mlp_run: Path) -> Predictor:
    return predict.load(mlp_run)


def test_ink_is_judged_where_there_is_ink_and_paper_where_there_is_paper(
    predictor: Predictor, mnist_5k: Dataset
) -> None:
    image = mnist_5k.x_test[0]
    evidence = explain.occlusion(predictor, image, int(mnist_5k.y_test[0]))
    for part in evidence:
        assert (part.shape, part.dtype) == ((28, 28), np.float32)
    assert not evidence.ink[image == 0].any()
    assert not evidence.paper[image > 0].any()
    assert evidence.ink.any()
    assert evidence.paper.any()


def test_a_pixel_s_value_is_the_mean_of_the_squares_that_cover_it(
    predictor: Predictor, mnist_5k: Dataset
) -> None:
    image, digit = mnist_5k.x_test[3], 2
    evidence = explain.occlusion(predictor, image, digit)
    y, x = np.argwhere(image == image.max())[0]

    def log(changed: np.ndarray) -> float:
        return float(np.log(max(predictor.probabilities(changed[None])[0, digit], 1e-6)))

    drops = []
    for top in range(-2, 28, explain.STRIDE):
        for left in range(-2, 28, explain.STRIDE):
            if top <= y < top + explain.PATCH and left <= x < left + explain.PATCH:
                covered = image.copy()
                covered[max(0, top) : top + explain.PATCH, max(0, left) : left + explain.PATCH] = 0
                drops.append(log(image) - log(covered))
    assert drops
    assert evidence.ink[y, x] == pytest.approx(np.mean(drops), abs=1e-3)


def test_taking_away_the_ink_that_speaks_for_the_answer_costs_more_than_other_ink(
    predictor: Predictor, mnist_5k: Dataset
) -> None:
    """On the whole: over many digits, not for each."""
    drops: dict[str, list[float]] = {"for": [], "others": []}
    for image in mnist_5k.x_test[:40]:
        before = predictor.probabilities(image[None])[0]
        digit = int(before.argmax())
        values = explain.occlusion(predictor, image, digit).ink
        order = np.argsort(values, axis=None)
        ink = order[np.isin(order, np.flatnonzero(image))]
        part = len(ink) // 4
        for name, pixels in (("for", ink[-part:]), ("others", ink[:part])):
            changed = image.copy()
            changed.flat[pixels] = 0
            drops[name].append(before[digit] - predictor.probabilities(changed[None])[0, digit])
    assert np.mean(drops["for"]) > np.mean(drops["others"]) + 0.1


def test_a_training_digit_is_its_own_nearest_neighbour(predictor: Predictor, mnist_5k: Dataset) -> None:
    images, labels = mnist_5k.x_train[:500], mnist_5k.y_train[:500]
    neighbours = Neighbours(predictor, images, labels)
    for index in (0, 77, 499):
        nearest, distances = neighbours.nearest(images[index], 5)
        assert nearest[0] == index
        assert distances[0] == pytest.approx(0, abs=1e-3)
        assert (np.diff(distances) >= 0).all()


def test_the_distances_are_those_of_the_last_hidden_layer(predictor: Predictor, mnist_5k: Dataset) -> None:
    images = mnist_5k.x_train[:100]
    order, distances = Neighbours(predictor, images, mnist_5k.y_train[:100]).nearest(mnist_5k.x_test[0], 100)
    layers = predictor.activations(np.concatenate([mnist_5k.x_test[:1], images]))
    hidden = layers[list(layers)[-2]].reshape(101, -1)
    expected = np.sqrt(((hidden[1:] - hidden[0]) ** 2).sum(axis=1))
    np.testing.assert_allclose(distances, np.sort(expected), rtol=1e-4, atol=1e-4)
    assert sorted(order) == list(range(100))


def test_neighbours_mostly_are_the_same_digit(predictor: Predictor, mnist_5k: Dataset) -> None:
    neighbours = Neighbours(predictor, mnist_5k.x_train[:2000], mnist_5k.y_train[:2000])
    same = [
        np.mean(neighbours.labels[neighbours.nearest(image, 5)[0]] == digit)
        for image, digit in zip(mnist_5k.x_test[:100], mnist_5k.y_test[:100], strict=True)
    ]
    assert np.mean(same) > 0.75


@pytest.mark.parametrize("shape", [(28, 28), (20, 31), (12, 9, 3)])
def test_a_look_is_the_blurred_image_of_scipy_at_half_the_size(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, *shape)).astype(np.uint8)
    blurred = ndimage.gaussian_filter(images / 255, (0, 1, 1, 0)[: images.ndim])[:, ::2, ::2]
    in_order = np.moveaxis(blurred.reshape(*blurred.shape[:3], -1), -1, 1).reshape(4, -1)
    looks = explain.looks(images)
    assert looks.dtype == np.float32
    np.testing.assert_allclose(looks, in_order, atol=1e-6)
