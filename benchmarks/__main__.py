"""python -m benchmarks: measure, and print the ratios as a Markdown table."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from benchmarks import drawing, epochs, fast, loop, pages, prediction, server, shares, understanding, waiting
from benchmarks.comparison import Comparison, markdown
from core.data import datasets

Compare = Callable[[Path, str, int, bool], Iterator[Comparison]]
# The epochs come first, because the other parts use their CNN.
PARTS: dict[str, Compare] = {
    "epochs": epochs.compare,
    "shares": shares.compare,
    "prediction": prediction.compare,
    "server": server.compare,
    "pages": pages.compare,
    "loop": loop.compare,
    "waiting": waiting.compare,
    "drawing": drawing.compare,
    "understanding": understanding.compare,
    "fast": fast.compare,
}
_PACKAGES = ("tensorflow", "keras", "streamlit", "onnxruntime", "numpy")


def main(arguments: list[str] | None = None) -> None:
    parsed = _parser().parse_args(arguments)
    began = time.monotonic()
    # If the system ends this process, the temporary folder is deleted, too.
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(143))
    dataset = "mnist" if datasets.at_hand("mnist") and not parsed.quick else datasets.DEFAULT
    repeats = 1 if parsed.quick else parsed.repeats
    comparisons: list[Comparison] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mnist-lab-bench-") as folder:
        for name in [parsed.only] if parsed.only else PARTS:
            print(f"measuring: {name}", file=sys.stderr)
            try:
                comparisons += PARTS[name](Path(folder), dataset, repeats, parsed.quick)
            except server.NoBrowser as error:
                notes.append(f"The server was not measured: {error}.")
    _report(comparisons, [*notes, *_notes(dataset, repeats, parsed.quick)], time.monotonic() - began)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, and print ratios.")
    parser.add_argument("--only", choices=PARTS, help="measure only this")
    parser.add_argument("--repeats", type=_positive, default=3, help="how many pairs to measure (default: 3)")
    parser.add_argument(
        "--quick", action="store_true", help="only see that it works; the numbers mean nothing"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return number


def _notes(dataset: str, repeats: int, quick: bool) -> Iterator[str]:
    """The data, the number of repetitions, the versions and the machine of the measurements."""
    if quick:
        yield "A quick run, which only shows that the benchmark works: the numbers mean nothing."
    elif dataset != "mnist":
        yield (
            f"Full MNIST is not in {datasets.keras_folder()}, so {dataset} was used: too few images for "
            "epochs long enough to compare."
        )
    yield f"Measured in turn, {repeats} × each; the ratio is the median of the pairs' ratios."
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    yield f"Python {platform.python_version()}, {versions}; {_cores()} cores, {platform.system()}."


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _report(comparisons: list[Comparison], notes: list[str], seconds: float) -> None:
    if comparisons:
        print(markdown(comparisons))
    print("", *notes, f"The benchmark took {seconds:.0f} s.", sep="\n")


if __name__ == "__main__":
    main()
