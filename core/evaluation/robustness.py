"""Robustness: the accuracy on digits that are rotated, shifted, scaled, thick, noisy or faint.

``python -m core.evaluation.robustness RUN`` measures a run in the background. It saves each result in the
run's directory at once, so that a page can follow the progress.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from core.data import datasets
from core.failures import Failure
from core.i18n import _
from core.network import predict
from core.network.predict import Predictor
from core.runs import records, run_folder
from core.runs.sidecar import Sidecar
from core.training import augmentation

IMAGES = 2_000  # maximum number of test digits
_SEED = 0  # for choosing the digits and for the noise; the same for all runs, so that they can be compared
_LOCK = "robustness.lock"
_PATIENCE = 0.5  # seconds to wait for the lock; a process that only tests the lock has it for a shorter time

Images = NDArray[np.uint8]

# The kinds of change, with their levels.
LEVELS: dict[str, tuple[float, ...]] = {
    "rotation": (-60, -45, -30, -15, 0, 15, 30, 45, 60),  # degrees, clockwise
    "shift": (-8, -6, -4, -2, 0, 2, 4, 6, 8),  # pixels to the right
    "scale": (0.5, 0.6, 0.75, 0.9, 1, 1.1, 1.25, 1.4),
    "thickness": (-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1),  # pixels
    "noise": (0, 0.1, 0.2, 0.3, 0.4, 0.5),  # standard deviation, as a share of full ink
    "contrast": (0.1, 0.2, 0.35, 0.5, 0.75, 1),  # the remaining share of the ink
}
# The level at which the digits do not change.
UNCHANGED = {"rotation": 0, "shift": 0, "scale": 1, "thickness": 0, "noise": 0, "contrast": 1}
_STEPS = sum(map(len, LEVELS.values()))


def _within_levels(accuracy: dict[str, list[float]]) -> dict[str, list[float]]:
    if any(len(values) > len(LEVELS.get(kind, ())) for kind, values in accuracy.items()):
        raise ValueError("There are more accuracies than levels.")
    return accuracy


class Robustness(Sidecar):
    """The results of a measurement, which may still continue.

    Attributes:
        images: the number of digits.
        accuracy: by the kind of change, the accuracy at each level of `LEVELS`, 0 to 1. While the measurement
            continues, levels are missing.
    """

    FILE = "robustness.json"

    images: int = Field(ge=1, le=IMAGES)
    accuracy: Annotated[dict[str, list[Annotated[float, Field(ge=0, le=1)]]], AfterValidator(_within_levels)]

    @property
    def done(self) -> float:
        """The progress of the measurement, 0 to 1."""
        return sum(map(len, self.accuracy.values())) / _STEPS


class NotMeasured(Sidecar):
    """Why the last measurement of the run failed. The page that waits for the results shows the reason."""

    FILE = "unmeasured.json"

    failure: Failure


def is_measuring(run: Path) -> bool:
    """Whether a process is measuring the run."""
    return run_folder.is_held(run / _LOCK)


def measure(run: Path) -> Robustness:
    """Measure a run. The results are saved after each level. If the measurement fails, the reason is saved.

    Raises:
        NotTrained, UnknownRun: the run has no model, or cannot be read.
        DatasetMissing: the test digits are missing.
        OSError: the run's folder cannot be written to.
        Timeout: another process is measuring the run.
    """
    # The reason is saved before the lock is free, because the page reads it then.
    with FileLock(run / _LOCK).acquire(timeout=_PATIENCE):
        try:
            (run / NotMeasured.FILE).unlink(missing_ok=True)
            return _measured(run)
        except Exception as error:
            with suppress(OSError):
                NotMeasured(failure=Failure.from_exception(error)).keep(run)
            raise


def _measured(run: Path) -> Robustness:
    predictor = predict.load(run, threads=0)
    dataset = datasets.load(records.config(run).dataset)
    some = np.random.default_rng(_SEED).permutation(len(dataset.y_test))[:IMAGES]
    measured = Robustness(images=len(some), accuracy={})
    for measured in accuracies(predictor, dataset.x_test[some], dataset.y_test[some]):
        measured.keep(run)
    return measured


def accuracies(predictor: Predictor, images: Images, labels: NDArray[np.uint8]) -> Iterator[Robustness]:
    """Compute the accuracies. Yields the results after each level.

    Args:
        images: uint8 ``(n, *spec.image)``.
        labels: uint8 ``(n,)``.
    """

    def right(some: Images) -> float:
        return float(np.mean(predictor.logits(some).argmax(axis=1) == labels))

    as_they_are = right(images)
    accuracy: dict[str, list[float]] = {}
    for kind, levels in LEVELS.items():
        accuracy[kind] = []
        for level in levels:
            is_same = level == UNCHANGED[kind]
            accuracy[kind].append(as_they_are if is_same else right(changed(images, kind, level)))
            yield Robustness(images=len(labels), accuracy=accuracy)


def changed(images: Images, kind: str, level: float) -> Images:
    """Change digits.

    Args:
        images: uint8 ``(n, *spec.image)``. The array is not changed.
        kind: a key of `LEVELS`.
        level: the amount, in the unit of this kind.
    """
    return _CHANGES[kind](images, level)


def _moved(images: Images, **by: NDArray[np.float32] | float) -> Images:
    """Move all digits in the same way, with `core.training.augmentation`."""
    size = images.shape[1:3]
    still = augmentation.draw(len(images), augmentation.NONE, np.random.default_rng(_SEED), size)
    wanted = {name: np.full_like(getattr(still, name), value) for name, value in by.items()}
    changes = still._replace(**wanted)
    moved = np.empty_like(images)
    for start in range(0, len(images), augmentation.CHUNK):
        some = slice(start, start + augmentation.CHUNK)
        moved[some] = np.rint(
            augmentation.resample(images[some], augmentation.coordinates(changes.part(some), size))
        )
    return moved


def _thickened(images: Images, pixels: float) -> Images:
    thickness = np.full(len(images), pixels, np.float32)
    return np.rint(augmentation.thicken(images, thickness)).astype(np.uint8)


def _noisy(images: Images, deviation: float) -> Images:
    noise = np.random.default_rng(_SEED).normal(0, 255 * deviation, images.shape)
    return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)


_CHANGES: dict[str, Callable[[Images, float], Images]] = {
    "rotation": lambda images, degrees: _moved(images, rotation=math.radians(degrees)),
    "shift": lambda images, pixels: _moved(images, shift=np.array([[0], [pixels]], np.float32)),
    "scale": lambda images, factor: _moved(images, zoom=factor),
    "thickness": _thickened,
    "noise": _noisy,
    "contrast": lambda images, share: np.rint(images * share).astype(np.uint8),
}


def main() -> int:
    try:
        measure(Path(sys.argv[1]))
    except Timeout:
        return 0
    except (LookupError, ValueError, OSError) as error:
        sys.stderr.write(_("The robustness could not be measured: {reason}\n").format(reason=error))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
