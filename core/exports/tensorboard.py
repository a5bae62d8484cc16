"""A run's metrics as TensorBoard logs."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from core.exports import file_names
from core.runs import records

_FILE = "events.out.tfevents.0.mnist-lab"  # TensorBoard finds the file by the beginning of its name


def logs(run: Path) -> bytes:
    """The curves under the names that `keras.callbacks.TensorBoard` gives them, as a zip file."""
    packed, rows = io.BytesIO(), records.metrics(run)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(packed, "w") as archive:
        for part, prefix in (("train", ""), ("validation", "val_")):
            file = Path(folder) / part
            _write(file, rows, prefix)
            place = f"{file_names.unique(run)}/{part}/{_FILE}"
            archive.write(file, place, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _write(file: Path, rows: Sequence[dict[str, Any]], prefix: str) -> None:
    # Imported here, because the import takes a tenth of a second and is rarely needed.
    from tensorboardX import RecordWriter
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary

    # Not its SummaryWriter, which puts the name of this machine into the file name.
    with closing(RecordWriter(str(file))) as writer:
        writer.write(Event(file_version="brain.Event:2").SerializeToString())
        for row in rows:
            values = [
                Summary.Value(tag=f"epoch_{name}", simple_value=row[prefix + name])
                for name in ("loss", "accuracy", "learning_rate")
                if row.get(prefix + name) is not None
            ]
            event = Event(wall_time=row.get("time"), step=row["epoch"] - 1, summary=Summary(value=values))
            writer.write(event.SerializeToString())
