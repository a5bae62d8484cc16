"""python -m core.worker RUN_DIR SLOTS: train one run. Started by `core.jobs`, one process per run."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from pathlib import Path

from core import jobs, runs
from core.i18n import _
from core.worker.journal import Journal


def main(run: Path, slots: int) -> None:
    # The container or the system asks a process to end this way: keep what was learned.
    signal.signal(signal.SIGTERM, lambda *_signal: jobs.stop(run))
    with runs.worker_lock(run).acquire(timeout=10):
        journal = Journal(run)
        try:
            _take_turn(run, slots, journal)
        except Exception as error:  # noqa: BLE001
            # The worker's edge: whatever went wrong is what the run's page has to show.
            traceback.print_exc()
            if run.exists():  # and was not deleted, which ends it as well
                journal.update(state="failed", phase="", ended=time.time(), error=_sentence(error))


def _take_turn(run: Path, slots: int, journal: Journal) -> None:
    journal.update(pid=os.getpid())
    slot = jobs.wait_for_slot(run, slots)
    if slot is None:
        journal.update(state="stopped", ended=time.time())
        return
    with slot:
        journal.update(state="running", phase="importing", started=time.time())
        # Here and not above: it takes seconds, and a waiting run needs none of it.
        from core.worker.training import train

        train(run, journal)


def _sentence(error: Exception) -> str:
    """The error for a person: our own say it all, others need their kind in front of them."""
    if type(error).__module__.startswith("core."):
        return str(error)
    first_line = (str(error).splitlines() or [""])[0]
    return _("Training failed with {kind}: {message}").format(
        kind=type(error).__name__, message=first_line[:300]
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
