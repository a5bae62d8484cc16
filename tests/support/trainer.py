"""A worker that trains one run after the other, told on its standard input as a warm one is told of its own.

To import TensorFlow takes most of the seconds of a small run. What is about the process itself is tested
with a process of its own.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from core.worker.__main__ import main

for line in sys.stdin:
    name, slots = json.loads(line)
    with (Path(name) / "log.txt").open("ab") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    main(Path(name), slots)
