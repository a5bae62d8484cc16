"""Versions of Keras beside the one that the app runs on: ``python -m tests.support.old_keras`` installs them.

Each is a folder to be put before the others on Python's path, and takes TensorFlow and the rest from the
app's own environment. That is what makes them small: 15 to 30 MB.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

from core.exports.model_formats import OLDEST_KERAS

# Keras 2 of today is called tf-keras; on the TensorFlow of its time, nothing of the app would run.
VERSIONS = {
    OLDEST_KERAS: (f"keras=={OLDEST_KERAS}", "dm-tree==0.1.10"),
    "3.6.0": ("keras==3.6.0",),
    "3.12.4": ("keras==3.12.4",),
    "2": ("tf-keras==2.21.0",),
}
_ROOT = Path(sys.prefix) / "keras"


def folder(version: str) -> Path:
    """Where this version is; it is installed if it is not there yet."""
    place = _ROOT / "-".join(VERSIONS[version])
    _ROOT.mkdir(exist_ok=True)
    with FileLock(_ROOT / "lock"):
        if not place.exists():
            with tempfile.TemporaryDirectory(dir=_ROOT) as temporary:
                target = Path(temporary) / "installed"
                subprocess.run(
                    [
                        *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"),
                        *("--no-deps", "--target", str(target), *VERSIONS[version]),
                    ],
                    check=True,
                )
                target.rename(place)
    return place


if __name__ == "__main__":
    for name in VERSIONS:
        print(folder(name))
