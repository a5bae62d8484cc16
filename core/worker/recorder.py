"""Write the worker's files in the run directory: the status and the rows of metrics."""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.runs import records, run_folder
from core.runs.run_folder import Ask


class Journal:
    """Writes the status and the rows of a run. Only the worker of the run may have a journal of it.

    Attributes:
        status: the latest status.
        had_diverged: whether the run had diverged before this worker began.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self.status = run_folder.written_status(run)
        self.had_diverged = self.status.diverged
        self._began: float | None = None
        self._worked = self.status.worked
        with suppress(OSError):  # on a full disk, the files of an earlier attempt are used
            run_folder.keep_room(run)

    def begin(self) -> None:
        """Write that the run trains. Its working time is counted from here."""
        self._began = time.time()
        self.update(
            state="running", phase="importing", pid=os.getpid(), started=self._began, ended=0,
            failure=None, diverged=False, can_resume=True,
        )  # fmt: skip

    def imported(self, seconds: float) -> None:
        """Note how long it took to import TensorFlow, or to wait for that."""
        self.update(imported=(self.status.imported or 0) + seconds)

    def update(self, **changes: Any) -> None:
        """Write the status with these changes. The heartbeat is the current time."""
        self._note(changes)
        run_folder.write_status(self.run, self.status)

    def _note(self, changes: dict[str, Any]) -> None:
        now = time.time()
        worked = self._worked + (now - self._began if self._began else 0)
        self.status = self.status.model_copy(update=changes | {"heartbeat": now, "worked": worked})

    def end(self, state: run_folder.State, **changes: Any) -> None:
        """Write that the run has ended or paused, with this state."""
        self._note(changes | {"state": state, "phase": "", "ended": time.time()})
        run_folder.write_last_word(self.run, self.status)

    def pause(self, action: Ask) -> bool:
        """Write that the run pauses, if a pause is still requested. Returns whether it was.

        Another request has to wait meanwhile, and then finds that there is no worker.
        """
        with run_folder.changing_request(self.run):
            if action() != "pause":
                return False
            self.end("paused")
            return True

    def stop(self, action: Ask, **changes: Any) -> bool:
        """Note that the run has stopped. If it is wanted again meanwhile, it waits for its next turn.

        Returns:
            Whether it is not wanted.
        """
        with run_folder.changing_request(self.run):
            if action() == "run":
                run_folder.keep_room(self.run)
                self.end("queued", queued=time.time(), pid=0, **changes)
                return False
            self.end("stopped", **changes)
            return True

    def batch(self, row: dict[str, Any]) -> None:
        """Append a row within an epoch."""
        records.append_row(self.run / "batches.jsonl", _finite(row))
        self.update(step=row["step"])

    def epoch(self, row: dict[str, Any]) -> None:
        """Append the results of an epoch."""
        records.append_row(self.run / "metrics.jsonl", _finite(row | {"time": time.time()}))
        self.update(step=row["steps"])

    def layers(self, epoch: int, layers: dict[str, dict[str, Any]]) -> None:
        """Append the histograms of the layers after an epoch, see `core.worker.histograms`."""
        records.append_row(self.run / "layers.jsonl", {"epoch": epoch, "layers": layers})

    def change(self, epoch: int, setting: str, before: float, after: float, by: str) -> None:
        """Append a change of a setting, see `core.runs.records.changes`."""
        row = {"epoch": epoch, "setting": setting, "before": before, "after": after, "by": by}
        records.append_row(self.run / "changes.jsonl", row)


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """Replace NaN and infinity, which JSON does not have, by None."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }
