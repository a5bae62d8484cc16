"""Who imports whom: the server never imports TensorFlow, and the core does not know of Streamlit."""

from __future__ import annotations

import ast
import importlib.util
import pkgutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import core
from tests.support.sources import CORE, PAGES, PROJECT

UI = [file for file in CORE if "ui" in file.parts]
BELOW_UI = [file for file in CORE if file not in UI]
WORKER = [file for file in CORE if "worker" in file.parts]
SERVER = [file for file in CORE if file not in WORKER] + PAGES + sorted(PROJECT.glob("*.py"))


def imports(file: Path) -> set[str]:
    """The modules that a file names in its import statements, wherever these stand."""
    *package, _module = file.relative_to(PROJECT).with_suffix("").parts
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = importlib.util.resolve_name("." * node.level + (node.module or ""), ".".join(package))
            # `from core import worker` imports core.worker.
            found |= {origin} | {f"{origin}.{alias.name}" for alias in node.names}
    return found


def importers(files: Iterable[Path], *modules: str) -> list[str]:
    """The files that import one of these modules, or something in them."""
    return [
        str(file.relative_to(PROJECT))
        for file in files
        if any(f"{name}.".startswith(f"{module}.") for name in imports(file) for module in modules)
    ]


def test_what_the_server_imports_brings_no_tensorflow_with_it() -> None:
    modules = [
        found.name
        for found in pkgutil.walk_packages(core.__path__, "core.", onerror=lambda name: None)
        if not found.name.startswith("core.worker")
    ]
    assert {
        "core.jobs.jobs",
        "core.network.predict",
        "core.evaluation.evaluate",
        "core.data.datasets",
    } <= set(modules)
    script = f"""
import importlib, sys
for name in {modules!r}:
    importlib.import_module(name)
print(sorted({{"tensorflow", "keras"}} & set(sys.modules)))
"""
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout.strip()) == (0, "[]"), found.stderr


def test_only_the_worker_imports_tensorflow_and_nothing_imports_the_worker() -> None:
    assert importers(WORKER, "tensorflow", "keras")
    assert importers(SERVER, "tensorflow", "keras", "core.worker") == []


def test_the_core_does_not_know_of_streamlit_and_ui_is_the_exception() -> None:
    assert importers(UI, "streamlit")
    assert importers(BELOW_UI, "streamlit", "streamlit_drawable_canvas") == []


def test_imports_go_one_way_from_the_pages_to_the_core() -> None:
    assert importers(CORE + PAGES, "pages", "app") == []
    assert importers(BELOW_UI, "core.ui") == []
    # Beside each other, pages could also be imported by their bare names.
    assert importers(PAGES, *(page.stem for page in PAGES)) == []
