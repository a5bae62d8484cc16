"""The run directory: the only contract between the server and a worker.

A run is a folder, and copying the folder copies the run. JSON files are replaced as a whole;
``.jsonl`` files only grow, a line at a time; so a reader copes with a last line that is not there yet
and with a folder that is half made. Nothing else holds a run's state.

========================  ==========  =================================================
file                      written by  holds
========================  ==========  =================================================
``config.json``           creator     the `RunConfig`, never changed
``status.json``           worker      the `Status`
``environment.json``      worker      versions, seed, the data's digest, the machine
``batches.jsonl``         worker      a row about four times a second while an epoch runs
``metrics.jsonl``         worker      a row per epoch
``model.keras``           worker      the trained model
``model.onnx``            worker      the same, as the server runs it
``evaluation.npz``        worker      the test images' logits and labels
``log.txt``               worker      what the process printed
``stop``                  anyone      asks the worker to stop (an empty file)
``worker.lock``           worker      locked while the worker lives
========================  ==========  =================================================
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from core.config import RunConfig
from core.files import replacing
from core.i18n import _

State = Literal["queued", "running", "stopping", "finished", "stopped", "failed"]
ENDED: frozenset[State] = frozenset({"finished", "stopped", "failed"})
Phase = Literal["", "importing", "loading", "compiling", "training", "evaluating"]

# A new worker takes its lock well within this time, in seconds; without it, it never came up.
_START_TIME = 30.0
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class UnknownRun(LookupError):
    """There is no run of that name, or none that can be read."""


class Status(BaseModel):
    """Where a run stands.

    Attributes:
        state: `stopping` is asked to stop and has not yet; the last three are final.
        phase: what a running worker is doing.
        pid: the worker's process, on the machine that trains it; 0 before there is one.
        created, started, ended, heartbeat: seconds since 1970; 0 where it has not happened yet.
        epoch: epochs begun, from 1; 0 before the first.
        step: steps done in that epoch.
        steps: steps in an epoch.
        test_loss, test_accuracy: on the whole test set; None before it is evaluated.
        error: why it failed, in a sentence.
    """

    model_config = ConfigDict(frozen=True)

    state: State
    phase: Phase = ""
    pid: int = 0
    created: float = 0
    started: float = 0
    ended: float = 0
    heartbeat: float = 0
    epoch: int = 0
    step: int = 0
    steps: int = 0
    test_loss: float | None = None
    test_accuracy: float | None = None
    error: str = ""


def create(root: Path, config: RunConfig) -> Path:
    """Make the directory of a new, queued run. Its name sorts by the time it was made.

    Raises:
        OSError: the folder cannot be written to.
    """
    root.mkdir(parents=True, exist_ok=True)
    now = time.time()
    moment = datetime.fromtimestamp(now, UTC)
    run_id = f"{moment:%Y%m%d-%H%M%S}-{moment.microsecond // 1000:03d}-{secrets.token_hex(2)}"
    run = root / run_id
    run.mkdir()
    # The status first: a folder with a config is a whole run.
    write_status(run, Status(state="queued", created=now, heartbeat=now))
    write_json(run / "config.json", config.model_dump(mode="json"))
    return run


def find(root: Path, run_id: str) -> Path:
    """The directory of the run of this name, which may come from a URL.

    Raises:
        UnknownRun: the name is no run's name, or there is no such run.
    """
    run = root / run_id
    if not _RUN_ID.fullmatch(run_id) or not (run / "config.json").is_file():
        raise UnknownRun(
            _("There is no run {name}. It may have been deleted; choose another.").format(
                name=repr(run_id[:64])
            )
        )
    return run


def every(root: Path) -> list[Path]:
    """The run directories, newest first."""
    try:
        names = [entry.name for entry in os.scandir(root)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = (root / name for name in sorted(names, reverse=True) if _RUN_ID.fullmatch(name))
    return [run for run in found if (run / "config.json").is_file()]


def config(run: Path) -> RunConfig:
    """The run's settings.

    Raises:
        UnknownRun: they are not there, or not readable as settings.
    """
    try:
        return RunConfig.read(json.loads((run / "config.json").read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise UnknownRun(
            _("The settings of run {name} cannot be read. Choose another run.").format(name=run.name)
        ) from error


def status(run: Path) -> Status:
    """Where the run stands by its files, and by whether its worker is still alive.

    Raises:
        UnknownRun: the status is not there, or not readable.
    """
    found = written_status(run)
    if found.state in ENDED:
        return found
    if not worker_is_alive(run) and _gave_up(found):
        # It may have ended well between the two looks.
        found = written_status(run)
        return found if found.state in ENDED else _lost(found)
    if (run / "stop").exists():
        return found.model_copy(update={"state": "stopping"})
    return found


def _gave_up(found: Status) -> bool:
    """Whether a run without a living worker is lost, and not merely about to start."""
    return found.pid != 0 or time.time() - found.created > _START_TIME


def _lost(found: Status) -> Status:
    message = _("The training process ended without a word: it was killed, or the machine went down.")
    return found.model_copy(
        update={"state": "failed", "error": message, "ended": found.heartbeat, "phase": ""}
    )


def written_status(run: Path) -> Status:
    """The status as the worker last wrote it.

    Raises:
        UnknownRun: it is not there, or not readable.
    """
    try:
        return Status.model_validate_json((run / "status.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise UnknownRun(
            _("The status of run {name} cannot be read. Choose another run.").format(name=run.name)
        ) from error


def write_status(run: Path, status: Status) -> None:
    write_json(run / "status.json", status.model_dump())


def worker_lock(run: Path) -> FileLock:
    """The lock that a worker holds for as long as it lives; the system frees it when it dies."""
    return FileLock(run / "worker.lock")


def worker_is_alive(run: Path) -> bool:
    """Whether a process on this machine holds the run's lock."""
    if not (run / "worker.lock").exists():
        return False
    try:
        # Somebody else may be looking as well, which takes no time; a worker does not let go.
        with worker_lock(run).acquire(timeout=0.03, poll_interval=0.003):
            return False
    except Timeout:
        return True
    except OSError:
        return False  # a folder that only can be read: nothing trains in it


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file as a whole."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1), "utf-8")


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a line to a ``.jsonl`` file, in one write."""
    with path.open("a+b", buffering=0) as file:
        # A row that a full disk cut short must not take this one with it.
        start = b"\n" if _ends_within_a_line(file) else b""
        file.write(start + json.dumps(row).encode() + b"\n")


def _ends_within_a_line(file: BinaryIO) -> bool:
    if not file.seek(0, os.SEEK_END):
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def rows(path: Path) -> list[dict[str, Any]]:
    """The complete rows of a ``.jsonl`` file; none where there is no file that can be read."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    # What follows the last line end is a line that is still being written.
    return list(_parsed(lines[:-1]))


