"""Train runs with the worker, in the same way as the server."""

from __future__ import annotations

import time
from pathlib import Path

from core.config import RunConfig
from core.failures import words
from core.jobs import run_queue
from core.runs import run_folder
from core.settings import Settings

_POLL = 0.5  # seconds between two checks, about as many as on the page that shows a run


class RunFailed(RuntimeError):
    """A run did not finish. The message holds its state and its log."""


def train(config: RunConfig, root: Path) -> Path:
    """Let the worker train a run, and wait for its end.

    Args:
        root: the folder of runs in which the run is created.

    Returns:
        The directory of the run.

    Raises:
        RunFailed: the run did not finish.
        ImpossibleNetwork, DatasetMissing, NotAllowed: like `run_queue.submit`.
    """
    run = run_queue.submit(config, Settings(runs=root))
    try:
        _wait(run)
    finally:
        # Otherwise the worker would continue after Ctrl-C. A run that has ended does not change.
        run_queue.stop(run)
    status = run_folder.status(run)
    if status.state != "finished":
        log = (run / "log.txt").read_text("utf-8", errors="replace")
        raise RunFailed(f"The run ended as {status.state}: {words(status.failure)}\n{log}")
    return run


def _wait(run: Path) -> None:
    while run_folder.status(run).state not in run_folder.RESTING:
        time.sleep(_POLL)
