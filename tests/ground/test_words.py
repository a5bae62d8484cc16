"""Names, comments and messages use none of the words that `docs/style.md` keeps out."""

from __future__ import annotations

import re

import pytest

from tests.support.sources import CORE, PAGES, PROJECT

STYLE = PROJECT / "docs" / "style.md"
TABLE = STYLE.read_text("utf-8").split("| we say | and not |")[1].splitlines()[2:]
KEPT_OUT = [row.split("|")[2].strip() for row in TABLE if row.startswith("|")]
WRITTEN = [
    *CORE, *PAGES, *(file for file in (PROJECT / "core").rglob("*") if file.suffix in {".js", ".css"}),
    *(file for file in (PROJECT / "docs").glob("*.md") if file != STYLE), PROJECT / "README.md",
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
