"""Names, comments and messages use none of the words that `docs/style.md` keeps out."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support.sources import CORE, PAGES, PROJECT

STYLE = PROJECT / "docs" / "style.md"
TABLE = STYLE.read_text("utf-8").split("| we say | and not |")[1].splitlines()[2:]
NOT_NAMES = re.findall("`([a-z]+)`", STYLE.read_text("utf-8").split("No variable")[1].split(":")[0])
KEPT_OUT = [row.split("|")[2].strip() for row in TABLE if row.startswith("|")]
WRITTEN = [
    *CORE, *PAGES, *(file for file in (PROJECT / "core").rglob("*") if file.suffix in {".js", ".css"}),
    *(file for file in (PROJECT / "docs").glob("*.md") if file != STYLE), PROJECT / "README.md",
]  # fmt: skip
CODE = [
    *CORE, *PAGES, PROJECT / "app.py",
    *(file for folder in ("benchmarks", "starter", "tests") for file in (PROJECT / folder).rglob("*.py")),
]  # fmt: skip


def used(words: str, text: str) -> list[str]:
    """The lines in which these words stand, also where they run over the end of a line or of a string."""
    gap = r"[\s\"#*|]+"
    pattern = re.compile(rf"(?<![a-z]){gap.join(map(re.escape, words.split()))}(?![a-z])", re.IGNORECASE)
    return [text[max(0, match.start() - 20) : match.end() + 20] for match in pattern.finditer(text)]


def test_the_style_page_keeps_out_words_and_says_what_is_said_instead() -> None:
    assert len(KEPT_OUT) == len(set(KEPT_OUT)) > 5
    assert all(row.split("|")[1].strip() for row in TABLE if row.startswith("|"))


@pytest.mark.parametrize("words", KEPT_OUT)
def test_words_that_we_do_not_use_stand_nowhere(words: str) -> None:
    places = {file.relative_to(PROJECT): used(words, file.read_text("utf-8")) for file in WRITTEN}
    assert {file: lines for file, lines in places.items() if lines} == {}


@pytest.mark.parametrize("text", [
    "a sturdy run", "Sturdy", "# it is\n# sturdy", '_("not "\n  "sturdy")',
])  # fmt: skip
def test_a_word_is_found_wherever_it_stands(text: str) -> None:
    assert used("sturdy", text)
    assert not used("sturd", text)


def test_several_words_are_found_across_the_end_of_a_string() -> None:
    assert used("throw of the dice", '_("One run is one throw of "\n    "the dice.")')
    assert not used("throw of the dice", "throw of the ball, and the dice")


def named(source: str) -> dict[str, int]:
    """The variables and parameters of a Python source, and the line of each."""
    names = {}
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.Name(id=name, ctx=ast.Store())
                | ast.arg(arg=name)
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                names[name] = node.lineno
    return names


def test_no_variable_has_a_name_that_says_nothing() -> None:
    assert len(NOT_NAMES) == len(set(NOT_NAMES)) > 5
    names = {file.relative_to(PROJECT): named(file.read_text("utf-8")) for file in CODE}
    assert [(file, lines[name]) for file, lines in names.items() for name in NOT_NAMES if name in lines] == []


@pytest.mark.parametrize("source", [
    "row = 1", "row: int", "row += 1", "a, (row, *b) = c", "(row := 1)", "for row in a: pass",
    "[row for row in a]", "with a as row: pass", "lambda row: 1", "def f(a, *, row=1): pass",
    "def f(*row): pass", "class A:\n row = 1", "try: pass\nexcept A as row: pass",
    "match a:\n case [row, _]: pass", "match a:\n case [*row]: pass",
])  # fmt: skip
def test_a_name_is_found_wherever_a_value_gets_it(source: str) -> None:
    assert "row" in named(source)


@pytest.mark.parametrize("source", ["a.row = 1", "f(row=1)", "print(row)", "a = 'row'", "# row = 1"])
def test_a_name_that_is_only_read_is_no_variable(source: str) -> None:
    assert "row" not in named(source)
