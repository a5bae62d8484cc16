"""Packages that are imported when they are first used."""

from __future__ import annotations

import subprocess
import sys

from tests.support.sources import PROJECT

# One thread imports pandas, the other makes a figure as soon as pandas has begun to be imported.
TWO_THREADS = """
import sys, threading, time
from core.charts.training import pace
from core.lazy import pandas

began = threading.Thread(target=lambda: pandas.Series)
began.start()
while "pandas" not in sys.modules:
    time.sleep(0)
print(len(pace([{"epoch": 1, "seconds": 2.0}], "seconds", "seconds", 1).data))
began.join()
"""


def test_a_figure_is_made_while_another_thread_imports_pandas() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TWO_THREADS], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "1", done.stderr
