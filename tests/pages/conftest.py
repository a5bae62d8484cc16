"""What the tests of the pages begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runs import run_folder


@pytest.fixture
def with_run(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The trained run, in a folder that the app looks into."""
    monkeypatch.setenv("MNIST_LAB_RUNS", str(trained))
    return run_folder.every(trained)[0]
