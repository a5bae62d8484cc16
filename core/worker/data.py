"""The images of each training step. They follow from the seed, the epoch and the step alone.

So a resumed run gets the same images as without the pause, and nothing has to be replayed.
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
    """What a run trains and validates on.

    Attributes:
        steps: steps in an epoch; the last one may have fewer images.
        x_validation, y_validation: uint8 ``(n, *spec.image)`` and ``(n,)``; n is 0 without validation.
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
        """The images of so many steps, one batch after the other, and their labels.

        Args:
            epoch: from 1.
            step: the first of them, from 0.
            steps: how many. To get the same augmented images again, take the same steps in one call.
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
    """In which order an epoch, counted from 1, goes through so many training images."""
    return np.random.default_rng([seed, epoch]).permutation(images)
