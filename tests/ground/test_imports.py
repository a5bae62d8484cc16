"""Who imports whom: rooms in one order, TensorFlow in the worker only, Streamlit in `core.ui` only."""

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

# The rooms of `core`, each of which imports from those before it. The ground is what stands in no room.
GROUND = "core"
ORDER = (
    GROUND, "data", "drawing", "network", "training", "runs", "evaluation", "jobs", "sweeps", "exports",
    "charts", "ui",
)  # fmt: skip
# What stands on top of whatever it uses: a process of its own, and the terminal's door.
ON_TOP = (PROJECT / "core" / "worker", PROJECT / "core" / "__main__.py")

UI = [file for file in CORE if "ui" in file.parts]
BELOW_UI = [file for file in CORE if file not in UI]
WORKER = [file for file in CORE if "worker" in file.parts]
SERVER = [file for file in CORE if file not in WORKER] + PAGES + sorted(PROJECT.glob("*.py"))


def imports(file: Path) -> set[str]:
    """The modules that a file names in its import statements, wherever these stand."""
    *package, _module = file.relative_to(PROJECT).with_suffix("").parts
    modules = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = importlib.util.resolve_name("." * node.level + (node.module or ""), ".".join(package))
            # `from core import worker` imports core.worker.
            modules |= {origin} | {f"{origin}.{alias.name}" for alias in node.names}
    return modules


def module(file: Path) -> str:
    return ".".join(file.relative_to(PROJECT).with_suffix("").parts)


def place(name: str) -> int:
    """The place in the order of the room in which a module of `core` stands."""
    room = name.split(".")[1]
    return ORDER.index(room) if (PROJECT / "core" / room).is_dir() else ORDER.index(GROUND)


def importers(files: Iterable[Path], *modules: str) -> list[str]:
    """The files that import one of these modules, or something in them."""
    return [
        str(file.relative_to(PROJECT))
        for file in files
        if any(f"{name}.".startswith(f"{module}.") for name in imports(file) for module in modules)
    ]


def test_what_the_server_imports_brings_no_tensorflow_with_it() -> None:
    modules = [
        info.name
        for info in pkgutil.walk_packages(core.__path__, "core.", onerror=lambda name: None)
        if not info.name.startswith("core.worker")
    ]
    assert {
        "core.jobs.run_queue",
        "core.network.predict",
        "core.evaluation.results",
        "core.data.datasets",
    } <= set(modules)
    script = f"""
import importlib, sys
for name in {modules!r}:
    importlib.import_module(name)
print(sorted({{"tensorflow", "keras"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_only_the_worker_imports_tensorflow_and_nothing_imports_the_worker() -> None:
    assert importers(WORKER, "tensorflow", "keras")
    assert importers(SERVER, "tensorflow", "keras", "core.worker") == []


def test_the_core_does_not_know_of_streamlit_and_ui_is_the_exception() -> None:
    assert importers(UI, "streamlit")
    assert importers(BELOW_UI, "streamlit", "streamlit_drawable_canvas") == []


def test_every_room_imports_from_the_rooms_before_it() -> None:
    below_the_top = [file for file in CORE if not any(file.is_relative_to(top) for top in ON_TOP)]
    backwards = {
        f"{module(file)} imports {name}"
        for file in below_the_top
        for name in imports(file)
        if name.startswith("core.") and place(name) > place(module(file))
    }
    assert backwards == set()


def test_every_room_has_a_place_in_the_order_and_says_what_it_is_for() -> None:
    files = {module(file.parent): file for file in CORE if file.name == "__init__.py"}
    pages = {f"core.ui.{page.stem}" for page in PAGES}
    assert set(files) - pages == {GROUND, "core.worker", *(f"core.{room}" for room in ORDER[1:])}
    purposes = {room: ast.get_docstring(ast.parse(file.read_text("utf-8"))) for room, file in files.items()}
    assert [room for room, purpose in purposes.items() if not purpose] == []


def test_what_one_page_is_made_of_is_imported_by_that_page_alone() -> None:
    """What two pages need stands in `core/ui` itself."""
    parts = [page.stem for page in PAGES if (PROJECT / "core" / "ui" / page.stem).is_dir()]
    assert "draw" in parts
    for page in parts:
        others = [file for file in UI if file.parent.name != page]
        other_pages = [file for file in PAGES if file.stem != page]
        assert importers(others + other_pages, f"core.ui.{page}") == []


def test_the_tests_stand_in_rooms_of_the_same_names() -> None:
    folders = {file.parent.name for file in (PROJECT / "tests").rglob("test_*.py")}
    assert folders - {"pages", "browser", "ground"} <= {*ORDER[1:], "worker"}


def test_imports_go_one_way_from_the_pages_to_the_core() -> None:
    assert importers(CORE + PAGES, "pages", "app") == []
    assert importers(BELOW_UI, "core.ui") == []
    # Beside each other, pages could also be imported by their bare names.
    assert importers(PAGES, *(page.stem for page in PAGES)) == []
