"""Runs trained by the worker, as the server has them trained."""

from __future__ import annotations

import time
from pathlib import Path

from core.config import RunConfig
from core.jobs import run_queue
from core.runs import run_folder
from core.settings import Settings

_POLL = 0.5  # seconds; the page that shows a run looks about as often


class RunFailed(RuntimeError):
    """A run that should have finished did not."""


def train(config: RunConfig, root: Path) -> Path:
    """Have the worker train this run, wait for its end, and return its directory.

    Raises:
        RunFailed: it did not finish.
    """
    run = run_queue.submit(config, Settings(runs=root))
    try:
        _wait(run)
    finally:
        # The worker outlives who started it: nothing changes if it has ended.
        run_queue.stop(run)
    status = run_folder.status(run)
    if status.state != "finished":
        log = (run / "log.txt").read_text("utf-8", errors="replace")
        raise RunFailed(f"The run ended as {status.state}: {status.error}\n{log}")
    return run


def _wait(run: Path) -> None:
    while run_folder.status(run).state not in run_folder.RESTING:
        time.sleep(_POLL)
