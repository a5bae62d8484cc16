"""The network after each epoch of a run, from the saved weights."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.files import DAMAGED_ARCHIVE, read_npz
from core.i18n import _
from core.network import architectures, onnx_graph, predict
from core.network.predict import Predictor
from core.runs import records, run_folder

_FILE = re.compile(r"(\d{4,})\.npz")


class EpochMissing(LookupError):
    """The weights after this epoch are missing, or cannot be read."""


def kept(run: Path) -> list[int]:
    """The epochs with saved weights, in ascending order."""
    try:
        names = [_FILE.fullmatch(file.name) for file in (run / "epochs").iterdir()]
    except OSError:
        return []
    return sorted(int(name[1]) for name in names if name)


def course(run: Path, image: NDArray[np.uint8], most: int = 50) -> tuple[list[int], NDArray[np.float32]]:
    """The probabilities of an image after each epoch.

    Args:
        image: uint8 ``spec.image``.
        most: the largest number of epochs. If there are more, evenly spaced ones are used, with the last.

    Returns:
        The epochs, and the probabilities, float32 ``(epochs, classes)``.

    Raises:
        EpochMissing: like `predictor`.
    """
    every = kept(run)
    stride = -(-len(every) // most) or 1
    asked = every[::-stride][::-1]
    probabilities = [predictor(run, epoch).probabilities(image[None])[0] for epoch in asked]
    return asked, np.array(probabilities, np.float32).reshape(-1, len(records.spec(run).classes))


def predictor(run: Path, epoch: int, threads: int = 1) -> Predictor:
    """Load the network with the weights after an epoch.

    Args:
        run: the run's directory.
        epoch: from 1.
        threads: like `core.network.predict.Predictor`.

    Raises:
        EpochMissing: the weights were not saved, are damaged, or belong to another network.
    """
    damage: tuple[type[Exception], ...] = (*DAMAGED_ARCHIVE, *predict.no_network(), run_folder.UnknownRun)
    try:
        arrays = read_npz(run / "epochs" / f"{epoch:04d}.npz")
        weights = onnx_graph.unflatten({name: onnx_graph.numbers(values) for name, values in arrays.items()})
        graph = onnx_graph.build(architectures.layers(records.config(run), records.spec(run)), weights)
        return Predictor(graph.SerializeToString(), threads)
    except damage as error:
        raise EpochMissing(
            _("The weights of run {name} after epoch {epoch} cannot be read.").format(
                name=run.name, epoch=epoch
            )
        ) from error
