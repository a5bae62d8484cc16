"""Comparing runs in a browser, and handing on what one sees as a link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from core.evaluation import results
from core.runs import records, run_folder
from tests.conftest import train
from tests.support.browser import MILLISECONDS, free_port, serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("compared") / "runs"
    for units in (64, 8):
        train(root, hidden_units=(units,), epochs=2, training_images=1000)
    return root


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with serving(root, free_port()) as url:
        yield url


def test_a_disagreement_of_two_runs_is_a_link_that_shows_the_same_elsewhere(
    page: Page, browser: Browser, address: str, root: Path
) -> None:
    narrow, wide = run_folder.every(root)
    page.goto(f"{address}/runs")
    table = page.get_by_test_id("stDataFrame").first
    expect(table).to_be_visible()
    box = table.bounding_box()
    assert box
    for row, name in enumerate((narrow.name, wide.name)):
        # A table is drawn on a canvas: its check boxes are at the left, below the head.
        page.mouse.click(box["x"] + 16, box["y"] + 52 + 35 * row)
        page.wait_for_url(re.compile(name))
    expect(page.get_by_role("heading", name="Prediction by prediction")).to_be_visible()
    evaluations = [results.load(run) for run in (narrow, wide)]
    right = [evaluation.predictions == evaluation.labels for evaluation in evaluations]
    only_second = np.flatnonzero(right[1] & ~right[0])
    tile = page.locator(".st-key-runs-differ_tiles").get_by_role("button").first
    tile.click()
    heading = page.get_by_role("heading", name="Digit ")
    expect(heading).to_be_visible()
    words = heading.inner_text()
    index = int(words.split()[1].rstrip(":"))
    assert index in only_second
    link = page.url
    assert f"digit={index}" in link

    elsewhere = browser.new_page(viewport={"width": 1280, "height": 1000})
    elsewhere.set_default_timeout(MILLISECONDS)
    elsewhere.goto(link)
    expect(elsewhere.get_by_role("heading", name=words)).to_be_visible()
    for evaluation in evaluations:
        says = f"reads {evaluation.predictions[index]} ({evaluation.confidences[index]:.1%})"
        expect(elsewhere.get_by_text(says)).to_be_visible()
    elsewhere.close()


def test_a_chart_is_taken_as_a_picture_and_as_numbers(page: Page, address: str, root: Path) -> None:
    page.goto(f"{address}/runs?runs={','.join(run.name for run in run_folder.every(root))}")
    chart = page.locator(".st-key-runs-overlay")
    expect(chart.locator(".scatterlayer")).to_be_visible()

    def taken_as(form: str) -> bytes:
        with page.expect_download() as taken:
            chart.locator(".modebar-btn").dispatch_event("click")  # it is seen while somebody points at it
        assert taken.value.suggested_filename == f"mnist-lab-overlay.{form}"
        return Path(taken.value.path()).read_bytes()

    assert taken_as("png").startswith(b"\x89PNG")
    page.get_by_role("button", name="Download a chart").click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download the data (CSV)").click()
    lines = Path(taken.value.path()).read_text().splitlines()
    assert len(lines) == 1 + 4  # two runs of two epochs
    accuracies = [row["val_accuracy"] for run in run_folder.every(root) for row in records.metrics(run)]
    assert sorted(float(line.split(",")[-1]) for line in lines[1:]) == pytest.approx(sorted(accuracies))
    page.get_by_role("radio", name="SVG").click()
    expect(page.get_by_role("radio", name="SVG")).to_be_checked()
    page.locator("[data-test-script-state=notRunning]").wait_for(state="attached")
    page.keyboard.press("Escape")
    expect(page.get_by_role("radio", name="SVG")).to_have_count(0)
    expect(chart.get_by_label("Download plot as a PNG")).to_have_count(0)
    assert taken_as("svg").startswith(b"<svg")


def test_what_is_taken_from_a_run_is_called_after_what_it_is(page: Page, address: str, root: Path) -> None:
    run = run_folder.every(root)[0]
    named = f"mlp-8-mnist-5k-{100 * results.load(run).accuracy:.2f}"
    page.goto(f"{address}/runs?runs={run.name}&format=onnx")
    for button, ending in (
        ("Keras script", "py"), ("Notebook", "ipynb"), ("Model card", "md"), ("Numbers", "csv"),
        ("Everything", "zip"), ("The model as ONNX", "onnx"),
    ):  # fmt: skip
        with page.expect_download() as taken:
            page.get_by_role("button", name=button, exact=True).click()
        assert taken.value.suggested_filename == f"{named}.{ending}"
        assert Path(taken.value.path()).stat().st_size > 100
    page.goto(f"{address}/train?run={run.name}")
    expect(page.locator(".st-key-train-curve_loss .scatterlayer")).to_be_visible()
    page.get_by_role("button", name="Download a chart").click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download the data (CSV)").click()
    assert re.fullmatch(re.escape(named) + r"-[a-z-]+\.csv", taken.value.suggested_filename)
