"""What only a browser shows: the newcomer's path with the mouse, on the real app and a real worker."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from core.config import RunConfig
from core.evaluation import results
from core.jobs import run_queue
from core.runs import records, run_folder
from core.settings import Settings
from tests.conftest import wait_for_end, wait_until
from tests.support.browser import (
    SilentHandler,
    choose,
    draw,
    free_port,
    rest,
    serving,
)
from tests.support.hands import PHONE, before

pytestmark = pytest.mark.browser


# So many epochs take many minutes, and such small steps leave the browser a core: it is stopped long before.
LONG = RunConfig(hidden_units=(8,), batch_size=1, training_images=500, epochs=1000)


def points_of_the_training_curve(page: Page) -> int:
    """How many epochs the curve of the training loss shows."""
    lines = page.locator(".st-key-train-curve_loss .scatterlayer .trace").nth(1)
    return lines.locator(".points path").count()


def test_a_newcomer_trains_evaluates_and_has_a_seven_read(page: Page, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    with serving(root, free_port()) as url:
        page.goto(url)
        page.get_by_role("link", name="2. Train a network").click()
        choose(page, "Preset", "Tutorial CNN: 32-64-64 filters")
        expect(page.get_by_text("130,890")).to_be_visible()
        rest(page)
        epochs = page.get_by_role("spinbutton", name="Epochs")
        epochs.fill("2")
        epochs.press("Tab")
        page.get_by_role("button", name="Train", exact=True).click()

        expect(page.get_by_text("Epoch 1 of 2")).to_be_visible()
        address = page.url
        assert f"run={run_folder.every(root)[0].name}" in address
        page.reload()
        # The same run, and the curve comes without being touched.
        wait_until(lambda: points_of_the_training_curve(page) == 2, "the curve has two epochs")
        expect(page.get_by_text(re.compile("^Finished .* The test accuracy is"))).to_be_visible()
        assert page.url == address

        page.get_by_role("link", name="Look at its mistakes").click()
        expect(page.get_by_role("heading", name="Confusion matrix")).to_be_visible()
        evaluation = results.load(run_folder.every(root)[0])
        expect(page.get_by_text(f"{evaluation.accuracy:.2%}").last).to_be_visible()
        true, read = a_confused_pair(evaluation)
        cell = page.locator(".scatterlayer .points path").nth(11 * true + read)
        cell.scroll_into_view_if_needed()
        cell.click(force=True)
        count = int(evaluation.confusion()[true, read])
        expect(page.get_by_role("button", name=f"✗ {true} → {read}")).to_have_count(count)
        expect(page.get_by_role("button", name="✓ ")).to_have_count(0)

        page.get_by_role("link", name="Draw", exact=True).click()
        canvas = page.locator("canvas").last
        expect(page.get_by_text("Draw a digit from 0 to 9")).to_be_visible()
        draw(page, canvas, (70, 70), (200, 70), (110, 240))
        expect(page.get_by_role("heading", name="I read: 7")).to_be_visible()
        page.get_by_role("button", name="Clear").click()
        expect(page.get_by_text("Draw a digit from 0 to 9")).to_be_visible()


def a_confused_pair(evaluation: results.Evaluation) -> tuple[int, int]:
    """Two digits of which some, but not more than a page, are mistaken."""
    matrix = evaluation.confusion()
    pairs = [(true, read) for true in range(10) for read in range(10) if true != read]
    return next(pair for pair in pairs if 0 < matrix[pair] <= 20)


def test_a_run_outlives_the_server_and_stops_on_request(
    page: Page, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root, port = tmp_path / "runs", free_port()
    run = run_queue.submit(LONG, Settings(runs=root, max_epochs=1000))
    request.addfinalizer(lambda: run_queue.stop(run))
    with serving(root, port) as url:
        # A server that was started a moment ago, and a page that is opened by its address.
        page.goto(f"{url}/train?run={run.name}")
        expect(page.get_by_text("of 1000 · step")).to_be_visible()
        expect(page.get_by_role("link", name="Evaluate")).to_be_visible()
        second = page.context.new_page()
        second.goto(f"{url}/train?run={run.name}")
        expect(second.get_by_text("of 1000 · step")).to_be_visible()
        second.close()
    assert run_folder.status(run).state == "running"
    with serving(root, port) as url:
        page.goto(f"{url}/train?run={run.name}")
        expect(page.get_by_text("of 1000 · step")).to_be_visible()
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_text("Stopped after")).to_be_visible()
    status = wait_for_end(run)
    assert status.state == "stopped"
    assert status.test_accuracy is not None
    assert len(records.metrics(run)) < 1000


def test_a_run_is_paused_steered_and_resumed(
    page: Page, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root = tmp_path / "runs"
    run = run_queue.submit(LONG, Settings(runs=root, max_epochs=1000))
    request.addfinalizer(lambda: run_queue.stop(run))
    with serving(root, free_port(), MNIST_LAB_MAX_EPOCHS="1000") as url:
        page.goto(f"{url}/train?run={run.name}")
        expect(page.get_by_text("of 1000 · step")).to_be_visible()
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_text("Nothing is lost")).to_be_visible()
        paused = run_folder.status(run)
        assert (paused.state, run_folder.worker_is_alive(run)) == ("paused", False)

        page.reload()
        expect(page.get_by_text(f"Paused in epoch {paused.epoch} of 1000")).to_be_visible()
        assert run_folder.status(run) == paused
        # The slider's next value to the left.
        page.get_by_role("slider", name="Learning rate").press("ArrowLeft")
        page.get_by_role("button", name="Apply to this run from the next epoch").click()
        wait_until(lambda: run_folder.request(run).learning_rate == 0.0005, "the knob was turned")

        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_text("of 1000 · step")).to_be_visible()
        mark = page.locator(".annotation-text", has_text="learning rate 0.001 → 0.0005")
        expect(mark.first).to_be_visible()
        assert records.changes(run)[0]["epoch"] == paused.epoch + (1 if paused.step else 0)
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_text("Stopped after")).to_be_visible()
    assert wait_for_end(run).state == "stopped"


def test_full_mnist_is_fetched_with_a_click(page: Page, tmp_path: Path, mnist_npz: Path) -> None:
    handler = partial(SilentHandler, directory=mnist_npz.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = f"http://127.0.0.1:{server.server_port}/{mnist_npz.name}"
        with serving(tmp_path / "runs", free_port(), MNIST_LAB_MNIST_URL=source) as url:
            page.goto(f"{url}/data")
            page.get_by_role("radio", name="mnist", exact=True).click()
            page.get_by_role("button", name="Download full MNIST").click()
            expect(page.get_by_text(re.compile("^60,000 training images"))).to_be_visible()
        server.shutdown()
    assert (tmp_path / "keras" / "datasets" / "mnist.npz").is_file()


@pytest.fixture(scope="module")
def served(trained: Path) -> Iterator[str]:
    """The address of a server on a finished run, for those who only look."""
    with serving(trained, free_port()) as url:
        yield url


def test_a_link_can_put_no_link_of_its_own_on_a_page(page: Page, served: str) -> None:
    for name in ("http://a.example", "www.a.example/x", "WWW.a.example", "a@a.example", "[a](//a.example)"):
        page.goto(f"{served}/evaluate?run={quote(name)}")
        alert = page.get_by_test_id("stAlert").filter(has_text="There is no trained run")
        expect(alert).to_be_visible()
        expect(alert.locator("a, img")).to_have_count(0)


def test_no_page_is_wider_than_the_screen(page: Page, served: str, trained: Path) -> None:
    run = run_folder.every(trained)[0].name
    for name in (
        "", "data", "train", f"train?run={run}", "sweeps", "runs", f"runs?runs={run}", "evaluate", "draw",
        "drawings",
    ):  # fmt: skip
        page.set_viewport_size({"width": 420, "height": 900})
        page.goto(f"{served}/{name}")
        for width in (420, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            rest(page)
            wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wider) <= 0, (name, width)


# How many numbers of a chart begin before the one to their left has ended, and a bit of room.
RUN_TOGETHER = """
() => {
  const boxes = [...document.querySelectorAll(".js-plotly-plot .scatterlayer text")]
    .map((text) => text.getBoundingClientRect()).filter((box) => box.width);
  const close = (a, b) => Math.abs(a.top - b.top) < 3 && a.left < b.left && a.right + 2 > b.left;
  return [boxes.length, boxes.flatMap((a) => boxes.filter((b) => close(a, b))).length];
}
"""


def test_the_numbers_of_ten_thousand_digits_stand_apart_on_a_phone(page: Page, served: str) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{served}/evaluate?run=starter")
    expect(page.locator(".js-plotly-plot .scatterlayer text").first).to_be_attached()
    wait_until(lambda: page.evaluate(RUN_TOGETHER)[0] == 121, "all numbers of the matrix are there")
    assert page.evaluate(RUN_TOGETHER) == [121, 0]


def test_a_finger_chooses_the_cell_of_the_matrix_that_it_touches(
    browser: Browser, served: str, trained: Path
) -> None:
    with before(browser, PHONE) as hand:
        hand.page.goto(f"{served}/evaluate?run={run_folder.every(trained)[0].name}")
        cells = hand.page.locator(".st-key-evaluate-matrix .scatterlayer .points path")
        expect(cells).to_have_count(121)
        for true, read in ((4, 9), (7, 7)):
            # The chart is drawn anew once the page has run.
            rest(hand.page)
            expect(cells.nth(11 * true + read)).to_be_visible()
            hand.press(cells.nth(11 * true + read), force=True)
            hand.page.wait_for_url(re.compile(f"true={true}.*read={read}"))


def test_the_matrix_of_a_digit_is_readable_on_a_phone(page: Page, served: str) -> None:
    page.set_viewport_size({"width": 420, "height": 900})
    page.goto(f"{served}/data")
    page.locator(".st-key-data-digit_tiles img").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("28 × 28 numbers")).to_be_visible()
    numbers = dialog.locator(".heatmap-label text")
    expect(numbers.first).to_be_visible()
    assert numbers.count() == 28 * 28
    first, second = numbers.nth(0).bounding_box(), numbers.nth(1).bounding_box()
    assert first
    assert second
    assert first["height"] >= 8
    assert second["x"] - first["x"] >= 20, "three figures need so many pixels"
    dialog.get_by_text("normalised, 0 to 1").click()
    expect(numbers.first).to_have_text("0.00")


class Frame(SimpleHTTPRequestHandler):
    """Another site, whose page shows the address after the question mark inside of it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f'<iframe width="900" height="900" src="{self.path[2:]}"></iframe>'.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_inside_of_another_site_the_places_for_files_lead_to_a_tab_of_its_own(
    browser: Browser, served: str
) -> None:
    address = f"{served}/data?dataset_shown=mnist"
    words = "you cannot upload a file here"
    with ThreadingHTTPServer(("127.0.0.1", 0), Frame) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://localhost:{site.server_port}/?{address}")
        frame = page.frame_locator("iframe")
        expect(frame.get_by_text(words)).to_be_visible()
        with page.expect_popup() as opened:
            frame.get_by_role("link", name="Open the app in a new tab").click()
        alone = opened.value
        expect(alone.get_by_role("radio", name="mnist", exact=True)).to_be_visible()
        expect(alone.get_by_text(words)).to_have_count(0)
        assert alone.url.startswith(f"{served}/data")
        page.context.close()
        site.shutdown()
