"""The images of each training step. They depend only on the seed, the epoch and the step.

So a resumed run gets the same images as without the pause, without repeating earlier steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.config import RunConfig
from core.data.datasets import Dataset
from core.network import architectures as arch
from core.training import augmentation

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]


class Batches:
    """The training and validation images of a run.

    Attributes:
        steps: number of steps in an epoch; the last step may have fewer images.
        x_train, y_train: uint8 ``(n, *spec.image)`` and ``(n,)``.
        x_validation, y_validation: the same for validation; n is 0 without validation.
    """

    def __init__(self, config: RunConfig, dataset: Dataset) -> None:
        trained, validated = arch.split(config, len(dataset.x_train))
        self._config = config
        self._amounts = config.augmentation
        self.x_train, self.y_train = dataset.x_train[:trained], dataset.y_train[:trained]
        used = slice(trained, trained + validated)
        self.x_validation, self.y_validation = dataset.x_train[used], dataset.y_train[used]
        self.steps = arch.steps_per_epoch(config, len(dataset.x_train))
        self._epoch = 0
        self._order: NDArray[np.int64] = np.empty(0, np.int64)

    def take(self, epoch: int, step: int, steps: int) -> tuple[Images, Labels]:
        """Return the images of several steps, uint8 ``(n, *spec.image)``, and their labels, uint8 ``(n,)``.

        Args:
            epoch: from 1.
            step: the first step, from 0.
            steps: the number of steps. The augmentation is the same only for the same steps in one call.
        """
        if epoch != self._epoch:
            self._epoch, self._order = epoch, order(self._config.seed, epoch, len(self.x_train))
        size = self._config.batch_size
        rows = self._order[step * size : (step + steps) * size]
        images = self.x_train[rows]
        if self._amounts != augmentation.NONE:
            rng = np.random.default_rng([self._config.seed, epoch, step])
            images = augmentation.augment(images, self._amounts, rng)
        return images, self.y_train[rows]


def order(seed: int, epoch: int, images: int) -> NDArray[np.int64]:
    """The order of the training images in an epoch, which counts from 1: int64 ``(images,)``."""
    return np.random.default_rng([seed, epoch]).permutation(images)
