"""The time from the end of a stroke to the new bars on the Draw page, and the part of MNIST Lab in this time.

The browser records the time when the pen leaves the canvas, and the time when the bars of the chart change.
The part of MNIST Lab is the work on the pixels: find the digits, make the images, classify them. Drawing the
strokes, which gives the pixels, is mostly the work of Pillow. It is measured separately.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.comparison import Comparison
from benchmarks.server import FLAGS, chromium, open_page, server
from core.drawing import segmentation, strokes
from core.drawing.strokes import Strokes
from core.evaluation import numbers, recognition
from core.jobs.local import PROJECT
from core.runs import run_folder
from core.ui.draw import inputs

PROMISED = 250.0  # ms from pen-up to the new bars, the limit for 95 of 100 strokes
OURS = 2.0  # ms, the limit for the part of MNIST Lab
_STROKES = 40  # strokes in a repetition
_TOGETHER = 5  # strokes in a drawing
_POINTS = 120  # points of a digit that is drawn in a second
# The elements of the bars remain, and their lengths change.
_WATCH = """() => {
  const root = [...document.querySelectorAll("*")].map((element) => element.shadowRoot)
    .find((root) => root?.querySelector(".bars"));
  const bars = () => [...root.querySelectorAll(".bar")].map((bar) => bar.getAttribute("style")).join();
  let left = 0, seen = bars();
  window.waited = [];
  document.addEventListener("pointerup", () => { left = performance.now(); seen = bars(); }, true);
  new MutationObserver(() => {
    if (left && bars() !== seen) { window.waited.push(performance.now() - left); left = 0; }
  }).observe(root, {subtree: true, attributes: true});
}"""


def compare(root: Path, dataset: str, repeats: int, quick: bool) -> Iterator[Comparison]:
    """Compare both times with their limits. The limits are constants, not measurements.

    Raises:
        NoBrowser: there is no Chromium.
    """
    number = 5 if quick else _STROKES
    ours, painted = zip(*[_shares(number) for _repeat in range(repeats)], strict=True)
    yield Comparison("our share of it, median", "promised", "ms", ours, (OURS,) * repeats, 1.0)
    yield Comparison("drawing the strokes", "our share", "ms", painted, ours)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        with server(PROJECT, root, MNIST_LAB_RUNS=str(root / "none")) as (_process, address):
            waited = tuple(_waited(browser, address, number) for _repeat in range(repeats))
        browser.close()
    title = f"from pen-up to the new bars, 95th percentile of {number} strokes"
    yield Comparison(title, "promised", "ms", waited, (PROMISED,) * repeats, 1.0)


def _shares(number: int) -> tuple[float, float]:
    """The milliseconds to classify a drawing and to draw its strokes, medians over several drawings."""
    reader = recognition.load(run_folder.STARTER)
    rng = np.random.default_rng(0)
    drawn = [_seven(rng.uniform(0.4, 0.8), rng.uniform(20, 50, 2)) for _ in range(number)]
    times = []
    for seven in [drawn[0], *drawn]:
        began = time.perf_counter()
        rgba = strokes.painted(seven, (inputs.SIDE, inputs.SIDE), inputs.BRUSH)
        painted = time.perf_counter()
        numbers.read(reader, segmentation.find(rgba))
        times.append((1000 * (time.perf_counter() - painted), 1000 * (painted - began)))
    ours, painting = np.median(times[1:], axis=0)
    return float(ours), float(painting)


def _seven(size: float, corner: NDArray[np.float64]) -> Strokes:
    """A seven with as many points as a pen gives.

    Args:
        size: the height, relative to the side of the canvas.
        corner: x and y of the upper left corner, in pixels of the canvas.
    """
    corners = np.array([[0.0, 0.0], [0.6, 0.0], [0.2, 1.0]]) * size * inputs.SIDE + corner
    shares = np.linspace(0, 2, _POINTS)
    return [np.stack([np.interp(shares, range(3), axis) for axis in corners.T], axis=1).tolist()]


def _waited(browser: Browser, address: str, number: int) -> float:
    """The 95th percentile of the times of this number of strokes, in milliseconds."""
    waited: list[float] = []
    while len(waited) < number:
        waited += _one_drawing(browser, address)
    return float(np.quantile(waited[:number], 0.95))


def _one_drawing(browser: Browser, address: str) -> list[float]:
    """The milliseconds from the end of each stroke to the new bars, for one drawing.

    The drawing has few strokes, because another stroke on a full drawing would not change the bars.
    """
    page = browser.new_page()
    open_page(page, f"{address}/draw")
    _stroke(page, 0)
    page.get_by_role("list", name="The probability of each digit").wait_for()
    page.wait_for_timeout(1500)
    page.evaluate(_WATCH)
    for turn in range(1, _TOGETHER + 1):
        _stroke(page, turn)
        page.wait_for_timeout(1500)  # people take about as long between two strokes
    waited: list[float] = page.evaluate("window.waited")
    page.close()
    if len(waited) < _TOGETHER / 2:
        raise RuntimeError("Most strokes changed no bar.")
    return waited


def _stroke(page: Page, turn: int) -> None:
    """Draw a line from the middle. Each line has another direction, so that it changes the prediction."""
    box = page.locator("canvas.upper-canvas").bounding_box()
    assert box is not None, "the canvas is not visible"
    x, y = box["x"] + 140, box["y"] + 140
    angle, length = 2.4 * turn, 40 + 7 * turn % 70  # the golden angle
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + length * math.cos(angle), y + length * math.sin(angle), steps=5)
    page.mouse.up()
