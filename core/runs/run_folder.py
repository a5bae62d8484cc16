"""The run directory: the only contract between the server and a worker.

A run is a folder, and a copy of the folder is a copy of the run. JSON files are replaced as a whole.
``.jsonl`` files only grow, a line at a time. So a reader must expect an incomplete last line, and a
folder in which files are still missing. The state of a run is stored nowhere else.

========================  ==========  =============================================================
file                      written by  holds
========================  ==========  =============================================================
``config.json``           creator     the `RunConfig`, never changed
``dataset.json``          creator     the `DatasetSpec`; not needed for a built-in data set
``estimate.json``         creator     the estimated training time
``request.json``          anyone      the `Request`: what the worker should do
``request.lock``          anyone      locked while the request is changed
``lesson.npz``            creator     drawings to train on and initial weights, if any
``status.json``           worker      the `Status`
``reserve``               creator     nothing; room for the worker's last word on a full disk
``environment.json``      worker      versions, seed, the digest of the data, the machine
``batches.jsonl``         worker      about four rows a second while an epoch is trained
``metrics.jsonl``         worker      a row per epoch
``layers.jsonl``          worker      a row per epoch: the weights and gradients of each layer
``changes.jsonl``         worker      a row for each setting that was changed during training
``checkpoint.npz``        worker      everything that is needed to resume exactly here
``epochs/``               worker      the weights after each epoch, or after every few epochs
``model.keras``           worker      the trained model
``model.onnx``            worker      the same model for ONNX Runtime, which the server uses
``evaluation.npz``        worker      the logits and labels of the test images
``calibration.json``      worker      the calibration of the confidence, if it was measured
``labels.json``           anyone      the notes of people; whether the run was started automatically
``robustness.json``       anyone      the accuracy on changed digits, if it was measured
``robustness.lock``       anyone      locked while the robustness is measured
``unmeasured.json``       anyone      why the last measurement of the robustness failed
``log.txt``               worker      the output of the process
``worker.lock``           worker      locked while the worker lives
========================  ==========  =============================================================

While no worker holds ``worker.lock``, another process may take the lock and write the status.
"""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import portalocker
import psutil
from filelock import FileLock
from portalocker import AlreadyLocked, LockException, LockFlags
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from core.config import DropoutRate, Epochs, LearningRate, RunConfig
from core.data import specs
from core.failures import KnownFailure, Written, is_disk_full, why_lost
from core.files import replacing

State = Literal[
    "queued", "running", "pausing", "stopping", "paused", "interrupted", "finished", "stopped", "failed"
]
ENDED: frozenset[State] = frozenset({"finished", "stopped", "failed"})
# No process works on the run, and none will start before somebody asks for it.
RESTING: frozenset[State] = ENDED | {"paused", "interrupted"}
Phase = Literal["", "importing", "loading", "compiling", "training", "evaluating"]
Action = Literal["run", "pause", "stop"]
Ask = Callable[[], Action]  # what is wanted of a run at this moment

# Seconds within which the process of a new sweep has certainly been started.
_START_TIME = 10.0
_TICK = 1_000_000_000  # nanoseconds, much longer than the clock tick of any file system
_RESERVE = 16_384  # bytes, many times the size of a status
_LAST_TRIES = 50
_BETWEEN = 0.1  # seconds between two of these tries
_Read = TypeVar("_Read")
# The run that was trained by `python -m starter`. It is read-only.
STARTER = Path(__file__).parents[2] / "starter" / "starter"
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class CannotGoOn(KnownFailure, RuntimeError):
    """The run cannot be resumed, because something that it needs is lost. The message says what."""


class UnknownRun(KnownFailure, LookupError):
    """There is no run with this name, or the run cannot be read."""


