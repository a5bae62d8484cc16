"""Start worker processes: when a run needs one, or before, so that TensorFlow is already imported.

A server keeps at most one warm worker waiting. It waits on its standard input, so it exits with the
server. It also exits if no run has needed it for some minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

PROJECT = Path(__file__).parents[2]

_lock = threading.Lock()
_waiting: subprocess.Popen[bytes] | None = None


def prepare(minutes: float) -> None:
    """See to it that a warm worker waits, or will in some seconds; none for 0 minutes."""
    global _waiting
    with _lock:
        if minutes and not _is_there(_waiting):
            _waiting = spawn(["--warm", str(60 * minutes)], subprocess.DEVNULL, subprocess.PIPE)


def hand_over(run: Path, slots: int) -> int | None:
    """Give the run to the warm worker. Returns its process id, or None if there was none."""
    global _waiting
    with _lock:
        worker, _waiting = _waiting, None
    if not _is_there(worker):
        return None
    assert worker
    assert worker.stdin
    try:
        with worker.stdin as pipe:
            pipe.write(json.dumps([str(run.absolute()), slots]).encode() + b"\n")
    except OSError:
        return None  # it left at this very moment
    return worker.pid


def is_waiting() -> bool:
    """Whether there is a worker that will take the next run."""
    with _lock:
        return _is_there(_waiting)


def _is_there(worker: subprocess.Popen[bytes] | None) -> bool:
    """Whether this worker waits. If it has left, its pipe is closed."""
    if worker is None or worker.poll() is None:
        return worker is not None
    assert worker.stdin
    worker.stdin.close()
    return False


def spawn(
    words: list[str], output: int | IO[bytes], source: int, module: str = "core.worker"
) -> subprocess.Popen[bytes]:
    """Start ``python -m core.worker`` in a session of its own, so that it outlives this process."""
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=PROJECT,
        env=os.environ | environment(),
        stdin=source,
        stdout=output,
        stderr=output,
        **detached,
    )
    # Without this wait, the ended process would remain as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def environment() -> dict[str, str]:
    """Environment variables for a process that imports TensorFlow, besides those of this process."""
    variables = {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"}
    if home := os.environ.get("KERAS_HOME"):
        # The worker runs in another folder than the process that started it.
        variables["KERAS_HOME"] = str(Path(home).absolute())
    return variables
