"""Write the files of a finished run from its Keras model."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from core.data.datasets import Dataset
from core.drawing.preprocess import normalise
from core.evaluation import calibration
from core.evaluation.results import Evaluation
from core.files import replacing
from core.network import onnx_graph
from core.network.architectures import Network
from core.network.predict import Predictor
from core.runs import records
from core.worker import keras_model, portable
from core.worker.data import Batches

_TOLERANCE = 1e-4  # between Keras's probabilities and ONNX Runtime's
_COMPARED = 256  # test images


def export(run: Path, model: keras.Model, network: Network, dataset: Dataset, batches: Batches) -> Evaluation:
    """Write ``model.keras``, ``model.onnx``, ``evaluation.npz`` and, with validation, ``calibration.json``.

    The evaluation uses the ONNX model, because the server predicts with this model.

    Raises:
        RuntimeError: the predictions of the ONNX model differ from those of Keras.
        OSError: a file cannot be written.
    """
    with replacing(run / "model.keras") as temporary:
        portable.save_keras(model, temporary)
    graph = onnx_graph.build(network, keras_model.weights(model)).SerializeToString()
    predictor = Predictor(graph, threads=0)
    _compare(model, predictor, dataset)
    with replacing(run / "model.onnx") as temporary:
        temporary.write_bytes(graph)
    evaluation = Evaluation(predictor.logits(dataset.x_test), dataset.y_test)
    with replacing(run / "evaluation.npz") as temporary:
        np.savez(temporary, logits=evaluation.logits, labels=evaluation.labels)
    if measured := calibration.fit(predictor, batches.x_validation, batches.y_validation, records.spec(run)):
        measured.keep(run)
    return evaluation


def _compare(model: keras.Model, predictor: Predictor, dataset: Dataset) -> None:
    images = dataset.x_test[:_COMPARED]
    expected = np.asarray(model(normalise(images), training=False))
    difference = float(np.abs(predictor.probabilities(images) - expected).max())
    # NaN must fail. With "difference > tolerance", it would pass.
    if not difference <= _TOLERANCE:
        raise RuntimeError(
            f"The exported model differs from the trained one by up to {difference:.1e} in its "
            f"probabilities; at most {_TOLERANCE:.0e} was expected."
        )
