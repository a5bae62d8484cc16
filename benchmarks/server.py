"""The server's time to its first page and its memory, compared with the same pages importing more.

Each server runs a copy of the app. The copies differ in one line at the top of ``app.py``. One imports all
packages of `core.lazy` at once. Another imports TensorFlow. Pages that train or predict with Keras would cost
at least as much, because they would use TensorFlow as well. A real browser opens the pages, draws a digit,
and waits for the prediction.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.comparison import Comparison
from benchmarks.prediction import trained_cnn
from core import lazy
from core.jobs.local import PROJECT

# The measurements by the attributes of `Measured`: title, unit, and the largest value that is promised.
PROMISED = {
    "seconds": ("from the server's start to its first page", "s", 2.2),
    "first": ("the server's memory, first page opened", "MB", 140.0),
    "every": ("the server's memory, all pages opened and a digit drawn", "MB", 250.0),
}
# The first lines of the other apps, by what they are compared as.
_MORE = {
    "all packages imported at once": "import "
    + ", ".join(package.__name__ for package in vars(lazy).values() if isinstance(package, lazy.Lazy)),
    "the same pages importing TensorFlow": "import tensorflow",
}
# The digit is drawn on the last page.
TOUR = ("data", "train", "sweeps", "runs", "evaluate", "drawings", "draw")
_PARTS = ("core", "pages", "starter", ".streamlit")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
_PATIENCE = 60.0  # seconds for a server to answer, or a page to show


class NoBrowser(RuntimeError):
    """There is no Chromium on this machine. The pages cannot be opened without it."""


class Measured(NamedTuple):
    """The measurements of one server.

    Attributes:
        seconds: the time from the start of the server to its first page.
        first, every: the resident memory of the server in MB, after its first page and after all pages.
    """

    seconds: float
    first: float
    every: float


def compare(root: Path, dataset: str, repeats: int, quick: bool) -> Iterator[Comparison]:
    """Compare the time to the first page, the memory after it, and the memory after all pages.

    Raises:
        NoBrowser: there is no Chromium.
    """
    executable = chromium()
    trained_cnn(root, dataset)
    apps = [_copy(root / f"app-{number}", line) for number, line in enumerate(["", *_MORE.values()])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        pages = TOUR[-1:] if quick else TOUR
        rounds = [[_measure(app, root, browser, pages) for app in apps] for _repeat in range(repeats)]
        browser.close()
    for attribute, (title, unit, most) in PROMISED.items():
        ours, *others = (
            tuple(getattr(app, attribute) for app in column) for column in zip(*rounds, strict=True)
        )
        yield Comparison(title, "promised", unit, ours, (most,) * repeats, 1.0)
        for against, theirs in zip(_MORE, others, strict=True):
            yield Comparison(title, against, unit, ours, theirs)


def chromium() -> str:
    """The path of Chromium or Chrome. Raises NoBrowser if there is none."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise NoBrowser("there is no chromium on the PATH")
    return path


def _copy(target: Path, first_line: str) -> Path:
    """Copy the app to a new folder, with this line at the top of ``app.py``."""
    for part in _PARTS:
        shutil.copytree(PROJECT / part, target / part)
    (target / "app.py").write_text(f"{first_line}\n{(PROJECT / 'app.py').read_text('utf-8')}", "utf-8")
    return target


def _measure(app: Path, root: Path, browser: Browser, pages: Sequence[str]) -> Measured:
    """Start this server, open its pages in a fresh browser profile, and end it."""
    page = browser.new_page()
    page.set_default_timeout(1000 * _PATIENCE)
    began = time.perf_counter()
    with server(app, root) as (process, address):
        open_page(page, address)
        seconds, first = time.perf_counter() - began, _resident(process.pid)
        for name in pages:
            open_page(page, f"{address}/{name}")
        _draw(page)
        every = _resident(process.pid)
    page.close()
    return Measured(seconds, first, every)


@contextmanager
def server(app: Path, root: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start a server, and end it after the block.

    Args:
        app: the folder of the app.
        root: the folder of runs, which also gets the log of the server.
        environment: further environment variables of the server.

    Yields:
        The server's process and its address, as soon as the server answers.

    Raises:
        TimeoutError: the server did not answer.
    """
    port = _free_port()
    options = {"server.port": port, "server.address": "127.0.0.1", "server.headless": "true"}
    with (root / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", *(f"--{k}={v}" for k, v in options.items())],
            cwd=app,
            # A warm worker would take the processor while the pages are timed.
            env=os.environ
            | {"MNIST_LAB_RUNS": str(root), "TF_CPP_MIN_LOG_LEVEL": "2", "MNIST_LAB_WARM_MINUTES": "0"}
            | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(port, process)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(f"The server did not answer within {_PATIENCE:.0f} s (exit code {process.poll()}).")


def open_page(page: Page, address: str) -> None:
    """Open a page, and wait until its script has ended. Raises RuntimeError if the page shows an error."""
    page.goto(address)
    page.locator("h1").first.wait_for()
    page.locator("[data-test-script-state=notRunning]").wait_for()
    if page.get_by_test_id("stException").count():
        raise RuntimeError(f"{address} shows an error.")


def _draw(page: Page) -> None:
    """Draw a one on the canvas, and wait for the prediction."""
    canvas = page.locator("canvas.upper-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None, "the canvas is not visible"
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 4
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + box["height"] / 2, steps=10)
    page.mouse.up()
    page.get_by_role("list", name="The probability of each digit").wait_for()


def _resident(pid: int) -> float:
    """The resident memory of a process, in MB of a million bytes; NaN if the system does not give it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
    except FileNotFoundError:
        return float("nan")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kilobytes) * 1024 / 1e6