def _parsed(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue  # a write that a full disk or a power cut left half done
        if isinstance(row, dict):
            yield row


def metrics(run: Path) -> list[dict[str, Any]]:
    """A row per epoch: ``epoch``, ``steps``, ``seconds`` and Keras's logs.

    The logs are ``loss`` and ``accuracy``, and with validation ``val_loss`` and ``val_accuracy``.
    """
    return _complete(run / "metrics.jsonl", "epoch", "steps", "seconds")


def batches(run: Path) -> list[dict[str, Any]]:
    """Rows within the epochs: ``epoch``, ``step``, and ``seconds``, ``loss``, ``accuracy`` of it so far."""
    return _complete(run / "batches.jsonl", "epoch", "step", "seconds")


def _complete(path: Path, *names: str) -> list[dict[str, Any]]:
    """The rows in which all of these are numbers above 0, as a worker writes them."""
    return [row for row in rows(path) if all(_positive(row.get(name)) for name in names)]


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and value > 0


def environment(run: Path) -> dict[str, Any]:
    """What the run's numbers depend on besides its settings; empty where that is not known."""
    try:
        found = json.loads((run / "environment.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def size(run: Path) -> int:
    """The bytes that a run's files take."""
    try:
        return sum(entry.stat().st_size for entry in os.scandir(run) if entry.is_file())
    except OSError:
        return 0  # deleted meanwhile


def has_model(run: Path) -> bool:
    """Whether the run can predict."""
    return (run / "model.onnx").is_file()
