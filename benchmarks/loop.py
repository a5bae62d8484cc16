"""The loop of the Train page: from the click to the first number, and to the finished run.

Ten runs follow each other on one page, each with another learning rate, in a real browser. "A new process" is
the same server with ``MNIST_LAB_WARM_MINUTES=0``: each run gets a process of its own, which imports
TensorFlow. So it was before workers trained run after run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.comparison import Comparison
from benchmarks.server import FLAGS, chromium, open_page, server
from core.jobs.local import PROJECT

RUNS = 10
FINISHED = 1.5  # s from the click to the finished tutorial-mlp on mnist-5k
FIRST_NUMBER = 0.7  # s from the click to the first loss
CNN = 4.0  # s from the click to the finished tutorial-cnn with two epochs on mnist-5k
_WARM_UP = 20.0  # seconds in which a worker has surely imported TensorFlow
_PATIENCE = 120_000  # milliseconds
# What is left of the run before is marked as stale until the page has been made anew.
_SHOWN = """([before, words]) => {
  const run = new URL(window.location.href).searchParams.get("run");
  if (!run || run === before) return false;
  const fresh = [...document.querySelectorAll('.stMain .stElementContainer:not([data-stale="true"])')];
  return [run, words].every((text) => fresh.some((element) => element.innerText.includes(text)));
}"""


def compare(root: Path, dataset: str, repeats: int, quick: bool) -> Iterator[Comparison]:
    """Compare runs that follow each other with runs that get a new process each."""
    number = 2 if quick else RUNS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        kept = _runs(root / "kept", browser, "10", number)
        alone = _runs(root / "alone", browser, "0", min(number, 3))
        cnn = _cnn(root / "cnn", browser, "10"), _cnn(root / "cnn-alone", browser, "0")
        browser.close()
    for title, ours, theirs, goal in (
        ("from the click to the first number, tutorial-mlp", *_column(kept, alone, 0), FIRST_NUMBER),
        ("from the click to the finished run, tutorial-mlp", *_column(kept, alone, 1), FINISHED),
        ("from the click to the finished run, tutorial-cnn, 2 epochs", (cnn[0],), (cnn[1],), CNN),
    ):
        yield Comparison(title, "a new process", "s", ours, theirs)
        yield Comparison(title, "promised", "s", (median(ours),), (goal,), 1.0)


def _column(
    kept: list[tuple[float, float]], alone: list[tuple[float, float]], column: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """One number of each run, and the median of the runs that had a new process each."""
    ours = tuple(times[column] for times in kept)
    return ours, (median(times[column] for times in alone),) * len(ours)


def _runs(root: Path, browser: Browser, minutes: str, number: int) -> list[tuple[float, float]]:
    """For each run, the seconds from the click to the first number and to the end."""
    with _train_page(root, browser, minutes) as page:
        rate = page.get_by_role("slider", name="Learning rate")
        times = []
        for _run in range(number):
            times.append(_click(page))
            rate.press("ArrowLeft")
            page.wait_for_timeout(1_000)  # the page has answered, and a worker that leaves has left
        return times


def _cnn(root: Path, browser: Browser, minutes: str) -> float:
    with _train_page(root, browser, minutes, "?set=architecture=cnn&set=epochs=2") as page:
        return _click(page)[1]


def _click(page: Page) -> tuple[float, float]:
    before = page.evaluate("new URL(window.location.href).searchParams.get('run')")
    button = page.get_by_role("button", name="Train", exact=True)
    began = time.perf_counter()
    button.click()
    page.wait_for_function(_SHOWN, arg=[before, "Training loss"], timeout=_PATIENCE)
    first = time.perf_counter() - began
    page.wait_for_function(_SHOWN, arg=[before, "The test accuracy is"], timeout=_PATIENCE)
    return first, time.perf_counter() - began


@contextmanager
def _train_page(root: Path, browser: Browser, minutes: str, query: str = "") -> Iterator[Page]:
    """The Train page of a server of its own, once a worker is ready."""
    with server(PROJECT, root.parent, MNIST_LAB_RUNS=str(root), MNIST_LAB_WARM_MINUTES=minutes) as (
        _process,
        address,
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        open_page(page, f"{address}/train{query}")
        if minutes != "0":
            page.wait_for_timeout(1000 * _WARM_UP)
        yield page
        page.close()
