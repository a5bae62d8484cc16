"""The checkpoint: all that a run needs to continue exactly where it was, in one file.

The arrays are the model's variables (weights, statistics, and the random generators of its dropout
layers), the optimizer's (its step count and moments), and the weights to go back to if the run ends
early; everything else is a few numbers, the `Progress`. An array is called after its group, its layer
and its variable: ``model/dense_1/kernel``, ``optimizer/dense_1_kernel_momentum``, ``best/dense_1/kernel``.
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


def save(path: Path, progress: Progress, model: keras.Model, best: Weights) -> None:
    """Write everything to ``path``, an ``.npz`` file.

    Args:
        best: the weights to go back to if the run ends early; none if it keeps its last ones.

    Raises:
        OSError: it cannot be written; what was there before stays.
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
    # Keras begins their names with the model's, in which it counts the models of a process.
    return {variable.name.removeprefix(f"{model.name}_"): variable for variable in model.optimizer.variables}


@dataclass
class Checkpoint:
    """A checkpoint that was read. See `Progress`, and `restore` for the arrays."""

    progress: Progress
    model: dict[str, Array] = field(default_factory=dict)
    optimizer: dict[str, Array] = field(default_factory=dict)
    best: dict[str, Array] = field(default_factory=dict)

    def restore(self, model: keras.Model) -> Weights:
        """Give the model and its optimizer their state back.

        Returns:
            The weights to go back to if the run ends early; none if it keeps its last ones.

        Raises:
            DamagedCheckpoint: they are not the ones that it was saved from.
        """
        for arrays, variables in ((self.model, _variables(model)), (self.optimizer, _state(model))):
            for name, values in _matched(arrays, variables).items():
                variables[name].assign(values)
        return unflatten(_matched(self.best, flatten(keras_model.weights(model)))) if self.best else {}


def _matched(arrays: Mapping[str, Array], expected: Mapping[str, Any]) -> dict[str, Array]:
    """The arrays that are expected, by name. Raises DamagedCheckpoint if these are others."""
    # Older checkpoints have each array's place in Keras's order instead of its name.
    found = {name: arrays.get(name, arrays.get(str(place))) for place, name in enumerate(expected)}
    matched = {
        name: values
        for name, values in found.items()
        if values is not None and values.shape == tuple(expected[name].shape)
    }
    if not len(matched) == len(expected) == len(arrays):
        raise DamagedCheckpoint("checkpoint_of_another_network")
    return matched


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        DamagedCheckpoint: it is not there, cut short, or something else.
    """
    try:
        arrays = read_npz(path)
        found = Checkpoint(Progress(**json.loads(str(arrays.pop("progress")))))
        groups = {"model": found.model, "optimizer": found.optimizer, "best": found.best}
        for key, values in arrays.items():
            group, name = re.split("[/_]", key, maxsplit=1)  # "_" in older ones
            groups[group][name] = values
    except (*DAMAGED_ARCHIVE, TypeError) as error:
        raise DamagedCheckpoint("checkpoint_damaged") from error
    return found
