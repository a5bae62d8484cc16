"""What a page imports when a server shows it first: no package of `core.lazy` that it does not use."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core import lazy
from core.runs import run_folder
from tests.conftest import PATIENCE
from tests.support.pages import APP, PAGES
from tests.support.sources import PROJECT

PACKAGES = {package.__name__ for package in vars(lazy).values() if isinstance(package, lazy.Lazy)}
PACKAGES -= {lazy.go.__name__}  # it is lazy for the sake of what it imports first
# By page: what it shows with them. No other page needs one.
USED = {
    "data": {"pandas"},  # the table of the classes, which Streamlit makes with pandas
    "train": {"pandas"},  # the table of the layers
    "runs": {"pandas"},  # the table of the runs
    "evaluate": {"pandas", "onnxruntime"},  # its figures; an earlier epoch
    "draw": {"onnxruntime"},  # the network and the digits with which a drawing will be compared
}

CHILD = f"""
import sys
from streamlit.testing.v1 import AppTest

app = AppTest.from_file({APP!r}, default_timeout={PATIENCE})
app.switch_page(f"pages/{{sys.argv[1]}}.py").run()
assert not app.exception, app.exception
print(*{PACKAGES} & sys.modules.keys())
"""


@pytest.mark.parametrize("page", PAGES)
def test_a_page_imports_no_package_that_it_does_not_use(page: str, runs_folder: Path) -> None:
    shutil.copytree(run_folder.STARTER, runs_folder / "20260101-120000-mlp")
    done = subprocess.run(
        [sys.executable, "-c", CHILD, page],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == USED.get(page, set())


def test_arrow_takes_no_memory_in_advance() -> None:
    script = "import core, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "system"
