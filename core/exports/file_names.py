"""File names for the downloads of a run. They say what a file holds, and are valid on every system.

Such as ``mlp-128-mnist-96.86.h5``: the network, the data set, and the test accuracy in percent. If the
run was given a name, the file name begins with it. A run without an accuracy has its state instead. Two
runs can have the same file name, so code that saves a file must not replace another one.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

from core.config import RunConfig
from core.runs import notes, records, run_folder

_MOST = 40  # maximum characters of the name that a person gave; a file name may have 255 bytes


def stem(run: Path) -> str:
    """The name of a run's files, without an ending. For a run that cannot be read, the name of the run."""
    try:
        config, status = records.plan(run), run_folder.status(run)
    except run_folder.UnknownRun:
        return run.name
    given = "starter" if run == run_folder.STARTER else _safe(notes.read(run).name)
    result = status.state if status.test_accuracy is None else f"{100 * status.test_accuracy:.2f}"
    return "-".join(filter(None, [given, _network(config), config.dataset, result]))


def unique(run: Path) -> str:
    """Like `stem`, with the last letters of the run's name, for a folder with the files of several runs."""
    return f"{stem(run)}-{run.name[-4:]}"


def _network(config: RunConfig) -> str:
    sizes = config.hidden_units
    if config.architecture == "cnn":
        sizes = tuple(block.filters for block in config.conv_blocks)
    return "-".join(map(str, [config.architecture, *sizes]))


def _safe(text: str) -> str:
    """Keep only letters and digits, of any script, with hyphens between them."""
    text = unicodedata.normalize("NFKC", text).lower()
    # L: letters, M: marks on or under letters, N: digits.
    kept = "".join(letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in text)
    return "-".join(kept.split())[:_MOST].rstrip("-")
