"""What the tests of drawings begin with."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where drawings are to be kept; neither it nor its folder is there yet."""
    return tmp_path / "kept" / "drawings.sqlite"
