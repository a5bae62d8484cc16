"""Predict with a trained run, through ONNX Runtime and without TensorFlow, in a fraction of a millisecond."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from core.drawing.preprocess import normalise
from core.i18n import _
from core.lazy import onnx, onnxruntime
from core.network import onnx_graph

_MOST_SIDE = 1024  # pixels of an image; a damaged graph may have any size
CHUNK = 8  # images at a time: few fit into the cache of the processor, and take little memory
_MOST_THREADS = 8  # each thread needs the memory of a chunk


class NotTrained(LookupError):
    """The run has no trained model, or the model cannot be read."""


class Predictor:
    """A trained network that makes predictions.

    Attributes:
        image: the shape of an input image.
        layers: the names of the layers.

    Args:
        model: the bytes of an ONNX model from `core.network.onnx_graph.build`.
        threads: the number of threads for many images; 0 means one for each core, at most eight.

    Raises:
        one of `damage`: the model is damaged or is not such a model.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        # It is faster to divide the images among threads than to divide each layer among threads.
        options.intra_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        self._model = model
        self._threads = threads or min(_MOST_THREADS, os.cpu_count() or 1)
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.image = _image(self._session)
        # Some damage is found only when the layers are computed.
        ends = np.stack([np.zeros(self.image, np.float32), np.ones(self.image, np.float32)])
        if not all(np.isfinite(out).all() for out in self._session.run(None, {onnx_graph.INPUT: ends})):
            raise ValueError("What the layers put out are not all numbers.")
        self.layers: list[str] = [
            output.name for output in self._session.get_outputs() if output.name != onnx_graph.LOGITS
        ]

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The probability of each class for each image, without calibration.

        Args:
            images: uint8 ``(n, *image)``, 0 (paper) to 255 (ink).

        Returns:
            float32 ``(n, classes)``; the sum of each row is 1.

        Raises:
            ValueError: the array has another dtype or shape.
        """
        return self._run(images, [self.layers[-1]])[0]

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The logits, float32 ``(n, classes)``. Arguments and errors are those of `probabilities`."""
        return self._run(images, [onnx_graph.LOGITS])[0]

    def logits_and_features(
        self, images: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The results of `logits` and of `features`, computed together."""
        logits, hidden = self._run(images, [onnx_graph.LOGITS, self.layers[-2]])
        return logits, hidden.reshape(len(images), -1)

    def activations(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """The output of each layer by its name, float32 in the shapes of Keras. Else like `probabilities`."""
        return dict(zip(self.layers, self._run(images, self.layers), strict=True))

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The input of the output layer, float32 ``(n, units)``. Like `probabilities` otherwise.

        Digits that are similar to the network have features with a small distance.
        """
        hidden = self._run(images, [self.layers[-2]])[0]
        return hidden.reshape(len(images), -1)

    @cached_property
    def weights(self) -> onnx_graph.Weights:
        """The weights, float32, by layer name and weight name, in the shapes of Keras."""
        return onnx_graph.weights(onnx.load_from_string(self._model))

    def _run(self, images: NDArray[np.uint8], outputs: list[str]) -> list[NDArray[np.float32]]:
        if images.dtype != np.uint8 or images.shape[1:] != self.image:
            raise ValueError(
                _(
                    "Images must be a uint8 array of shape (n, {image}), but these are {dtype} {shape}."
                ).format(image=", ".join(map(str, self.image)), dtype=images.dtype, shape=images.shape)
            )
        # Without images there is one empty chunk, so that the outputs have the right shapes.
        chunks = [images[i : i + CHUNK] for i in range(0, max(1, len(images)), CHUNK)]

        def ask(chunk: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
            answers: list[NDArray[np.float32]] = self._session.run(
                outputs, {onnx_graph.INPUT: normalise(chunk)}
            )
            return answers

        if self._threads == 1 or len(chunks) == 1:
            by_chunk = list(map(ask, chunks))
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                by_chunk = list(pool.map(ask, chunks))
        return [np.concatenate(parts) for parts in zip(*by_chunk, strict=True)]


def _image(session: onnxruntime.InferenceSession) -> tuple[int, ...]:
    """The shape of an image, from the input of the graph. Raises ValueError if it is not possible."""
    _batch, *image = [side for given in session.get_inputs() for side in given.shape]
    if len(image) not in (2, 3) or not all(isinstance(n, int) and 0 < n <= _MOST_SIDE for n in image):
        raise ValueError(f"Images cannot be {image}.")
    return tuple(image)


@cache
def damage() -> tuple[type[Exception], ...]:
    """The errors of ONNX Runtime for a damaged model."""
    errors = onnxruntime.capi.onnxruntime_pybind11_state
    return (
        errors.InvalidProtobuf,
        errors.InvalidGraph,
        errors.InvalidArgument,
        errors.Fail,
        errors.RuntimeException,
        ValueError,  # the input has another name, or a name in the error message is not valid text
    )


@cache
def no_network() -> tuple[type[Exception], ...]:
    """The errors of onnx for a file that is not a model, or whose layers or weights do not fit."""
    return DecodeError, onnx.checker.ValidationError, KeyError, TypeError, AttributeError, *damage()


def load(run_dir: Path | str, threads: int = 1) -> Predictor:
    """Load the predictor of a trained run.

    Args:
        threads: like `Predictor`.

    Raises:
        NotTrained: the run has no model, or the model is damaged.
    """
    run = Path(run_dir)
    try:
        return Predictor((run / "model.onnx").read_bytes(), threads)
    except FileNotFoundError:
        raise NotTrained(_("Run {name} has no trained model yet.").format(name=run.name)) from None
    except damage() as error:
        raise NotTrained(
            _("The model of run {name} is damaged and cannot be read.").format(name=run.name)
        ) from error
