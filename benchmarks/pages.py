"""The response times of the pages: the first number after the click, and each page with a thousand runs.

They are measured with a real server and a real browser. If only the time of the server matters, the scripts
of the pages are run in this process, in the same way as Streamlit runs them.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright
from streamlit.logger import set_log_level
from streamlit.testing.v1 import AppTest

from benchmarks.comparison import Comparison
from benchmarks.server import FLAGS, chromium, open_page, server
from benchmarks.training import train
from core.config import RunConfig
from core.jobs import run_queue
from core.jobs.local import PROJECT
from core.runs import records, run_folder
from core.settings import Settings

PAGES = ("start", "data", "train", "runs", "evaluate", "draw", "drawings")
MANY = 1_000  # runs in the folder
ANSWER = 300.0  # ms, the longest time of a page with that many runs
TABLE = 500.0  # ms, the longest time of the page that lists all runs
FIRST_NUMBER = 2.0  # s from the click, the longest time with a warm worker
SHARE = 5.0  # per cent of a core, the largest load of the server by a live page of a long run
_WATCHED = 30.0  # seconds
_WARM_UP = 25.0  # seconds within which a warm worker has certainly imported TensorFlow


def compare(root: Path, dataset: str, repeats: int, quick: bool) -> Iterator[Comparison]:
    """Compare each measurement with its limit. The limits are constants, not measurements.

    Raises:
        NoBrowser: there is no Chromium.
    """
    yield from _among_many(root, repeats, 20 if quick else MANY)
    executable = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield from _first_number(root / "first", browser, repeats)
        yield _watching(root / "watched", browser, 5.0 if quick else _WATCHED)
        browser.close()


def _among_many(root: Path, repeats: int, number: int) -> Iterator[Comparison]:
    """Compare the time of each page's script with this number of runs in the folder."""
    few, many = root / "few", root / "many"
    original = train(RunConfig(epochs=2), few)
    for _copy in range(number):
        _duplicate(original, many)
    for name in PAGES:
        timed = [(answer(many, name), answer(few, name)) for _repeat in range(repeats)]
        ours, alone = zip(*timed, strict=True)
        title = f"the {name} page answers, {number:,} runs"
        promised = TABLE if name == "runs" else ANSWER
        yield Comparison(title, "promised", "ms", ours, (promised,) * repeats, 1.0)
        yield Comparison(title, "with one run", "ms", ours, alone)


def _duplicate(run: Path, root: Path) -> None:
    """Copy a run, with only those files that the lists of runs read."""
    copy = run_folder.create(root, records.config(run))
    for name in ("status.json", "metrics.jsonl", "environment.json", "model.onnx", "evaluation.npz"):
        shutil.copyfile(run / name, copy / name)


def answer(root: Path, name: str, **query: str) -> float:
    """The median time of the page's script, in milliseconds, after the first time.

    Args:
        root: the folder of runs.
        name: the name of the page.
        query: the parameters of the address.

    Raises:
        RuntimeError: the page shows an error.
    """
    os.environ |= {"MNIST_LAB_RUNS": str(root), "MNIST_LAB_WARM_MINUTES": "0"}
    set_log_level("error")  # Streamlit warns of each script that runs without a server
    app = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60).run()
    for key, value in query.items():
        app.query_params[key] = value
    if name != "start":
        app.switch_page(f"pages/{name}.py").run()
    times = []
    for _turn in range(5):
        began = time.perf_counter()
        app.run()
        times.append(1000 * (time.perf_counter() - began))
    if app.exception:
        raise RuntimeError(f"{name} shows an error: {app.exception[0].message}")
    return median(times)


def _first_number(root: Path, browser: Browser, repeats: int) -> Iterator[Comparison]:
    """Compare the seconds from the click on Train to the first loss, with and without a warm worker."""
    pairs = [
        [_click(root, browser, minutes, wait) for minutes, wait in (("10", _WARM_UP), ("0", 0.0))]
        for _repeat in range(repeats)
    ]
    warm, cold = zip(*pairs, strict=True)
    title = "from the click to the first number, warm worker"
    yield Comparison(title, "promised", "s", warm, (FIRST_NUMBER,) * repeats, 1.0)
    yield Comparison(title, "without", "s", warm, cold)


def _click(root: Path, browser: Browser, minutes: str, wait: float) -> float:
    page = browser.new_page()
    with server(PROJECT, root.parent, MNIST_LAB_RUNS=str(root), MNIST_LAB_WARM_MINUTES=minutes) as (
        _,
        address,
    ):
        open_page(page, f"{address}/train")
        page.wait_for_timeout(1000 * wait)
        began = time.perf_counter()
        page.get_by_role("button", name="Train", exact=True).click()
        page.get_by_text("Training loss").wait_for(timeout=60_000)
        seconds = time.perf_counter() - began
        _end(run_folder.every(root)[0])
    page.close()
    return seconds


def _end(run: Path) -> None:
    run_queue.stop(run)
    while run_folder.status(run).state not in run_folder.RESTING:
        time.sleep(0.2)


def _watching(root: Path, browser: Browser, seconds: float) -> Comparison:
    """Compare the processor time of the server while a browser shows a run of 100 epochs."""
    page: Page = browser.new_page()
    config = RunConfig(epochs=100, batch_size=8, hidden_units=(512,))
    run = run_queue.submit(config, Settings(runs=root))
    try:
        with server(PROJECT, root.parent, MNIST_LAB_RUNS=str(root)) as (process, address):
            page.goto(f"{address}/train?run={run.name}")
            page.get_by_text("Validation loss").wait_for(timeout=60_000)
            before, began = _processor_time(process.pid), time.perf_counter()
            page.wait_for_timeout(1000 * seconds)
            used = _processor_time(process.pid) - before
            share = 100 * used / (time.perf_counter() - began)
            if run_folder.status(run).state != "running":
                raise RuntimeError("The run ended while it was watched.")
    finally:
        _end(run)
    page.close()
    return Comparison("the server, while a 100-epoch run is watched", "promised", "% of a core",
                      (share,), (SHARE,), 1.0)  # fmt: skip


def _processor_time(pid: int) -> float:
    """The processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
