"""A process that works on the runs whose folders it reads on its standard input, one after the other."""

from __future__ import annotations

import sys
from pathlib import Path

from core.worker.__main__ import attempt, print_to

for line in sys.stdin:
    run = Path(line.strip())
    print_to(run / "log.txt")
    attempt(run)
