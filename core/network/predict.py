"""Predict with a trained run, through ONNX Runtime and without TensorFlow, in a fraction of a millisecond."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from core.drawing.preprocess import normalise
from core.i18n import _
from core.network import onnx_graph

_MOST_SIDE = 1024  # of an image, in a graph that may be damaged
CHUNK = 256  # images at a time: every layer of a CNN for 10,000 at once would take gigabytes
_MOST_THREADS = 8  # each of them takes a chunk's memory


class NotTrained(LookupError):
    """The run has no model yet, or none that can be read."""


class Predictor:
    """A trained network that can be asked.

    Attributes:
        image: the shape of the images that it reads.
        layers: the names of its layers.

    Args:
        model: an ONNX model, as `core.network.onnx_graph.build` makes it, in bytes.
        threads: how many threads many images may be shared out to; 0 is one for each core, up to eight.

    Raises:
        one of `DAMAGED`: it is no such model.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        options = ort.SessionOptions()
        # Threads that share out the images take less time than threads that share out each layer.
        options.intra_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        self._model = model
        self._threads = threads or min(_MOST_THREADS, os.cpu_count() or 1)
        self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.image = _image(self._session)
        # Some damage shows only when the layers are gone through.
        ends = np.stack([np.zeros(self.image, np.float32), np.ones(self.image, np.float32)])
        if not all(np.isfinite(out).all() for out in self._session.run(None, {onnx_graph.INPUT: ends})):
            raise ValueError("What the layers put out are not all numbers.")
        self.layers: list[str] = [
            output.name for output in self._session.get_outputs() if output.name != onnx_graph.LOGITS
        ]

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How likely each image is to be of each class.

        Args:
            images: uint8 ``(n, *image)``, 0 (paper) to 255 (ink).

        Returns:
            float32 ``(n, classes)``; each row adds up to 1.

        Raises:
            ValueError: not such an array.
        """
        return self._run(images, [self.layers[-1]])[0]

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the probabilities are the softmax of, float32 ``(n, classes)``; else as `probabilities`."""
        return self._run(images, [onnx_graph.LOGITS])[0]

    def logits_and_features(
        self, images: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What `logits` and `features` give, in one go."""
        logits, hidden = self._run(images, [onnx_graph.LOGITS, self.layers[-2]])
        return logits, hidden.reshape(len(images), -1)

    def activations(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Every layer's output by the layer's name, in Keras's shapes; else as `probabilities`."""
        return dict(zip(self.layers, self._run(images, self.layers), strict=True))

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the output layer reads, float32 ``(n, units)``; else as `probabilities`.

        Digits that are alike to the network are close to each other in it.
        """
        hidden = self._run(images, [self.layers[-2]])[0]
        return hidden.reshape(len(images), -1)

    @cached_property
    def weights(self) -> onnx_graph.Weights:
        """The weights by layer name and weight name, in Keras's shapes."""
        return onnx_graph.weights(onnx.load_from_string(self._model))

    def _run(self, images: NDArray[np.uint8], outputs: list[str]) -> list[NDArray[np.float32]]:
        if images.dtype != np.uint8 or images.shape[1:] != self.image:
            raise ValueError(
                _(
                    "Images must be a uint8 array of shape (n, {image}), but these are {dtype} {shape}."
                ).format(image=", ".join(map(str, self.image)), dtype=images.dtype, shape=images.shape)
            )
        # One chunk even for no image at all, so that the outputs have their shapes.
        chunks = [images[i : i + CHUNK] for i in range(0, max(1, len(images)), CHUNK)]

        def ask(chunk: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
            answers: list[NDArray[np.float32]] = self._session.run(
                outputs, {onnx_graph.INPUT: normalise(chunk)}
            )
            return answers

        if self._threads == 1 or len(chunks) == 1:
            found = list(map(ask, chunks))
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                found = list(pool.map(ask, chunks))
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _image(session: ort.InferenceSession) -> tuple[int, ...]:
    """The shape of an image by the graph's input. Raises ValueError where it cannot be one."""
    _batch, *image = [side for given in session.get_inputs() for side in given.shape]
    if len(image) not in (2, 3) or not all(isinstance(n, int) and 0 < n <= _MOST_SIDE for n in image):
        raise ValueError(f"Images cannot be {image}.")
    return tuple(image)


# ONNX Runtime has a class of error for each way in which a model can be broken.
DAMAGED = (
    ort.capi.onnxruntime_pybind11_state.InvalidProtobuf,
    ort.capi.onnxruntime_pybind11_state.InvalidGraph,
    ort.capi.onnxruntime_pybind11_state.InvalidArgument,
    ort.capi.onnxruntime_pybind11_state.Fail,
    ort.capi.onnxruntime_pybind11_state.RuntimeException,
    ValueError,  # its input has another name, or its complaint quotes a name that is no text any more
)

# What onnx says of a file that is none, or of one whose layers or weights do not fit.
NO_NETWORK = (DecodeError, onnx.checker.ValidationError, KeyError, TypeError, AttributeError, *DAMAGED)


def load(run_dir: Path | str, threads: int = 1) -> Predictor:
    """The predictor of a run that has been trained.

    Args:
        threads: as of `Predictor`.

    Raises:
        NotTrained: the run has no model, or it is damaged.
    """
    run = Path(run_dir)
    try:
        return Predictor((run / "model.onnx").read_bytes(), threads)
    except FileNotFoundError:
        raise NotTrained(_("Run {name} has no trained model yet.").format(name=run.name)) from None
    except DAMAGED as error:
        raise NotTrained(
            _("The model of run {name} is damaged and cannot be read.").format(name=run.name)
        ) from error
