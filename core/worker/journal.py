"""The worker's side of the run directory."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from core import runs


class Journal:
    """Keeps a run's status, of which the worker is the only writer."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self._status = runs.written_status(run)

    def update(self, **changes: Any) -> None:
        """Write the status with these changes, and the time as its heartbeat."""
        self._status = self._status.model_copy(update=changes | {"heartbeat": time.time()})
        runs.write_status(self.run, self._status)

    def batch(self, row: dict[str, Any]) -> None:
        """Note how far the epoch is."""
        runs.append_row(self.run / "batches.jsonl", _finite(row))
        self.update(step=row["step"])

    def epoch(self, row: dict[str, Any]) -> None:
        """Note an epoch's result."""
        runs.append_row(self.run / "metrics.jsonl", _finite(row))
        self.update(step=row["steps"])


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN and no infinity; a missing value says the same."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }
