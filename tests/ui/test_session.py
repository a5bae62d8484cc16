"""What the session keeps and what an address says is declared in `core.ui.state`, and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.ui import state
from core.ui.state import Family, Key, Parameter
from tests.support.pages import open_page
from tests.support.session import undeclared
from tests.support.sources import CORE, PAGES, PROJECT

STATE = PROJECT / "core" / "ui" / "state.py"
OTHERS = [file for file in [*CORE, *PAGES] if file.is_relative_to(STATE.parent) or file in PAGES]
OTHERS.remove(STATE)
# Whoever reaches for these goes around the declarations: only these modules do.
ALLOWED = {"session_state": {"state.py"}, "query_params": {"state.py", "query.py"}}
# A tile of a gallery is told apart in the gallery; a key of Python's own orders things.
NO_ELEMENTS = {"Tile", "sorted", "sort", "min", "max"}
DECLARED = {name: each for name, each in vars(state).items() if isinstance(each, Key | Family | Parameter)}

# Addresses that people have kept have to open: a parameter stays, whatever becomes of its key.
KEPT = {
    "data": {"dataset_shown", "split_shown", "digits_shown", "shuffle_seed", "data_page"},
    "train": {"lock", "log_loss", "run", "set", "smoothing", "view"},
    "sweeps": {
        "sweep", "sweep_name", "base", "epochs", "method", "trials", "pruning", "knobs", "of", "range",
        "points",
    },
    "runs": {"runs", "find", "automatic", "digit", "cost", "format", "metric", "a", "b", "differ"},
    "evaluate": {
        "run", "on", "epoch", "look", "digit", "explained", "matrix_unit", "true", "read", "show", "sure",
        "temperature", "curve", "beside",
    },
    "draw": {"run", "source", "drawing", "insight"},
    "drawings": {"drawn_by", "what_it_is", "read_wrong", "drawings_page", "opened_drawing"},
}  # fmt: skip


def around(tree: ast.AST, file: str) -> Iterator[str]:
    """Where this code goes around the declarations."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=("session_state" | "query_params") as attr) if file not in ALLOWED[attr]:
                yield ast.unparse(node)
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name not in NO_ELEMENTS:
                yield from (
                    ast.unparse(node)
                    for word in node.keywords
                    if word.arg == "key" and is_written(word.value)
                )


def is_written(node: ast.AST) -> bool:
    """Whether a key is put together here, instead of being one that was declared."""
    return not isinstance(node, ast.Name | ast.Attribute | ast.Subscript)


def used(nodes: Iterable[ast.AST]) -> set[str]:
    """What of `state` this code names."""
    return {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "state"
    }


def pages_of(tree: ast.AST) -> set[str]:
    """Of which pages this code has the keys. Their parameters alone may be in anybody's links."""
    in_links = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "parameter"
    }
    names = used(node for node in ast.walk(tree) if id(node) not in in_links)
    keys = (DECLARED[name] for name in names if name in DECLARED)
    return {name_of(key).partition(".")[0] for key in keys if not isinstance(key, Parameter)} - {"app"}


def name_of(key: Key[Any] | Family[Any]) -> str:
    return key.name if isinstance(key, Family) else str(key)


def test_whatever_a_page_keeps_is_declared() -> None:
    by_file = {file.name: list(around(ast.parse(file.read_text("utf-8")), file.name)) for file in OTHERS}
    assert len(by_file) > 30
    assert {name: places for name, places in by_file.items() if places} == {}


def test_whoever_goes_around_the_declarations_is_found() -> None:
    code = (
        "st.session_state['a']; st.query_params.get('b'); st.button(key=f'{c}'); sorted(d, key=lambda e: e)"
    )
    assert list(around(ast.parse(code), "page.py")) == [
        "st.button(key=f'{c}')", "st.session_state", "st.query_params",
    ]  # fmt: skip


def test_what_is_declared_is_used_and_called_by_its_key() -> None:
    named = set().union(*(used(ast.walk(ast.parse(file.read_text("utf-8")))) for file in OTHERS))
    assert {name for name in DECLARED if name not in named} == set()
    assert len(DECLARED) > 200
    for name, value in DECLARED.items():
        if not isinstance(value, Parameter):
            assert name_of(value).upper().replace(".", "_") == name


def test_no_module_has_the_keys_of_two_pages() -> None:
    by_file = {file.name: pages_of(ast.parse(file.read_text("utf-8"))) for file in OTHERS}
    assert {name: pages for name, pages in by_file.items() if len(pages) > 1} == {}
    # The address of the Start page has no parameters.
    assert {page for pages in by_file.values() for page in pages} == {*KEPT, "start"}
    both = ast.parse(
        "state.DATA_PAGE.set(1); state.DRAW_STEP[name].get(); state.SWEEPS_NAME.parameter.to(name)"
    )
    assert pages_of(both) == {"data", "draw"}


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test declares is forgotten after it."""
    for name in ("KEYS", "FAMILIES"):
        monkeypatch.setattr(state, name, dict(getattr(state, name)))
    monkeypatch.setattr(state, "PARAMETERS", {page: set(names) for page, names in state.PARAMETERS.items()})


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize("name", ["data.page", "train.knob", "train.knob_epochs"])
def test_a_key_that_is_declared_twice_is_an_error(name: str) -> None:
    with pytest.raises(state.Twice, match="declared already"):
        state.key(name, 0)


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize("name", ["train.knob", "train.preview", "train.steer"])
def test_a_family_that_could_make_another_ones_key_is_an_error(name: str) -> None:
    with pytest.raises(state.Twice):
        state.family(name, 0)


@pytest.mark.usefixtures("declared")
def test_a_parameter_that_a_page_has_twice_is_an_error() -> None:
    with pytest.raises(state.Twice, match="of the address of data"):
        state.key("data.another", 0, "data_page")
    with pytest.raises(state.Twice, match="of the address of draw"):
        state.parameter("run", "draw")
    assert state.parameter("run", "data") == "run"


def test_the_parameters_of_every_address_are_those_that_people_have_kept() -> None:
    assert state.PARAMETERS == KEPT
    assert {page: str(place) for page, place in state.PLACES.items() if place not in KEPT[page]} == {}


@pytest.mark.parametrize("page", [file.stem for file in PAGES])
def test_an_open_page_keeps_only_what_is_declared(
    page: str, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(trained))
    app = open_page(page)
    assert app.session_state["app.opened"]
    assert undeclared(app) == set()
    app.session_state["own"] = True
    assert undeclared(app) == {"own"}
