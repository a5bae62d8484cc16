"""The checkpoint: everything that a run needs to resume exactly, in one file.

The arrays are the variables of the model (weights, statistics, and the random generators of its dropout
layers), those of the optimizer (its step count and moments), and the weights that early stopping would
restore. The `Progress` has the remaining numbers. The name of an array consists of its group, its layer and
its variable: ``model/dense_1/kernel``, ``optimizer/dense_1_kernel_momentum``, ``best/dense_1/kernel``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from core.files import DAMAGED_ARCHIVE, read_npz, replacing
from core.network.onnx_graph import Weights, flatten, unflatten
from core.runs import run_folder
from core.worker import keras_model

Array = NDArray[Any]


class DamagedCheckpoint(run_folder.CannotGoOn):
    """The checkpoint cannot be read, or belongs to another network."""


@dataclass
class Progress:
    """The progress of a run.

    Attributes:
        epoch: the current epoch, from 1; after the last epoch, the number of epochs plus 1.
        step: number of steps done in the epoch.
        lost, right: the sum of the losses and the number of correct predictions, over these steps.
        seconds: the time that was spent on the epoch so far.
        learning_rate, dropout: the current values.
        cut: the factor by which plateaus have reduced the learning rate.
        best: the lowest loss after an epoch, on the validation images if there are any.
        best_epoch: the epoch of the lowest loss; 0 before the first.
        waited: epochs since the lowest loss.
        flat: epochs since the lowest loss, or since the last reduction of the learning rate.
        over: whether early stopping ended the training.
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


def save(path: Path, progress: Progress, model: keras.Model, best: Weights) -> None:
    """Write a checkpoint to ``path``, an ``.npz`` file.

    Args:
        best: the weights that early stopping would restore; empty if it would keep the last weights.

    Raises:
        OSError: the file cannot be written. An earlier file does not change.
    """
    arrays: dict[str, Array] = {"progress": np.array(json.dumps(asdict(progress)))}
    arrays |= {f"model/{name}": variable.numpy() for name, variable in _variables(model).items()}
    arrays |= {f"optimizer/{name}": variable.numpy() for name, variable in _state(model).items()}
    arrays |= {f"best/{name}": values for name, values in flatten(best).items()}
    with replacing(path, durable=True) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)


def _variables(model: keras.Model) -> dict[str, Any]:
    """The model's variables by layer and name, in Keras's order."""
    return {
        f"{layer.name}/{variable.name}": variable for layer in model.layers for variable in layer.variables
    }


def _state(model: keras.Model) -> dict[str, Any]:
    """The optimizer's variables by name, in Keras's order."""
    # Their names begin with the name of the model, which contains a count of the models in the process.
    return {variable.name.removeprefix(f"{model.name}_"): variable for variable in model.optimizer.variables}


@dataclass
class Checkpoint:
    """A checkpoint that was read. See `Progress`, and `restore` for the arrays."""

    progress: Progress
    model: dict[str, Array] = field(default_factory=dict)
    optimizer: dict[str, Array] = field(default_factory=dict)
    best: dict[str, Array] = field(default_factory=dict)

    def restore(self, model: keras.Model) -> Weights:
        """Restore the state of the model and of its optimizer.

        Returns:
            The weights that early stopping would restore; empty if it would keep the last weights.

        Raises:
            DamagedCheckpoint: the checkpoint belongs to another network or optimizer.
        """
        for arrays, variables in ((self.model, _variables(model)), (self.optimizer, _state(model))):
            for name, values in _matched(arrays, variables).items():
                variables[name].assign(values)
        return unflatten(_matched(self.best, flatten(keras_model.weights(model)))) if self.best else {}


def _matched(arrays: Mapping[str, Array], expected: Mapping[str, Any]) -> dict[str, Array]:
    """The arrays by the expected names. Raises DamagedCheckpoint if names or shapes do not match."""
    # Older checkpoints have the position of an array in Keras's order instead of its name.
    by_name = {name: arrays.get(name, arrays.get(str(place))) for place, name in enumerate(expected)}
    matched = {
        name: values
        for name, values in by_name.items()
        if values is not None and values.shape == tuple(expected[name].shape)
    }
    if not len(matched) == len(expected) == len(arrays):
        raise DamagedCheckpoint("checkpoint_of_another_network")
    return matched


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        DamagedCheckpoint: the file is missing, is incomplete, or is not a checkpoint.
    """
    try:
        arrays = read_npz(path)
        checkpoint = Checkpoint(Progress(**json.loads(str(arrays.pop("progress")))))
        groups = {"model": checkpoint.model, "optimizer": checkpoint.optimizer, "best": checkpoint.best}
        for key, values in arrays.items():
            group, name = re.split("[/_]", key, maxsplit=1)  # "_" in older checkpoints
            groups[group][name] = values
    except (*DAMAGED_ARCHIVE, TypeError) as error:
        raise DamagedCheckpoint("checkpoint_damaged") from error
    return checkpoint
