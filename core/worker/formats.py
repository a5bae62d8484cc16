"""A run's model, and its curves, in the formats that need TensorFlow to be written.

``python -m core.worker.formats RUN FORMAT FILE`` writes one of them. The model is built anew from the layer
specs, the weights in ``model.onnx`` and the checkpoint. No ``.keras`` file is opened: it may have come from
anywhere.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import keras
import onnx
import tensorflow as tf
from tensorflow.core.framework import summary_pb2
from tensorflow.core.util import event_pb2

from core.exports import file_names
from core.network import architectures, onnx_graph
from core.runs import runs
from core.worker import build, checkpoint, portable


def model(run: Path) -> keras.Model:
    """The run's network with its weights, ready to predict and to be trained on."""
    config = runs.config(run)
    found = build.model(architectures.layers(config))
    build.compile_model(found, config)
    # For the optimizer's state. Without a checkpoint of this very network, it begins anew.
    with suppress(checkpoint.DamagedCheckpoint):
        checkpoint.load(run / "checkpoint.npz").restore(found)
    build.assign(found, onnx_graph.weights(onnx.load(run / "model.onnx")))
    return found


def _saved_model(found: keras.Model, file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found.export(Path(folder) / "model", verbose=False)
        packed = shutil.make_archive(str(Path(folder) / "packed"), "zip", Path(folder) / "model")
        shutil.move(packed, file)


def _tflite(found: keras.Model, file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found.export(folder, verbose=False)
        file.write_bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


def logs(run: Path, file: Path) -> None:
    """The curves under the names that `keras.callbacks.TensorBoard` gives them, in a zip file."""
    with tempfile.TemporaryDirectory() as folder:
        for part, prefix in (("train", ""), ("validation", "val_")):
            place = Path(folder) / "logs" / file_names.unique(run) / part
            place.mkdir(parents=True)
            # Not tf.summary, which wants all of TensorBoard to be installed, and does not know when it was.
            with tf.io.TFRecordWriter(str(place / "events.out.tfevents.0.mnist-lab")) as writer:
                writer.write(event_pb2.Event(file_version="brain.Event:2").SerializeToString())
                for row in runs.metrics(run):
                    values = [
                        summary_pb2.Summary.Value(tag=f"epoch_{name}", simple_value=row[prefix + name])
                        for name in ("loss", "accuracy", "learning_rate")
                        if row.get(prefix + name) is not None
                    ]
                    event = event_pb2.Event(
                        wall_time=row.get("time", 0), step=row["epoch"] - 1, summary={"value": values}
                    )
                    writer.write(event.SerializeToString())
        shutil.move(shutil.make_archive(f"{folder}/packed", "zip", f"{folder}/logs"), file)


WRITERS: dict[str, Callable[[keras.Model, Path], None]] = {
    "keras": portable.save_keras,
    "h5": portable.save_h5,
    "savedmodel.zip": _saved_model,
    "tflite": _tflite,
}


if __name__ == "__main__":
    given, ending, wanted = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    if ending == "tensorboard.zip":
        logs(given, wanted)
    else:
        WRITERS[ending](model(given), wanted)
