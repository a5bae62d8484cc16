"""The time of a page with twenty waiting runs, compared with a test of the locks that waits.

A page tests whether the worker of a run lives. For the test, the page tries to share the lock of the worker
for a moment. The page is refused at once if the worker holds the lock. An earlier test took the lock for
itself. It tried to do so for 30 ms, because other tests could hold the lock. In this benchmark, a single
process holds all the locks, instead of workers. So the benchmark needs no TensorFlow.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from filelock import FileLock, Timeout

from benchmarks.comparison import Comparison
from benchmarks.pages import ANSWER, answer
from core.config import RunConfig
from core.jobs.local import PROJECT
from core.runs import run_folder

WAITING = 20
_HOLD = """
import sys
from pathlib import Path
from core.runs import run_folder
locks = [run_folder.worker_lock(Path(run)) for run in sys.argv[1:]]
for lock in locks:
    lock.acquire()
print(flush=True)
sys.stdin.read()
"""


def compare(root: Path, dataset: str, repeats: int, quick: bool) -> Iterator[Comparison]:
    """Compare the times of the pages that read the status of the runs."""
    folder = root / "waiting"
    runs = [run_folder.create(folder, RunConfig()) for _run in range(2 if quick else WAITING)]
    with _held(runs):
        for name, query in (("start", {}), ("train", {}), ("train", {"run": runs[0].name}), ("runs", {})):
            pairs = [_pair(folder, name, query) for _repeat in range(repeats)]
            ours, theirs = zip(*pairs, strict=True)
            title = f"the {name} page{' of a waiting run' * bool(query)} answers, {len(runs)} runs wait"
            yield Comparison(title, "a look that waits", "ms", ours, theirs)
            yield Comparison(title, "promised", "ms", ours, (ANSWER,) * repeats, 1.0)


def _pair(root: Path, name: str, query: dict[str, str]) -> tuple[float, float]:
    ours = answer(root, name, **query)
    with mock.patch.object(run_folder, "is_held", _look_that_waits):
        return ours, answer(root, name, **query)


def _look_that_waits(file: Path) -> bool:
    """The earlier version of `core.runs.run_folder.is_held`."""
    if not file.exists():
        return False
    try:
        with FileLock(file).acquire(timeout=0.03, poll_interval=0.003):
            return False
    except Timeout:
        return True


@contextmanager
def _held(runs: list[Path]) -> Iterator[None]:
    """Hold the locks of the runs, like the workers of these runs, until the block ends."""
    words = [sys.executable, "-c", _HOLD, *map(str, runs)]
    with subprocess.Popen(words, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        yield
        holder.communicate()
