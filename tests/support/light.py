"""The real worker without its training, so that it needs no TensorFlow.

``python -m tests.support.light`` takes the arguments of ``python -m core.worker``. A run of one epoch
finishes at once. Any other run continues until a pause or a stop is requested, and fails if its folder
contains a file ``fail``. The worker records the start and the end of each training in the run's
``trained.txt``.
"""

from __future__ import annotations

import os
import runpy
import sys
import time
import types
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from core.jobs.local import Started, spawn
from core.runs import records
from core.runs.run_folder import Ask
from core.worker.recorder import Journal


def train(run: Path, journal: Journal, action: Ask) -> None:
    """Replaces `core.worker.training.train`, without a network."""
    note(run, "begin")
    journal.update(phase="training", epochs=1, epoch=1, step=1)
    (run / "checkpoint.npz").touch()
    ends = records.config(run).epochs == 1
    while not ends and (wanted := action()) != "stop":
        if wanted == "pause":
            note(run, "end")
            if journal.pause(action):
                return
            note(run, "begin")
        if not run.exists():
            raise FileNotFoundError(run)
        if (run / "fail").exists():
            raise RuntimeError("It was told to fail.")
        time.sleep(0.001)
    note(run, "end")
    (run / "model.onnx").touch()
    if ends:
        journal.end("finished")
    else:
        journal.stop(action)


def note(run: Path, event: str) -> None:
    with (run / "trained.txt").open("ab", buffering=0) as file:
        file.write(f"{event} {os.getpid()}\n".encode())


def install() -> None:
    """Let the worker of this process use this `train`."""
    module = types.ModuleType("core.worker.training")
    module.train = train
    module.rehearse = lambda: None
    sys.modules["core.worker.training"] = module


def start(module: str, words: Sequence[str], output: int | IO[bytes]) -> Started:
    """Replaces `core.jobs.local.spawn`: starts a worker that trains nothing."""
    assert module == "core.worker"
    return spawn("tests.support.light", words, output)


if __name__ == "__main__":
    install()
    runpy.run_module("core.worker", run_name="__main__")
