"""Write a whole run to a zip file, and read it again, on this machine or another one.

An uploaded zip file may come from anybody, so nothing in it is trusted. Only files that a run has, under
exactly their names, are unpacked, within limits of number and size. Each is read with the reader that the
app uses for it. The network is written again from its weights, so that no foreign graph is ever run. A
``.keras`` file in the zip file is neither opened nor kept. A later download writes a new one.
"""

from __future__ import annotations

import io
import math
import os
import re
import secrets
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core.config import ConfigError
from core.data import specs
from core.data.specs import DatasetSpec
from core.evaluation import results
from core.evaluation.calibration import Calibration
from core.evaluation.robustness import Robustness
from core.files import DAMAGED_ARCHIVE, refuse_a_large_directory
from core.i18n import _
from core.lazy import onnx
from core.network import architectures, onnx_graph, predict
from core.network.architectures import ImpossibleNetwork
from core.runs import notes, records, run_folder, warm_start
from core.runs.notes import Labels
from core.runs.sidecar import Sidecar

MOST_FILES = 1_100  # a thousand epochs, and the other files
MOST_PACKED = 60_000_000  # bytes of the zip file
MOST_BYTES = 400_000_000  # unpacked
_MOST_DIRECTORY = 1 << 18  # bytes, enough for `MOST_FILES` files or the variables of a large network
_CHUNK = 1 << 20
_MOST_TEXT = 2_000_000  # bytes of a text file
_FILES = frozenset(
    {
        "config.json", "dataset.json", "status.json", "environment.json", "estimate.json", "request.json",
        "labels.json", "calibration.json", "robustness.json", "metrics.jsonl", "batches.jsonl",
        "layers.jsonl", "changes.jsonl", "model.keras", "model.onnx", "evaluation.npz", "checkpoint.npz",
        "lesson.npz", "log.txt",
    }
)  # fmt: skip
_EPOCH = re.compile(r"epochs/\d{4,6}\.npz")
_NEEDED = ("config.json", "status.json")


class BadBundle(ValueError):
    """The file is not a valid zip file of a run. The message says why."""


class AlreadyHere(BadBundle):
    """The run in the file exists here already, unchanged.

    Attributes:
        run: its directory.
    """

    def __init__(self, run: Path) -> None:
        super().__init__(_("This run exists here already, as {name}.").format(name=run.name))
        self.run = run


def pack(run: Path) -> bytes:
    """Write a run into a zip file, in a folder with the name of the run.

    Raises:
        OSError: the run cannot be read, or has been deleted.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in _present(run):
            # The arrays and the model are compressed already.
            already = name.endswith((".npz", ".keras"))
            archive.write(run / name, f"{run.name}/{name}",
                          zipfile.ZIP_STORED if already else zipfile.ZIP_DEFLATED)  # fmt: skip
    return packed.getvalue()


def _present(run: Path) -> Iterator[str]:
    """The files in the run's directory that belong to a run."""
    if not run.is_dir():
        raise FileNotFoundError(run)
    for file in sorted(run.rglob("*")):
        name = file.relative_to(run).as_posix()
        if _is_known(name) and file.is_file() and not file.is_symlink():
            yield name


def _is_known(name: str) -> bool:
    return name in _FILES or _EPOCH.fullmatch(name) is not None


def unpack(file: BinaryIO, root: Path) -> Path:
    """Add a run from a zip file, under its own name or, if that is taken, under another one.

    Args:
        file: a zip file from `pack`.
        root: the runs folder.

    Returns:
        The run's directory.

    Raises:
        AlreadyHere: the same run exists, with any name. Nothing is added.
        BadBundle: the file is not valid. Nothing is added.
        OSError: the runs folder cannot be written to.
    """
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=root) as folder:
        run = Path(folder) / "run"
        (run / "epochs").mkdir(parents=True)
        name = _unpack(file, run)
        _check(run)
        if twin := _same(run, root):
            raise AlreadyHere(twin)
        target = root / name
        if target.exists():
            target = root / f"{name[:50]}-{secrets.token_hex(3)}"
        notes.pin(run)  # whoever uploads a run asks for it
        run.rename(target)
    return target


def _same(run: Path, root: Path) -> Path | None:
    """The existing run that is the same as this run; None if there is none, or if it was trained further."""
    trace = _trace(run)
    for other in run_folder.every(root):
        try:
            if _trace(other) == trace:
                return other
        except run_folder.UnknownRun:
            continue
    return None


def _trace(run: Path) -> tuple[object, ...]:
    """Data that differs between any two runs: the time of creation and the progress. Raises UnknownRun."""
    status = run_folder.written_status(run)
    return status.created, status.epoch, status.step, records.config(run), records.metrics(run)


