"""One visitor goes through all pages in any order and presses what can be pressed: no page fails.

The faults that people found last lay between two pages, each of which was well tested.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from streamlit.proto.Common_pb2 import StringArray
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from core.drawing import collection, strokes
from core.runs import run_folder
from tests.conftest import Hired
from tests.support.inhabited import inhabited
from tests.support.pages import PAGES, again, open_page, texts
from tests.support.pages import press as press_tile
from tests.support.session import undeclared

ROUNDS = 6  # of 56 visits each
DRAWN = strokes.to_text([[[80, 80], [180, 80], [110, 220]]], 280)
# Nobody answers there.
NOWHERE = "http://127.0.0.1:9/"
# To measure takes a process of its own and many seconds: test_robustness.py does.
NOT_PRESSED = {"evaluate.measure"}


@pytest.fixture
def root(
    tmp_path: Path,
    mlp_run: Path,
    cnn_run: Path,
    no_mnist: Path,
    hired: Hired,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """Runs in every state, drawings and a sweep at hand; no process is started."""
    monkeypatch.setenv("MNIST_LAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("MNIST_LAB_DRAWINGS", str(tmp_path / "drawings.sqlite"))
    monkeypatch.setenv("MNIST_LAB_MNIST_URL", f"{NOWHERE}mnist.npz")
    monkeypatch.setenv("MNIST_LAB_FASHION_URL", NOWHERE)
    with inhabited(tmp_path, [mlp_run, cnn_run]) as folder:
        yield folder


def visit(app: AppTest, page: str, **query: str) -> AppTest:
    """Go to a page by the bar at the top, or by a link."""
    app.query_params.clear()
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{page}.py")
    return again(app)


def click(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    return again(app)


def test_who_has_opened_a_kept_drawing_can_draw(root: Path) -> None:
    kept = collection.every(root.parent / "drawings.sqlite")[0]
    app = press_tile(open_page("drawings"), "drawings.drawing_tiles", f"drawing_{kept.id}")
    assert "Draw a digit from 0 to 9" in texts(visit(app, "draw"))


def test_a_drawing_that_was_deleted_is_offered_back_on_its_own_page_only(root: Path) -> None:
    file = root.parent / "drawings.sqlite"
    kept = collection.every(file)[0]
    app = click(open_page("drawings", opened_drawing=str(kept.id)), "drawings.delete")
    assert "was deleted" not in texts(visit(app, "runs"))
    assert "1 drawing was deleted" in texts(visit(app, "drawings"))
    before = collection.count(file)
    click(app, "drawings.undo")
    assert collection.count(file) == before + 1


def test_a_run_that_was_deleted_is_offered_back_on_its_own_page_only(root: Path, mlp_run: Path) -> None:
    app = click(open_page("runs", runs=mlp_run.name), "runs.delete")
    assert "deleted" not in texts(visit(app, "drawings"))
    assert "1 run was deleted" in texts(visit(app, "runs"))
    click(app, "runs.undo")
    assert (root / mlp_run.name).is_dir()


def test_who_has_seen_the_matrix_can_look_through_the_network(root: Path, mlp_run: Path) -> None:
    app = open_page("evaluate", run=mlp_run.name)
    visit(app, "draw", drawing=DRAWN, insight="network")
    assert app.button_group(key="draw.layer").value


def test_the_link_to_missing_data_arrives_where_it_can_be_had(root: Path) -> None:
    app = open_page("train", set="dataset=mnist")
    (link,) = [element.proto for element in app.get("page_link") if "Data page" in element.proto.label]
    visit(app, "data", **dict(parse_qsl(link.query_string)))
    assert app.button(key="data.fetch")


def way_round(draw: random.Random) -> list[str]:
    """A way from page to page that takes every ordered pair of pages once (Hierholzer's algorithm)."""
    left = {page: draw.sample([other for other in PAGES if other != page], len(PAGES) - 1) for page in PAGES}
    way, tour = [draw.choice(PAGES)], []
    while way:
        if left[way[-1]]:
            way.append(left[way[-1]].pop())
        else:
            tour.append(way.pop())
    return tour[::-1]


def test_a_way_round_takes_every_ordered_pair_of_pages() -> None:
    way = way_round(random.Random(0))
    assert sorted(itertools.pairwise(way)) == sorted(itertools.permutations(PAGES, 2))


def links(page: str, root: Path, draw: random.Random) -> dict[str, str]:
    """What may follow a page's name in a link; most often nothing."""
    names = [run.name for run in run_folder.every(root)]
    queries = {
        "train": [{"run": draw.choice(names)}, {"set": "architecture=cnn"}, {"run": "gone"}],
        "runs": [{"runs": ",".join(draw.sample(names, k))} for k in (1, 2, 3)],
        "evaluate": [
            {"run": draw.choice(names)}, {"digit": "3", "explained": draw.choice(["why", "alike", "course"])},
            {"look": draw.choice(["digits", "honesty", "robustness"])}, {"on": "drawings"},
        ],
        "draw": [
            {"drawing": DRAWN, "insight": view}
            for view in ("steps", "network", "why", "alike", "compare")
        ],
        "sweeps": [{"sweep": "new"}],
        "drawings": [{"opened_drawing": str(draw.randrange(8))}],
    }  # fmt: skip
    return draw.choice([{}, *queries.get(page, [])])


def can_be_pressed(app: AppTest) -> list[Any]:
    kinds = (
        app.button, app.button_group, app.selectbox, app.multiselect, app.toggle, app.slider,
        app.select_slider, app.number_input, app.text_input,
    )  # fmt: skip
    every = [element for kind in kinds for element in kind]
    return [element for element in every if not element.disabled and element.key not in NOT_PRESSED]


def galleries(app: AppTest) -> dict[str, list[str]]:
    """The galleries whose tiles can be pressed, with the keys of these."""
    shown = {item.key: json.loads(item.proto.json) for item in app.main if str(item.key).endswith("_tiles")}
    keys = {key: [tile["key"] for tile in data["tiles"] if tile["key"]] for key, data in shown.items()}
    return {key: tile_keys for key, tile_keys in keys.items() if tile_keys}


def press(element: Any, draw: random.Random) -> str:
    """Press a button, or turn a knob to another of its values. Returns what was done, in words."""
    match element.type:
        case "button":
            element.click()
            return f"pressed {element.label!r}"
        case "selectbox":
            send(element, WidgetState(string_value=draw.choice(element.options)))
        case "button_group" | "multiselect" | "select_slider":
            chosen = draw.choices(element.options, k=len(element.value) if is_span(element) else 1)
            chosen.sort(key=element.options.index)
            send(element, WidgetState(string_array_value=StringArray(data=chosen)))
        case "toggle":
            element.set_value(not element.value)
        case "slider" | "number_input":
            ends = (element.min, element.max)
            element.set_value(ends if is_span(element) else draw.choice(ends))
        case "text_input":
            element.set_value(draw.choice(["", "mlp", "<b>?"]))
    return f"turned {element.label!r}"


def is_span(element: Any) -> bool:
    return element.type in ("slider", "select_slider") and isinstance(element.value, tuple | list)


def send(element: Any, state: WidgetState) -> None:
    """What a browser sends for an option is how it is written; AppTest asks for the option itself."""
    state.id = element.id
    element.__class__ = type("Sent", (type(element),), {"_widget_state": property(lambda _self: state)})


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_no_page_fails_whatever_was_done_on_another_one(root: Path, seed: int) -> None:
    draw = random.Random(seed)
    way = way_round(draw)
    app, done = open_page(way[0]), [f"opened {way[0]}"]
    for page in way[1:]:
        query = links(page, root, draw)
        done.append(f"went to {page} {query}")
        with told(done):
            visit(app, page, **query)
            if elements := can_be_pressed(app):
                element = draw.choice(elements)
                done.append(f"{press(element, draw)} ({element.key})")
                again(app)
            assert undeclared(app) == set()
            for gallery, tiles in galleries(app).items():
                done.append(f"pressed a tile of {gallery}")
                press_tile(app, gallery, draw.choice(tiles))


@contextmanager
def told(done: list[str]) -> Iterator[None]:
    """What fails within says how it came about."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError("\n".join([*done[-12:], str(error)])) from error
