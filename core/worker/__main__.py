"""The training process, started by `core.jobs.run_queue`. It does not end with the server.

``python -m core.worker RUN_DIR SLOTS`` trains one run. ``python -m core.worker --warm SECONDS`` imports
TensorFlow first and then waits for such a line on its standard input, as JSON: ``["RUN_DIR", SLOTS]``;
it exits if no line arrives for this many seconds, or if its standard input is closed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from contextlib import nullcontext, suppress
from pathlib import Path

from filelock import BaseFileLock, Timeout

from core.failures import Failure
from core.jobs import run_queue
from core.runs import run_folder
from core.runs.run_folder import Action
from core.worker.recorder import Journal

_PATIENCE = 20  # seconds to wait for another worker of the same run to leave

# Set by SIGTERM, with which the system or the container asks every process to end.
_leaving = threading.Event()

# What a warm worker does first; it takes a run on before it is done with that.
_warming: threading.Thread | None = None


def main(run: Path, slots: int) -> None:
    """Train this run, if it should be trained and no other process trains it."""
    signal.signal(signal.SIGTERM, lambda *_signal: _leaving.set())
    try:
        with run_folder.worker_lock(run).acquire(timeout=_PATIENCE):
            if _is_wanted(run):
                _work(run, slots)
    except Timeout:
        return  # another worker has it


def _is_wanted(run: Path) -> bool:
    """Whether anything is left to do: another worker may have had the run until a moment ago."""
    wanted = run_folder.request(run).action
    match run_folder.written_status(run).state:
        case "queued" | "running":
            return True
        case "paused":
            return wanted != "pause"
        case "stopped":
            return wanted == "run"  # asked for while that worker wrote down what it had learned
    return False


def _work(run: Path, slots: int) -> None:
    journal = Journal(run)

    def action() -> Action:
        return "pause" if _leaving.is_set() else run_folder.request(run).action

    try:
        _take_turn(run, slots, journal, action)
    except Exception as error:  # noqa: BLE001
        # The worker's edge: whatever went wrong is what the run's page has to show.
        if run.exists():  # and was not deleted, which ends it as well
            lost = isinstance(error, run_folder.CannotGoOn)
            journal.end("failed", failure=Failure.from_exception(error), can_resume=not lost)
        with suppress(OSError):  # the log is on the same disk
            traceback.print_exc()


def _take_turn(run: Path, slots: int, journal: Journal, action: run_queue.Ask) -> None:
    journal.update(pid=os.getpid(), state="queued")
    while (turn := run_queue.wait_for_slot(run, slots, action)) == "pause":
        if journal.pause(action):
            return
    if turn == "stop" and not run_folder.has_checkpoint(run):
        journal.end("stopped")
        return
    # To write down what a stopped run has learned takes seconds, and no turn. To train takes one, so
    # this worker will not, whatever is asked for meanwhile.
    slot = turn if isinstance(turn, BaseFileLock) else None
    with slot or nullcontext():
        journal.begin()
        if _warming:
            _warming.join()  # it draws from the random generators that the training is to have for itself
        # Here and not above: it takes seconds, and a waiting run needs none of it.
        from core.worker.training import train

        train(run, journal, action if slot else lambda: "stop")


def wait_warm(seconds: float) -> None:
    """Import TensorFlow, wait for a run meanwhile, train it."""
    global _warming
    _warming = threading.Thread(target=_rehearse, daemon=True)
    _warming.start()
    leave = threading.Timer(seconds, lambda: os._exit(0))
    leave.daemon = True
    leave.start()
    line = sys.stdin.readline()
    leave.cancel()
    if not line:
        os._exit(0)  # at once, whatever is being imported
    run, slots = json.loads(line)
    with (Path(run) / "log.txt").open("ab") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    main(Path(run), slots)


def _rehearse() -> None:
    from core.worker.training import rehearse

    rehearse()


if __name__ == "__main__":
    if sys.argv[1] == "--warm":
        wait_warm(float(sys.argv[2]))
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]))