def _or_none(value: object) -> object:
    """Replace NaN and infinity, which older runs contain, by None."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


# The ranges of a run's numbers. A file that was edited or uploaded must not make a page fail.
LATEST = 1e11  # seconds since 1970; Python has no years of five digits
LARGEST = 1e39  # a loss is a float32
_Moment = Annotated[float, Field(ge=0, le=LATEST)]
_Count = Annotated[int, Field(ge=0, le=10**9)]
_Loss = Annotated[Annotated[float, Field(ge=-LARGEST, le=LARGEST)] | None, BeforeValidator(_or_none)]


class Status(BaseModel):
    """The state and the progress of a run.

    Attributes:
        state: `pausing` and `stopping` mean that the worker was asked to, and still trains. `interrupted`
            means that the worker died. The last three states are final, unless somebody resumes the run.
        phase: what a running worker is doing.
        pid: the worker's process, on the machine that trains it; 0 while the run waits. For people
            to read: nothing is ever done to a process because of its number.
        created, queued, started, ended, heartbeat: seconds since 1970; 0 if it has not happened yet.
            `queued` and `started` are the latest times.
        worked: seconds that workers have spent on the run.
        imported: seconds of these in which TensorFlow was imported; None if an older worker did not say.
        epoch: number of epochs begun, from 1; 0 before the first.
        step: number of steps done in that epoch.
        steps: number of steps in an epoch.
        stopped_early: whether early stopping ended the run.
        best_epoch: the epoch whose weights early stopping restored; 0 if the run has its last weights.
        test_loss, test_accuracy: on the whole test set; None before the evaluation.
        failure: why the run failed. An older file holds a sentence instead, as ``error``.
        diverged: whether the run failed because the loss was not finite.
        can_resume: whether the run can be resumed when the cause of the failure has been removed.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    state: State
    phase: Phase = ""
    pid: _Count = 0
    created: _Moment = 0
    queued: _Moment = 0
    started: _Moment = 0
    ended: _Moment = 0
    heartbeat: _Moment = 0
    worked: _Moment = 0
    imported: _Moment | None = None
    epoch: _Count = 0
    step: _Count = 0
    steps: _Count = 0
    stopped_early: bool = False
    best_epoch: _Count = 0
    test_loss: _Loss = None
    test_accuracy: float | None = Field(None, ge=0, le=1)
    failure: Written = Field(None, validation_alias=AliasChoices("error", "failure"))
    diverged: bool = False
    can_resume: bool = True


