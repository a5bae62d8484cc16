"""Where the presets come from and what they reach: said of each, and as it was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import tutorials
from core.config import PRESETS
from core.data import specs

MEASURED = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def test_every_preset_says_where_it_comes_from_and_what_it_reaches() -> None:
    assert list(tutorials.titles()) == list(tutorials.REACHED) == list(PRESETS)
    for preset in PRESETS:
        assert tutorials.source(preset).endswith(".")
        for dataset in ("mnist-5k", "mnist"):
            assert dataset in tutorials.reached(preset, dataset)


@pytest.mark.parametrize("dataset", ["mnist-5k", "mnist"])
@pytest.mark.parametrize("preset", PRESETS)
def test_what_the_page_says_is_what_was_measured(preset: str, dataset: str) -> None:
    assert dataset in specs.names()
    table = MEASURED.read_text("utf-8").partition("### What the presets reach")[2].partition("\n#")[0]
    (row,) = [line for line in table.splitlines() if f"| {preset} | {dataset} |" in line]
    accuracy, _scatter, seconds = [cell.strip() for cell in row.strip("|").split("|")][2:]
    assert tutorials.REACHED[preset][dataset] == (pytest.approx(float(accuracy[:-1]) / 100), float(seconds))


def test_of_data_that_nobody_has_measured_nothing_is_said() -> None:
    assert tutorials.reached("tutorial-mlp", "some-other-digits") == ""
