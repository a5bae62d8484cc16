"""What a run needs to go on exactly where it was: one file, replaced as a whole.

The arrays are the model's variables (weights, statistics, and the random generators of its dropout
layers), the optimizer's (its step count and moments), and the weights to go back to if the run ends
early; everything else is a few numbers, the `Progress`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from core.files import DAMAGED_ARCHIVE, read_npz, replacing
from core.i18n import _
from core.runs import runs

Array = NDArray[Any]


class DamagedCheckpoint(runs.CannotGoOn):
    """The checkpoint cannot be read, or belongs to another network."""


@dataclass
class Progress:
    """Where a run stands.

    Attributes:
        epoch: the epoch under way, from 1; one more than there are when all are done.
        step: the steps done in it.
        lost, right: over those steps, the sum of the images' losses and the images read right.
        seconds: spent on that epoch so far.
        learning_rate, dropout: as they are set now.
        cut: what plateaus have multiplied the learning rate by.
        best: the lowest loss after an epoch, on the validation images if there are any.
        best_epoch: the epoch of that loss; 0 before the first.
        waited: epochs since then.
        flat: epochs since then, or since the learning rate was cut.
        over: whether the training ended early, because the loss had stopped falling.
    """

    learning_rate: float
    dropout: float
    epoch: int = 1
    step: int = 0
    lost: float = 0.0
    right: int = 0
    seconds: float = 0.0
    cut: float = 1.0
    best: float | None = None
    best_epoch: int = 0
    waited: int = 0
    flat: int = 0
    over: bool = False


def save(path: Path, progress: Progress, model: keras.Model, best: Sequence[Array]) -> None:
    """Write everything to ``path``, an ``.npz`` file.

    Raises:
        OSError: it cannot be written; what was there before stays.
    """
    arrays: dict[str, Array] = {"progress": np.array(json.dumps(asdict(progress)))}
    for name, values in _groups(model, best).items():
        arrays |= {f"{name}_{number}": value for number, value in enumerate(values)}
    with replacing(path, durable=True) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)


def _groups(model: keras.Model, best: Sequence[Array]) -> dict[str, list[Array]]:
    return {
        "model": [variable.numpy() for variable in model.variables],
        "optimizer": [variable.numpy() for variable in model.optimizer.variables],
        "best": list(best),
    }


@dataclass
class Checkpoint:
    """A checkpoint that was read. See `Progress`, and `restore` for the arrays."""

    progress: Progress
    model: list[Array]
    optimizer: list[Array]
    best: list[Array]

    def restore(self, model: keras.Model) -> None:
        """Give the model and its optimizer their state back.

        Raises:
            DamagedCheckpoint: they are not the ones that it was saved from.
        """
        for values, variables in (
            (self.model, model.variables),
            (self.optimizer, model.optimizer.variables),
        ):
            if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
                raise DamagedCheckpoint(
                    _("The checkpoint belongs to another network, so the run cannot go on. Train anew.")
                )
            for value, variable in zip(values, variables, strict=True):
                variable.assign(value)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        DamagedCheckpoint: it is not there, cut short, or something else.
    """
    try:
        arrays = read_npz(path)
        progress = Progress(**json.loads(str(arrays["progress"])))
        groups = {
            name: [values for key, values in arrays.items() if key.rsplit("_", 1)[0] == name]
            for name in ("model", "optimizer", "best")
        }
    except (*DAMAGED_ARCHIVE, TypeError) as error:
        raise DamagedCheckpoint(
            _("The checkpoint is damaged, so the run cannot go on. Train anew with the same settings.")
        ) from error
    return Checkpoint(progress, **groups)
