"""Write the model of a run in a format that needs TensorFlow.

``python -m core.worker.convert RUN FORMAT FILE`` writes a file. If that fails, the last line of its output
is the `core.failures.Failure`. The model is built from the layer specs, the weights in ``model.onnx`` and
the checkpoint. The ``.keras`` file of the run is not opened, because it may have been uploaded.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import keras
import onnx
import tensorflow as tf

from core.failures import Failure
from core.network import architectures, onnx_graph
from core.runs import records
from core.worker import checkpoint, keras_model, portable


def model(run: Path) -> keras.Model:
    """The compiled model of a run, with its weights and, if there is a checkpoint, its optimizer's state.

    Raises:
        UnknownRun: the settings of the run cannot be read.
    """
    config = records.config(run)
    network = keras_model.model(architectures.layers(config, records.spec(run)))
    keras_model.compile_model(network, config)
    # Without a checkpoint of this network, the state of the optimizer is empty.
    with suppress(checkpoint.DamagedCheckpoint):
        checkpoint.load(run / "checkpoint.npz").restore(network)
    keras_model.assign(network, onnx_graph.weights(onnx.load(run / "model.onnx")))
    return network


def _saved_model(network: keras.Model, file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        network.export(Path(folder) / "model", verbose=False)
        packed = shutil.make_archive(str(Path(folder) / "packed"), "zip", Path(folder) / "model")
        shutil.move(packed, file)


def _tflite(network: keras.Model, file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        network.export(folder, verbose=False)
        file.write_bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


WRITERS: dict[str, Callable[[keras.Model, Path], None]] = {
    "keras": portable.save_keras,
    "h5": portable.save_h5,
    "savedmodel.zip": _saved_model,
    "tflite": _tflite,
}


def main(words: Sequence[str]) -> int:
    """Convert a model.

    Args:
        words: the directory of the run, the format and the file to write.

    Returns:
        The exit code: 0, or 1 after an error.
    """
    run, ending, file = words
    try:
        WRITERS[ending](model(Path(run)), Path(file))
    except Exception as error:  # noqa: BLE001
        # The process that waits for the file shows the error.
        traceback.print_exc()
        print(Failure.from_exception(error).model_dump_json())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
