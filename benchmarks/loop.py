"""The loop of the Train page: from a click, or the turn of a knob, to the result.

Ten runs follow each other on one page, each with another learning rate, in a real browser. Each of them is
paired with a run on the page of another server, with ``MNIST_LAB_WARM_MINUTES=0``: "a new process" for each
run, which imports TensorFlow. So it was before workers trained run after run. At last, *Train as I turn* is
on, and three knobs are turned, the next one as soon as the result of the last one is shown.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.comparison import Comparison
from benchmarks.server import FLAGS, chromium, open_page, server
from core.jobs.local import PROJECT

RUNS = 10
ROUNDS = 3  # times that three knobs are turned
FINISHED = 1.5  # s from the click to the finished tutorial-mlp on mnist-5k
FIRST_NUMBER = 0.7  # s from the click to the first loss
CNN = 4.0  # s from the click to the finished tutorial-cnn with two epochs on mnist-5k
THREE_RESULTS = 10.0  # s from the first of three turned knobs to the third result
_KNOBS = ("Learning rate", "Batch size", "Dropout")
_WARM_UP = 20.0  # seconds in which a worker has surely imported TensorFlow
_PATIENCE = 120_000  # milliseconds
_SHOWN_RUN = "document.querySelector('.st-key-app-lead code')?.innerText"
# What is left of the run before is marked as stale until the page has been made anew.
_SHOWN = f"""([before, words]) => {{
  const run = {_SHOWN_RUN};
  if (!run || run === before) return false;
  const fresh = [...document.querySelectorAll('.stMain .stElementContainer:not([data-stale="true"])')];
  return [run, words].every((text) => fresh.some((element) => element.innerText.includes(text)));
}}"""


class Times(NamedTuple):
    """Seconds from a click to the first number, and to the end of the run."""

    first: float
    finished: float


def compare(root: Path, dataset: str, repeats: int, quick: bool) -> Iterator[Comparison]:
    """Compare runs that follow each other with runs that get a new process each."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        with _train_page(root / "kept", browser, "10") as kept:
            with _train_page(root / "alone", browser, "0") as alone:
                pairs = [_pair(kept, alone) for _run in range(2 if quick else RUNS)]
            turned = [_three_results(kept) for _round in range(1 if quick else ROUNDS)]
        cnn = [_cnn(root / f"cnn-{minutes}", browser, minutes).finished for minutes in ("10", "0")]
        browser.close()
    ours, theirs = (list(zip(*side, strict=True)) for side in zip(*pairs, strict=True))
    for title, warm, new, goal in (
        ("from the click to the first number, tutorial-mlp", ours[0], theirs[0], FIRST_NUMBER),
        ("from the click to the finished run, tutorial-mlp", ours[1], theirs[1], FINISHED),
        ("from the click to the finished run, tutorial-cnn, 2 epochs", (cnn[0],), (cnn[1],), CNN),
    ):
        yield Comparison(title, "a new process", "s", warm, new)
        yield Comparison(title, "promised", "s", (median(warm),), (goal,), 1.0)
    yield Comparison(
        "*Train as I turn*: from the first of three turned knobs to the third result",
        "promised", "s", tuple(turned), (THREE_RESULTS,) * len(turned), 1.0,
    )  # fmt: skip


def _pair(kept: Page, alone: Page) -> tuple[Times, Times]:
    """A run in a process that has trained others, and one with the same settings in a new process."""
    times = _click(kept), _click(alone)
    for page in (kept, alone):
        page.get_by_role("slider", name="Learning rate").press("ArrowLeft")
        page.wait_for_timeout(1_000)  # the page has answered, and a worker that leaves has left
    return times


def _three_results(page: Page) -> float:
    """Seconds from the first of three turned knobs to the third result."""
    switch = page.get_by_role("switch", name="Train as I turn")
    if not switch.is_checked():
        page.get_by_text("Train as I turn").click()
        page.get_by_text("Regularisation").click()
        page.wait_for_timeout(1_000)
    began = time.perf_counter()
    for knob in _KNOBS:
        before = page.evaluate(_SHOWN_RUN)
        page.get_by_role("slider", name=knob).press("ArrowRight")
        page.wait_for_function(_SHOWN, arg=[before, "The test accuracy is"], timeout=_PATIENCE)
    return time.perf_counter() - began


def _cnn(root: Path, browser: Browser, minutes: str) -> Times:
    with _train_page(root, browser, minutes, "?set=architecture=cnn&set=epochs=2") as page:
        return _click(page)


def _click(page: Page) -> Times:
    before = page.evaluate(_SHOWN_RUN)
    button = page.get_by_role("button", name="Train", exact=True)
    began = time.perf_counter()
    button.click()
    page.wait_for_function(_SHOWN, arg=[before, "Training loss"], timeout=_PATIENCE)
    first = time.perf_counter() - began
    page.wait_for_function(_SHOWN, arg=[before, "The test accuracy is"], timeout=_PATIENCE)
    return Times(first, time.perf_counter() - began)


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