def _unpack(file: BinaryIO, run: Path) -> str:
    """Unpack the files that belong to a run. Returns the name of the run."""
    if file.seek(0, os.SEEK_END) > MOST_PACKED:
        raise BadBundle(_("The zip file has more than {most:,} MB.").format(most=MOST_PACKED // 1_000_000))
    try:
        refuse_a_large_directory(file, _MOST_DIRECTORY)
        with zipfile.ZipFile(file) as archive:
            members = _members(archive)
            for member, name in members:
                with archive.open(member) as packed, (run / name).open("wb") as target:
                    # Count the unpacked bytes: the size in the archive's directory may be wrong.
                    left = member.file_size
                    while chunk := packed.read(_CHUNK):
                        left -= len(chunk)
                        if left < 0:
                            raise BadBundle(
                                _("{name} is larger when unpacked than the zip file states.").format(
                                    name=name
                                )
                            )
                        target.write(chunk)
            return members[0][0].filename.partition("/")[0]
    except BadBundle:
        raise
    except (*DAMAGED_ARCHIVE, NotImplementedError, OverflowError) as error:
        raise BadBundle(_("The file cannot be read as a zip file: {reason}.").format(reason=error)) from error


def _members(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, str]]:
    """The files to unpack and their names in the run's directory."""
    infos = [info for info in archive.infolist() if not info.filename.endswith("/")]
    if len(infos) > MOST_FILES:
        raise BadBundle(
            _("The zip file holds {n:,} files; a run has at most {most:,}.").format(
                n=len(infos), most=MOST_FILES
            )
        )
    if sum(info.file_size for info in infos) > MOST_BYTES:
        raise BadBundle(
            _("The zip file has more than {most:,} MB when unpacked.").format(most=MOST_BYTES // 1_000_000)
        )
    members = []
    for info in infos:
        folder, _slash, name = info.filename.partition("/")
        if not run_folder.is_name(folder) or not _is_known(name):
            raise BadBundle(
                _(
                    "{name} is not a file of a run. Upload a zip file that was downloaded from MNIST Lab."
                ).format(name=repr(info.filename[:80]))
            )
        if name.endswith(".json") and info.file_size > _MOST_TEXT:
            raise BadBundle(_("{name} is larger than is allowed for such a file.").format(name=name))
        if stat.S_ISLNK(info.external_attr >> 16) or info.flag_bits & 1:
            raise BadBundle(_("{name} is a link or is encrypted.").format(name=name))
        members.append((info, name))
    names = [name for _info, name in members]
    folders = {info.filename.partition("/")[0] for info, _name in members}
    if len(folders) != 1 or len(set(names)) != len(names):
        raise BadBundle(_("The zip file holds several runs, or one file twice. Upload one run at a time."))
    for name in _NEEDED:
        if name not in names:
            raise BadBundle(_("{name} is missing in the zip file.").format(name=name))
    return members


def _check(run: Path) -> None:
    """Check every file with the reader of the app, and write the network again. Raises BadBundle."""
    try:
        spec = _spec(run)
        config = records.config(run)
        status = run_folder.written_status(run)
        if status.state not in run_folder.RESTING:
            raise BadBundle(
                _(
                    "This run was still training when the zip file was made. Download the run again when it "
                    "has ended."
                )
            )
        for file in (*run.glob("*.npz"), *run.glob("epochs/*.npz")):
            _check_arrays(file)
        (run / "model.keras").unlink(missing_ok=True)
        if (run / "model.onnx").exists():
            _rewrite(run)
        if (run / "evaluation.npz").exists():
            results.load(run)
        warm_start.read(run)
        architectures.layers(config, spec)
    except BadBundle:
        raise
    except (LookupError, ConfigError, ImpossibleNetwork, *DAMAGED_ARCHIVE) as error:
        raise BadBundle(_("A file in the zip file cannot be read: {reason}").format(reason=error)) from error
    kinds: tuple[type[Sidecar], ...] = (Calibration, Robustness, Labels)
    for kind in kinds:
        if not kind.read(run):
            (run / kind.FILE).unlink(missing_ok=True)  # an unreadable file counts as missing
    # Only the fields of a request, so that changed settings stay changed.
    if (run / "request.json").exists():
        run_folder.write_json(run / "request.json", run_folder.request(run).model_dump())


def _spec(run: Path) -> DatasetSpec:
    """The spec of the run's data set. Raises BadBundle if the data set here differs, and UnknownRun."""
    spec = records.spec(run)
    installed = specs.find(spec.name)
    if installed not in (None, spec):
        raise BadBundle(
            _("The run was trained with another version of {name} than the one here.").format(name=spec.name)
        )
    run_folder.write_json(run / specs.FILE, spec.model_dump(mode="json"))
    return spec


def _rewrite(run: Path) -> None:
    """Write the network again from its weights. The uploaded graph is never run. Raises BadBundle."""
    try:
        model = onnx.load_from_string((run / "model.onnx").read_bytes())
        if any(constant.data_location == onnx.TensorProto.EXTERNAL for constant in model.graph.initializer):
            raise BadBundle(_("The run's network needs weights from another file."))
        network = architectures.layers(records.config(run), records.spec(run))
        graph = onnx_graph.build(network, onnx_graph.weights(model)).SerializeToString()
        predict.Predictor(graph)
    except BadBundle:
        raise
    except predict.no_network() as error:
        raise BadBundle(
            _("The run's network cannot be read, or it does not match the run's settings.")
        ) from error
    (run / "model.onnx").write_bytes(graph)


def _check_arrays(file: Path) -> None:
    """Refuse arrays of Python objects, which are pickles and run code when read. Refuse arrays that are
    not as large as they say. Raises BadBundle, and what `zipfile` and NumPy raise.
    """
    with file.open("rb") as opened:
        refuse_a_large_directory(opened, _MOST_DIRECTORY)
        with zipfile.ZipFile(opened) as archive:
            if sum(info.file_size for info in archive.infolist()) > MOST_BYTES:
                raise BadBundle(_("{name} is too large when unpacked.").format(name=file.name))
            for info in archive.infolist():
                _check_array(archive, info, file.name)


def _check_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> None:
    with archive.open(info) as packed:
        version = np.lib.format.read_magic(packed)
        shape, _order, dtype = _HEADERS[version](packed)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or packed.tell() + size != info.file_size:
            raise BadBundle(_("{name} holds data other than numbers.").format(name=name))


_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
