"""Another process that does a part of a measurement and answers in JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.jobs.local import PROJECT


class ChildFailed(RuntimeError):
    """The other process ended badly. The message holds what it printed."""


def answer(out: Path, *words: object) -> Any:
    """Run ``python WORDS... OUT`` and read the JSON that it leaves in ``OUT``.

    What it prints goes to a file next to ``OUT``, as it would with a user's script in the background.

    Raises:
        ChildFailed: it did not end with exit code 0.
    """
    log = out.with_suffix(".log")
    with log.open("wb") as printed:
        done = subprocess.run(
            [sys.executable, *map(str, words), str(out)],
            cwd=PROJECT,
            # As the worker's environment.
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            # As the worker: Linux may share the processor out by session.
            start_new_session=True,
            check=False,
        )
    if done.returncode:
        raise ChildFailed(log.read_text("utf-8", errors="replace"))
    return json.loads(out.read_text("utf-8"))
