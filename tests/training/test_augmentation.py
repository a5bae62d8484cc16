"""Augmentation: SciPy's resampling is the oracle, and no change does more than it was allowed to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from core.config import Amounts
from core.data import datasets
from core.training.augmentation import (
    CHUNK,
    MOST,
    NONE,
    SIGMA,
    Changes,
    augment,
    coordinates,
    draw,
    inverses,
    resample,
    thicken,
)

DIGITS = datasets.load("mnist-5k").x_train
SIZE = (28, 28)
CENTRE = 13.5
MODERATE = Amounts(rotation=10, shift=2, zoom=0.1, shear=10, thickness=0.5, elastic=1)

amounts = st.builds(
    Amounts, *[st.just(0.0) | st.floats(0.01, 1).map(lambda share, most=most: share * most) for most in MOST]
)
seeds = st.integers(0, 2**32 - 1)


def some(seed: int, n: int = 20) -> NDArray[np.uint8]:
    """Digits picked at random."""
    return DIGITS[np.random.default_rng(seed).choice(len(DIGITS), n, replace=False)]


def drawn(n: int, amounts: Amounts, seed: int) -> Changes:
    return draw(n, amounts, np.random.default_rng(seed), SIZE)


def augmented(images: NDArray[np.uint8], amounts: Amounts, seed: int) -> NDArray[np.uint8]:
    return augment(images, amounts, np.random.default_rng(seed))


def small(seed: int) -> NDArray[np.uint8]:
    """20 digits of 0.7 times their size: none leaves the image by a little shift or zoom."""
    changes = drawn(20, NONE, 0)._replace(zoom=np.full(20, 0.7, np.float32))
    return np.rint(resample(some(seed), coordinates(changes, SIZE))).astype(np.uint8)


def ink(images: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float64]:
    """The sum of the grey levels of each image."""
    return images.sum(axis=(1, 2), dtype=float)


def mass(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The centre of mass of each image, (n, 2)."""
    return np.array([ndimage.center_of_mass(image) for image in images])


