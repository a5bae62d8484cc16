"""The logs for TensorBoard, read by TensorFlow, which compares their checksums."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow.core.util import event_pb2

from core.exports import file_names, tensorboard
from core.runs import records


def test_tensorboard_finds_the_curves(cnn_run: Path, tmp_path: Path) -> None:
    (tmp_path / "logs.zip").write_bytes(tensorboard.logs(cnn_run))
    shutil.unpack_archive(tmp_path / "logs.zip", tmp_path)
    for part, prefix in (("train", ""), ("validation", "val_")):
        (file,) = (tmp_path / file_names.unique(cnn_run) / part).iterdir()
        assert file.name.startswith("events.out.tfevents.")
        events = list(map(event_pb2.Event.FromString, tf.data.TFRecordDataset(str(file)).as_numpy_iterator()))
        assert [event.wall_time for event in events[1:]] == [row["time"] for row in records.metrics(cnn_run)]
        scalars = {
            (value.tag, event.step): value.simple_value for event in events for value in event.summary.value
        }
        for row in records.metrics(cnn_run):
            for name in ("loss", "accuracy"):
                assert scalars[f"epoch_{name}", row["epoch"] - 1] == pytest.approx(row[prefix + name])
