"""The app in a real browser: how it is served, and what a hand does there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import requests
from playwright.sync_api import Locator, Page, expect

from tests.conftest import PATIENCE, wait_until

PROJECT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MILLISECONDS = 1000 * PATIENCE
expect.set_options(timeout=MILLISECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(root: Path, port: int, *, refusals: bool = False, **environment: str) -> Iterator[str]:
    """The app, as `make run` starts it, on these runs.

    Args:
        refusals: whether something is sent to it that no browser sends.
    """
    environment = {
        "MNIST_LAB_RUNS": str(root),
        "MNIST_LAB_DRAWINGS": str(root.parent / "drawings.sqlite"),
        "KERAS_HOME": str(root.parent / "keras"),
    } | environment
    root.parent.mkdir(parents=True, exist_ok=True)
    with serving_script("app.py", root.parent, port, **environment) as url:
        yield url
    # A real browser sends nothing that `core.ui.browser` would refuse.
    log = (root.parent / f"server-{port}.txt").read_text("utf-8", errors="replace")
    assert refusals or "Not taken from a browser" not in log


@contextmanager
def serving_script(script: str, folder: Path, port: int, **environment: str) -> Iterator[str]:
    """A Streamlit script, served from the project's folder, with its log in this one."""
    log = folder / f"server-{port}.txt"
    with log.open("ab") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", script, "--server.headless=true",
             "--server.address=127.0.0.1", f"--server.port={port}", "--server.fileWatcherType=none"],
            cwd=PROJECT,
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(url), f"the server answers; see {log}")
        yield url
    finally:
        # Killed, not asked to end: nothing may depend on a server that says goodbye.
        server.kill()
        server.wait()


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/_stcore/health", timeout=PATIENCE).ok
    except requests.ConnectionError:
        return False


def rest(page: Page) -> None:
    """Wait until the page has run to its end, and has changed what it shows."""
    page.locator("[data-test-script-state=notRunning]").wait_for(state="attached")
    page.wait_for_function("!document.querySelector('[data-stale=true], [data-testid=stSkeleton]')")


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option).click()


def draw(page: Page, canvas: Locator, *points: tuple[int, int]) -> None:
    box = canvas.bounding_box()
    assert box
    (x, y), *others = points
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.down()
    for x, y in others:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=12)
    page.mouse.up()


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass
