"""The project's own source files."""

from __future__ import annotations

from pathlib import Path

import core

PROJECT = Path(core.__file__).parents[1]
CORE = sorted((PROJECT / "core").rglob("*.py"))
PAGES = sorted((PROJECT / "pages").rglob("*.py"))
