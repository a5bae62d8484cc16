"""Run a part of a measurement in another process, which returns its result as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.jobs.local import PROJECT


class ChildFailed(RuntimeError):
    """The other process failed. The message holds its output."""


def answer(out: Path, *words: object) -> Any:
    """Run ``python WORDS... OUT`` and return the JSON that the process has written to ``OUT``.

    The output of the process goes to a file next to ``OUT``, like that of a script in the background.

    Raises:
        ChildFailed: the exit code of the process is not 0.
    """
    log = out.with_suffix(".log")
    with log.open("wb") as printed:
        done = subprocess.run(
            [sys.executable, *map(str, words), str(out)],
            cwd=PROJECT,
            # The same environment as that of a worker.
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            # Like a worker, because Linux may divide the processor time between sessions.
            start_new_session=True,
            check=False,
        )
    if done.returncode:
        raise ChildFailed(log.read_text("utf-8", errors="replace"))
    return json.loads(out.read_text("utf-8"))