def spread(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How far the ink is from its centre of mass, as a root mean square."""
    squares = ((np.mgrid[:28, :28] - mass(images)[:, :, None, None]) ** 2).sum(axis=1)
    return np.sqrt((squares * images).sum(axis=(1, 2)) / ink(images))


def most_apart(image: NDArray[np.generic], other: NDArray[np.generic]) -> float:
    """The largest difference of two images in grey levels, 0 to 255."""
    return float(np.abs(image.astype(float) - other).max())


# The oracle


@given(amounts.map(lambda some: some._replace(thickness=0.0, elastic=0.0)), seeds)
@settings(max_examples=40)
def test_scipy_resamples_to_the_same_images(amounts: Amounts, seed: int) -> None:
    images = some(seed)
    changes = drawn(len(images), amounts, seed)
    changed = augmented(images, amounts, seed)
    for k, image in enumerate(images):
        back = inverses(changes)[:, :, k].astype(float)
        offset = CENTRE - back @ (CENTRE + changes.shift[:, k])
        # "grid-constant" goes on between the outermost pixels and the paper, as we do.
        wanted = ndimage.affine_transform(
            image.astype(float), back, offset, order=1, mode="grid-constant", cval=0
        )
        assert most_apart(changed[k], wanted) <= 1


@given(amounts, seeds)
@settings(max_examples=40)
def test_scipy_reads_the_same_at_any_places(amounts: Amounts, seed: int) -> None:
    images = some(seed)
    places = coordinates(drawn(len(images), amounts, seed), SIZE)
    resampled = resample(images, places)
    for k, image in enumerate(images):
        wanted = ndimage.map_coordinates(image.astype(float), places[:, k], order=1, mode="grid-constant")
        assert most_apart(resampled[k], wanted) < 0.01


@given(seeds, st.floats(-1, 1, width=32))
@settings(max_examples=40)
def test_scipy_thickens_to_the_same_images(seed: int, thickness: float) -> None:
    images = some(seed)
    thickened = thicken(images, np.full(len(images), thickness, np.float32))
    grey = ndimage.grey_dilation if thickness > 0 else ndimage.grey_erosion
    wholly = grey(images, (1, 3, 3), mode="constant", cval=0).astype(float)
    assert most_apart(thickened, images + abs(thickness) * (wholly - images)) < 0.01


def test_the_matrices_undo_a_zoom_then_a_slant_then_a_turn() -> None:
    changes = drawn(50, MOST, 0)
    for k in range(50):
        angle, slope, zoom = changes.rotation[k], changes.slope[k], changes.zoom[k]
        # In (row, column): the way from the top to the right is clockwise.
        turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        slanted = np.array([[1, 0], [slope, 1]])
        forwards = turned @ slanted * zoom
        np.testing.assert_allclose(inverses(changes)[:, :, k] @ forwards, np.eye(2), atol=1e-5)


def test_a_turn_is_clockwise_and_a_shift_goes_down_and_to_the_right() -> None:
    dot = np.zeros((1, 28, 28), np.uint8)
    dot[0, 4, 13:15] = 255  # straight above the centre
    changes = drawn(1, NONE, 0)
    turned = resample(dot, coordinates(changes._replace(rotation=np.full(1, np.pi / 2, np.float32)), SIZE))
    assert mass(turned)[0] == pytest.approx([13.5, 23], abs=0.01)
    shifted = resample(dot, coordinates(changes._replace(shift=np.array([[3], [-2]], np.float32)), SIZE))
    assert mass(shifted)[0] == pytest.approx([7, 11.5], abs=0.01)
    slanted = resample(dot, coordinates(changes._replace(slope=np.full(1, 0.4, np.float32)), SIZE))
    assert mass(slanted)[0] == pytest.approx([4, 13.5 - 9.5 * 0.4], abs=0.01)


def test_the_elastic_field_is_as_long_and_as_smooth_as_smoothed_noise() -> None:
    n = 800
    changes = drawn(n, NONE._replace(elastic=2.0), 0)
    moved = (coordinates(changes, SIZE) - np.mgrid[:28, :28][:, None]).reshape(2 * n, 28, 28)
    # 2 pixels is the root mean square of both axes, everywhere: also in the corners.
    np.testing.assert_allclose(np.sqrt((moved**2).mean(axis=0)), 2 / np.sqrt(2), rtol=0.1)
    noise = np.random.default_rng(0).normal(size=(n, 64, 64))
    smoothed = ndimage.gaussian_filter(noise, SIGMA, axes=(1, 2))[:, 18:46, 18:46]
    smoothed /= smoothed.std()
    ours = moved / moved.std()
    for lag in range(1, 12):
        for axis in (1, 2):
            correlation, expected = (
                (field * np.roll(field, -lag, axis)).take(range(28 - lag), axis).mean()
                for field in (ours, smoothed)
            )
            assert correlation == pytest.approx(expected, abs=0.05)


# What holds for any amounts


@given(amounts, seeds, st.integers(0, 5))
@settings(max_examples=50)
def test_shape_and_type_stay_and_the_images_are_not_touched(amounts: Amounts, seed: int, n: int) -> None:
    images = some(seed, n)
    before = images.copy()
    images.setflags(write=False)
    changed = augmented(images, amounts, seed)
    assert (changed.shape, changed.dtype) == (images.shape, np.uint8)
    np.testing.assert_array_equal(images, before)
    assert amounts == NONE or not np.shares_memory(changed, images)


@given(amounts, seeds)
@settings(max_examples=50)
def test_the_same_rng_gives_the_same_images(amounts: Amounts, seed: int) -> None:
    images = some(seed)
    np.testing.assert_array_equal(augmented(images, amounts, seed), augmented(images, amounts, seed))


@given(amounts.filter(lambda some: some != NONE), seeds)
@settings(max_examples=50)
def test_another_rng_and_the_next_call_give_other_images(amounts: Amounts, seed: int) -> None:
    images = some(seed)
    rng = np.random.default_rng(seed)
    first, second = augment(images, amounts, rng), augment(images, amounts, rng)
    other = augmented(images, amounts, seed + 1)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)


@given(seeds, st.sampled_from(Amounts._fields))
@settings(max_examples=30)
def test_the_other_changes_stay_where_one_amount_becomes_0(seed: int, name: str) -> None:
    before = drawn(4, MODERATE, seed)
    after = drawn(4, MODERATE._replace(**{name: 0.0}), seed)
    other = [
        field for field, old, new in zip(Changes._fields, before, after, strict=True)
        if not np.array_equal(old, new)
    ]  # fmt: skip
    assert other == [{"shear": "slope", "elastic": "bumps"}.get(name, name)]


def test_nothing_is_done_where_all_is_off() -> None:
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    assert augment(DIGITS, NONE, rng) is DIGITS
    assert rng.bit_generator.state == state


def test_the_least_amount_leaves_the_images_as_they_are() -> None:
    # They take the whole way through, and come out the same: nothing is off by a pixel or a level.
    np.testing.assert_array_equal(augmented(DIGITS, Amounts(*[1e-7] * 6), 0), DIGITS)


def test_the_chunks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    images = DIGITS[: 2 * CHUNK + 1]
    changed = augmented(images, MODERATE, 0)
    monkeypatch.setattr("core.training.augmentation.CHUNK", 100)
    np.testing.assert_array_equal(augmented(images, MODERATE, 0), changed)


# What each of them does


@given(st.floats(0.1, 3), seeds)
@settings(max_examples=30)
def test_a_shift_moves_the_centre_of_mass_by_no_more(shift: float, seed: int) -> None:
    images = small(seed)
    shifted = augmented(images, NONE._replace(shift=shift), seed)
    moved = mass(shifted) - mass(images)
    assert np.abs(moved).max() <= shift + 0.05  # rounding to grey levels
    changes = drawn(len(images), NONE._replace(shift=shift), seed)
    np.testing.assert_allclose(moved, changes.shift.T, atol=0.05)


@given(st.floats(0.02, 0.5), seeds)
@settings(max_examples=30)
def test_zoom_changes_the_extent_of_the_ink_by_its_factor(zoom: float, seed: int) -> None:
    images = small(seed)
    factors = drawn(20, NONE._replace(zoom=zoom), seed).zoom
    ratios = spread(augmented(images, NONE._replace(zoom=zoom), seed)) / spread(images)
    # A pixel of ink that is read between two pixels is spread over both.
    np.testing.assert_allclose(ratios, factors, rtol=0.1)
    clear = np.abs(factors - 1) > 0.05
    assert (np.sign(ratios - 1) == np.sign(factors - 1))[clear].all()


@given(st.floats(0.05, 1), seeds)
@settings(max_examples=30)
def test_thickness_gives_some_digits_more_ink_and_takes_it_from_others(thickness: float, seed: int) -> None:
    images = some(seed)
    by = drawn(20, NONE._replace(thickness=thickness), seed).thickness
    gained = ink(augmented(images, NONE._replace(thickness=thickness), seed)) - ink(images)
    clear = np.abs(by) > 0.02
    assert (np.sign(gained) == np.sign(by))[clear].all()


def test_all_of_the_range_of_an_amount_is_drawn_both_ways() -> None:
    changes = drawn(5000, MOST, 0)
    ranges = {
        "rotation": (np.radians(45), changes.rotation),
        "shift": (8, changes.shift),
        "zoom": (0.5, changes.zoom - 1),
        "slope": (np.tan(np.radians(30)), changes.slope),
        "thickness": (1, changes.thickness),
    }
    for name, (most, values) in ranges.items():
        assert -most * 1.0001 <= values.min() < -0.98 * most, name
        assert 0.98 * most < values.max() <= most * 1.0001, name
    assert abs(np.corrcoef(changes.shift)[0, 1]) < 0.05


@given(st.floats(1, 45), seeds)
@settings(max_examples=30)
def test_rotation_keeps_the_ink(rotation: float, seed: int) -> None:
    images = some(seed)
    np.testing.assert_allclose(
        ink(augmented(images, NONE._replace(rotation=rotation), seed)), ink(images), rtol=0.05
    )


# The warp makes some strokes longer and some shorter as well, so that ink says less of what is lost.
@pytest.mark.parametrize(("elastic", "least"), [(0, 0.85), (1, 0.6)])
@pytest.mark.parametrize("seed", range(2))
def test_moderate_amounts_leave_real_digits_in_the_image(seed: int, elastic: int, least: float) -> None:
    amounts = MODERATE._replace(elastic=elastic)
    changes = drawn(len(DIGITS), amounts, seed)
    changed = augmented(DIGITS, amounts, seed)
    assert changed.max(axis=(1, 2)).min() >= 64
    # Of the ink there would be if nothing left the image.
    share = ink(changed) / (ink(thicken(DIGITS, changes.thickness)) * changes.zoom**2)
    assert share.min() > least
    assert share.mean() == pytest.approx(1, abs=0.02)


# Other images


@given(amounts, seeds)
def test_each_colour_is_changed_as_an_image_by_itself(amounts: Amounts, seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (5, 20, 24, 3), np.uint8)
    changed = augmented(images, amounts, seed)
    for channel in range(3):
        alone = augmented(np.ascontiguousarray(images[..., channel]), amounts, seed)
        np.testing.assert_array_equal(changed[..., channel], alone)


@given(amounts, seeds)
def test_images_that_are_not_square_are_resampled_as_scipy_does(amounts: Amounts, seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (5, 20, 24), np.uint8)
    places = coordinates(draw(5, amounts, np.random.default_rng(seed), (20, 24)), (20, 24))
    for k, (image, resampled) in enumerate(zip(images, resample(images, places), strict=True)):
        wanted = ndimage.map_coordinates(image.astype(float), places[:, k], order=1, mode="grid-constant")
        np.testing.assert_allclose(resampled, wanted, atol=0.05)


# What is refused


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((28, 28), np.uint8), np.zeros((2, 28, 28), np.float32), np.zeros((2, 28, 28, 1, 1), np.uint8)],
)  # fmt: skip
@pytest.mark.parametrize("amounts", [NONE, MODERATE])
def test_what_are_no_images_is_refused_with_its_shape(wrong: NDArray[np.generic], amounts: Amounts) -> None:
    with pytest.raises(ValueError, match=r"shape \(n, height, width\).* but these are (uint8|float32) \(2"):
        augment(wrong, amounts, np.random.default_rng())


@pytest.mark.parametrize("name", Amounts._fields)
@pytest.mark.parametrize("excess", [-0.1, 0.1, float("nan"), float("inf")])
def test_an_amount_out_of_its_range_is_refused(name: str, excess: float) -> None:
    most = getattr(MOST, name)
    wrong = NONE._replace(**{name: most + excess if excess > 0 else excess})
    with pytest.raises(ValueError, match=f"amount of {name} must be from 0 to {most}, but it is"):
        augment(DIGITS[:1], wrong, np.random.default_rng())