class Request(BaseModel):
    """The latest request to a run.

    Attributes:
        action: what the worker should do. Only `core.jobs.run_queue` changes the action, because a worker
            may have to be started as well.
        learning_rate, dropout: values from the next epoch on; None means those of the run's settings.
        epochs: the total number of epochs; None means that of the run's settings.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    action: Action = "run"
    learning_rate: LearningRate | None = None
    dropout: DropoutRate | None = None
    epochs: Epochs | None = None


def create(root: Path, config: RunConfig, fill: Callable[[Path], None] | None = None) -> Path:
    """Create the directory of a new, queued run. The names of runs sort by the time of their creation.

    Args:
        fill: writes more files into the directory. It is called before others can see the run: a worker
            may take the run at once.

    Raises:
        UnknownDataset: the data set of the settings does not exist.
        OSError: the folder cannot be written to.
    """
    learned = specs.of(config.dataset)
    run = new_folder(root)
    with whole_or_gone(run):
        keep_room(run)
        now = time.time()
        # The settings are written last, because a folder that has them is a complete run.
        write_status(run, Status(state="queued", created=now, queued=now, heartbeat=now))
        write_json(run / specs.FILE, learned.model_dump(mode="json"))
        if fill:
            fill(run)
        write_json(run / "config.json", config.model_dump(mode="json"))
    return run


def new_folder(root: Path) -> Path:
    """Create a folder. The names of such folders sort by the time of their creation. Raises OSError."""
    root.mkdir(parents=True, exist_ok=True)
    moment = datetime.now(UTC)
    folder = root / f"{moment:%Y%m%d-%H%M%S}-{moment.microsecond // 1000:03d}-{secrets.token_hex(2)}"
    folder.mkdir()
    return folder


@contextmanager
def whole_or_gone(folder: Path) -> Iterator[None]:
    """Delete a new folder if the block that fills the folder fails."""
    try:
        yield
    except BaseException:  # also after Ctrl-C
        shutil.rmtree(folder, ignore_errors=True)
        raise


def keep_room(run: Path) -> None:
    """Create the files with which a worker can report its failure on a full disk.

    These are the files that a worker opens, and a reserve, see `write_last_word`.

    Raises:
        OSError: the disk is full already, or the folder cannot be written to.
    """
    for name in ("log.txt", "worker.lock"):
        (run / name).touch()
    with replacing(run / "reserve") as temporary:
        temporary.write_bytes(os.urandom(_RESERVE))  # some file systems store zeros without using space


def is_name(text: str) -> bool:
    """Whether a text, from any source, is a possible name of a run."""
    return _RUN_ID.fullmatch(text) is not None


def find(root: Path, run_id: str) -> Path:
    """Return the directory of the run with this name, which may come from a URL.

    Raises:
        UnknownRun: the name is not a possible name, or there is no such run.
    """
    run = root / run_id
    if not is_name(run_id) or not (run / "config.json").is_file():
        raise UnknownRun("unknown_run", name=repr(run_id[:64]))
    return run


def every(root: Path) -> list[Path]:
    """The run directories, newest first."""
    try:
        names = [entry.name for entry in os.scandir(root)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    runs = (root / name for name in sorted(names, reverse=True) if is_name(name))
    return [run for run in runs if (run / "config.json").is_file()]


def trained(root: Path) -> list[Path]:
    """The runs that have a model, newest first. The starter, which is part of the project, comes last."""
    return [run for run in [*every(root), STARTER] if has_model(run)]


def find_trained(root: Path, run_id: str) -> Path:
    """Like `find`, but also find the starter by its name. Raises UnknownRun."""
    return STARTER if run_id == STARTER.name else find(root, run_id)


def request(run: Path) -> Request:
    """The latest request; that of a new run if there is none, or if it cannot be read."""
    try:
        return Request.model_validate_json((run / "request.json").read_bytes())
    except (OSError, ValidationError):
        return Request()


@contextmanager
def changing_request(run: Path) -> Iterator[Callable[..., Request]]:
    """Lock the request, and give a function that changes it: ``change(action="pause")``.

    Raises:
        OSError: the run's folder cannot be written to, or has been deleted.
    """

    def change(**changes: Any) -> Request:
        changed = request(run).model_copy(update=changes)
        write_json(run / "request.json", changed.model_dump())
        return changed

    if not run.is_dir():
        raise FileNotFoundError(run)  # the lock file would create the deleted folder again
    with FileLock(run / "request.lock"):
        yield change


def status(run: Path) -> Status:
    """The status of the run, from its files and from whether its worker is alive.

    Raises:
        UnknownRun: the status is missing or cannot be read.
    """
    written = written_status(run)
    if written.state in RESTING:
        return written
    if not worker_is_alive(run) and _gave_up(run, written):
        # The run may have ended normally after the status was read and before the lock was tested.
        written = written_status(run)
        return written if written.state in RESTING else _lost(run, written)
    match request(run).action:
        case "pause":
            return written.model_copy(update={"state": "pausing"})
        case "stop":
            return written.model_copy(update={"state": "stopping"})
    return written


def _gave_up(run: Path, written: Status) -> bool:
    """Whether a run or sweep without a process is lost. Otherwise it still waits for its process."""
    if written.state != "queued" or written.pid != 0:
        return True  # the process had started
    # A run waits until a worker takes it. A sweep waits for the process that was started for it.
    was_announced = (run / "coming.json").exists()
    return was_announced and time.time() - written.queued > _START_TIME and not _is_coming(run)


def announce(run: Path, pid: int) -> None:
    """Record which process was started for a sweep. On a busy machine, the process may start slowly.

    Args:
        run: the folder of the sweep.
        pid: the id of that process.
    """
    # The process may have ended already. If the disk is full, the process reports that itself.
    with suppress(psutil.NoSuchProcess, OSError):
        write_json(run / "coming.json", {"pid": pid, "born": psutil.Process(pid).create_time()})


def _is_coming(run: Path) -> bool:
    """Whether the process that was started for a sweep still exists. Another may have the same id."""
    try:
        told = json.loads((run / "coming.json").read_text("utf-8"))
        process = psutil.Process(told["pid"])
        return process.create_time() == told["born"] and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return False  # the process has ended


def _lost(run: Path, written: Status) -> Status:
    """The status of a run whose worker died without writing a reason."""
    return written.model_copy(
        update={"state": "interrupted", "failure": why_lost(run), "ended": written.heartbeat, "phase": ""}
    )


def written_status(run: Path) -> Status:
    """The status as it is in the file.

    Raises:
        UnknownRun: the status is missing or cannot be read.
    """
    try:
        return settled(_read_status, run / "status.json")
    except (OSError, ValidationError) as error:
        raise UnknownRun("unreadable_status", name=run.name) from error


def _read_status(file: Path) -> Status:
    return Status.model_validate_json(file.read_bytes())


def settled(read: Callable[[Path], _Read], file: Path) -> _Read:
    """Return ``read(file)``, from a cache unless the file has changed.

    The cache makes a folder with a thousand runs fast. Raises OSError, and what `read` raises.
    """
    modified = file.stat().st_mtime_ns
    # A file that has just been written may be written again with the same time stamp.
    settled = time.time_ns() - modified > _TICK
    return _read_settled(read, file, modified) if settled else read(file)


@lru_cache(maxsize=16_384)
def _read_settled(read: Callable[[Path], _Read], file: Path, _modified: int) -> _Read:
    return read(file)


def write_status(run: Path, status: Status) -> None:
    write_json(run / "status.json", status.model_dump())


def write_last_word(run: Path, status: Status) -> None:
    """Like `write_status`, for a worker that exits. On a full disk, the reserve is deleted to make room."""
    with suppress(OSError):
        (run / "reserve").unlink(missing_ok=True)
    for attempt in range(_LAST_TRIES):
        try:
            write_status(run, status)
            return
        except OSError as error:
            # Another process may have used this room for a write that fails, too, and is then deleted.
            if not is_disk_full(error) or attempt == _LAST_TRIES - 1:
                raise
            time.sleep(_BETWEEN)


def worker_lock(run: Path) -> FileLock:
    """The lock that a worker holds as long as it lives. The system frees the lock when the worker dies."""
    return FileLock(run / "worker.lock")


def worker_is_alive(run: Path) -> bool:
    """Whether a process on this machine holds the lock of the run's worker."""
    return is_held(run / "worker.lock")


def is_held(lock: Path) -> bool:
    """Whether a process on this machine holds a lock. The lock file is not created.

    The test takes a shared lock for a moment. Many processes can do so at once. During that moment, no
    process can take the lock for itself, so a worker must try for some time to take it.
    """
    try:
        with lock.open("rb") as file:
            portalocker.lock(file, LockFlags.SHARED | LockFlags.NON_BLOCKING)
            # Closing the file would not free the lock if this process is being forked at the moment.
            portalocker.unlock(file)
    except AlreadyLocked:
        return True
    except (OSError, LockException):
        return False  # there is no such file, or the file system has no locks
    return False


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file as a whole."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1), "utf-8")


def size(run: Path) -> int:
    """The size of a run's files, in bytes."""
    return sum(_bytes(folder) for folder in (run, run / "epochs"))


def _bytes(folder: Path) -> int:
    try:
        return sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())
    except OSError:
        return 0  # the folder does not exist yet, or was deleted meanwhile


def has_checkpoint(run: Path) -> bool:
    """Whether the run can be resumed."""
    return (run / "checkpoint.npz").is_file()


def has_model(run: Path) -> bool:
    """Whether the run has a trained model."""
    return (run / "model.onnx").is_file()
