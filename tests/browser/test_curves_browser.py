"""The curves of a run that trains, under the mouse: new rows take away neither the zoom nor the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from core.config import RunConfig
from core.jobs import run_queue
from core.runs import records
from core.settings import Settings
from tests.conftest import wait_for_end, wait_until
from tests.support.browser import free_port, serving

pytestmark = pytest.mark.browser

# It is stopped long before its end. Its curves are updated every second.
SLOW = RunConfig(hidden_units=(8,), batch_size=1, training_images=4000, epochs=40)


def shown(page: Page) -> dict[str, Any]:
    """The axes of the chart of the loss, and the number of its epochs. A new chart has no mark yet."""
    state: dict[str, Any] = page.wait_for_function(
        """() => {
            const plot = document.querySelector(".st-key-train-curve_loss .js-plotly-plot");
            if (!plot?.calcdata) return null;  // it is being replaced
            const { xaxis, yaxis } = plot._fullLayout;
            const is_new = !plot.isSeen;
            plot.isSeen = true;
            return { x: xaxis.range, y: yaxis.range, epochs: plot.calcdata[1].length, is_new };
        }"""
    ).json_value()
    return state


def place(page: Page, across: float, down: float) -> tuple[float, float]:
    """A place in the area of the curves, in shares of its sides."""
    box = None
    while not box:  # it is being replaced
        box = page.locator(".st-key-train-curve_loss .nsewdrag").first.bounding_box()
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def zoom(page: Page) -> None:
    """Drag from one corner of a part of the chart to the other."""
    page.mouse.move(*place(page, 0.1, 0.1))
    page.mouse.down()
    page.mouse.move(*place(page, 0.5, 0.6))
    page.mouse.up()


def test_zoom_and_numbers_under_the_mouse_stay_while_rows_arrive(page: Page, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    run = run_queue.submit(SLOW, Settings(runs=root))
    try:
        with serving(root, free_port()) as url:
            wait_until(lambda: len(records.metrics(run)) >= 2, "it trained two epochs")
            page.set_viewport_size({"width": 1280, "height": 1600})
            page.goto(f"{url}/train?run={run.name}")
            page.locator(".st-key-train-curve_loss .nsewdrag").first.wait_for()
            whole = shown(page)

            def is_zoomed() -> bool:
                # A drag has no effect if the chart is replaced meanwhile.
                if shown(page)["x"][0] <= 0:
                    zoom(page)
                page.wait_for_timeout(1500)
                return bool(shown(page)["x"][0] > 0)

            wait_until(is_zoomed, "it stayed zoomed", 60)
            before = shown(page)
            wait_until(lambda: shown(page)["epochs"] > before["epochs"] + 1, "it had two more epochs", 60)
            after = shown(page)
            assert (after["x"], after["y"]) == (before["x"], before["y"])

            def has_numbers_in_the_next_chart() -> bool:
                # The chart moves down when an advice appears above it.
                page.mouse.move(*place(page, 0.5, 0.5))
                shown(page)
                wait_until(lambda: shown(page)["is_new"], "the chart was replaced", 60)
                page.wait_for_timeout(300)
                return page.locator(".hoverlayer .legend").is_visible()

            wait_until(has_numbers_in_the_next_chart, "the numbers under the mouse stayed", 60)

            def is_whole() -> bool:
                page.mouse.dblclick(*place(page, 0.5, 0.5))
                page.wait_for_timeout(1500)
                return bool(shown(page)["x"][0] == 0)

            wait_until(is_whole, "a double click showed all of it", 60)
            assert shown(page)["x"][1] >= whole["x"][1]
    finally:
        run_queue.stop(run)
        wait_for_end(run)
