"""The docs name what there is, all of it, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from core import __main__ as terminal
from core.settings import Settings
from tests.support.sources import PAGES, PROJECT

DOCS = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
README = (PROJECT / "README.md").read_text("utf-8")
HOSTING = (PROJECT / "docs" / "hosting.md").read_text("utf-8")
DESIGN = (PROJECT / "docs" / "design.md").read_text("utf-8")


def first_cells(text: str, heading: str) -> list[str]:
    """The first cell of each row of the table that begins with this cell, without its marks."""
    table = text.split(f"| {heading} |")[1].split("\n\n")[0].splitlines()[2:]
    return [row.split("|")[1].strip().strip("*`") for row in table]


def same(documented: Iterable[str], there: Iterable[str]) -> None:
    assert sorted(documented) == sorted(there)


def test_every_setting_of_the_operator_is_in_the_docs_with_its_default() -> None:
    variables = {f"MNIST_LAB_{name.upper()}": field for name, field in Settings.model_fields.items()}
    same(set(first_cells(HOSTING, "variable")) - {"KERAS_HOME"}, variables)
    for variable, field in variables.items():
        # What depends on the machine, and an address, are put into words.
        if isinstance(field.default, int | float | Path) and field.default_factory is None:
            [default] = re.findall(rf"\| `{variable}` \| `?([^`|]*?)`? \|", HOSTING)
            assert default == str(field.default), variable


def test_every_page_is_in_the_docs() -> None:
    pages = [page.stem for page in PAGES]
    same((title.lower() for title in first_cells(README, "page")), pages)
    same((title.lower() for title in first_cells(DESIGN, "page")), pages)


def test_every_command_is_in_the_docs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        terminal.main(["--help"])
    commands = re.findall(r"^    (\w+) ", capsys.readouterr().out, flags=re.MULTILINE)
    assert "train" in commands
    same(dict.fromkeys(re.findall(r"python -m core (\w+)", README)), commands)


def test_every_target_of_make_is_in_the_docs() -> None:
    [phony] = re.findall(r"^\.PHONY: (.*)$", (PROJECT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    same(dict.fromkeys(re.findall(r"(?:^|`)make\s([a-z-]+)", README, flags=re.MULTILINE)), phony.split())


def test_every_room_is_on_the_map() -> None:
    rooms = {file.parent.name for file in (PROJECT / "core").glob("*/__init__.py")}
    named = re.findall(r"^.*?\*\*`(\w+)`\*\*", DESIGN.split("## The rooms")[1], flags=re.MULTILINE)
    assert rooms <= {*named, "ui"}
    assert set(named) <= rooms | {"pages"}


@pytest.mark.parametrize("document", DOCS, ids=lambda document: document.name)
def test_what_the_docs_point_to_is_there(document: Path) -> None:
    text = document.read_text("utf-8")
    files = set(re.findall(r"`((?:core|tests|pages|docs|benchmarks|starter)/[\w./-]+\.\w+)`", text))
    links = {link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link}
    assert [file for file in files if not (PROJECT / file).exists()] == []
    assert [link for link in links if link and not (document.parent / link).exists()] == []
