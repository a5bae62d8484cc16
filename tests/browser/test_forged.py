"""Somebody sends what no browser sends, in Streamlit's own protocol: the pages go on, the log stays short."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from core.drawing import collection, strokes
from core.drawing.collection import Drawing
from core.runs import run_folder
from tests.conftest import wait_until
from tests.support.browser import free_port, serving
from tests.support.drawings import SEVEN
from tests.support.forger import Forge, Forger, nothing, value
from tests.support.pages import again, open_page

DEEP = "[" * 20_000
CANVAS = '{"drawing": {"raw": {"objects": [%s]}, "data": null}}'
FORGED: list[Forge] = [
    nothing,
    value("bool_value", True),
    value("int_value", 2**62),
    value("double_value", float("nan")),
    value("string_value", "\0"),
    value("string_value", "1" * 5000),
    value("string_value", DEEP),
    value("string_value", '{"selection": null}'),
    value("string_value", '{"selection": {"points": [{"x": "a", "point_index": -7}], "rows": ["a"]}}'),
    value("string_value", '{"selection": {"points": 7, "rows": [-1, 1e99], "cells": [1]}}'),
    value("double_array_value", [float("nan")]),
    value("int_array_value", [-1]),
    value("string_array_value", []),
    value("string_array_value", ["x"] * 1000),
    value("json_value", "{"),
    value("json_value", '"text"'),
    value("json_value", "[1]"),
    value("json_value", DEEP),
    value("json_value", '{"drawing": "text", "pixels": 1}'),
    value("json_value", '{"drawing": {"raw": 1, "data": 2}, "pixels": []}'),
    value("json_value", '{"drawing": {"raw": {}, "data": "text"}, "pixels": "01"}'),
    value("json_value", CANVAS % ('{"path": [["M", %s, 1]], "left": 1, "top": 1}' % ("9" * 400))),
    value("json_value", CANVAS % ",".join(["{}"] * 20_000)),
    value("bytes_value", b"\0"),
    value("file_uploader_state_value", ["run.exe"]),
    value("chat_input_value", "text"),
    value("json_trigger_value", "text"),
]


class App(NamedTuple):
    """A server, its log, and the run that it has."""

    url: str
    log: Path
    run: str

    def lines(self) -> list[str]:
        return self.log.read_text("utf-8", errors="replace").splitlines()


@pytest.fixture(scope="module")
def app(mlp_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    root = tmp_path_factory.mktemp("forged") / "runs"
    for number in range(2):
        shutil.copytree(mlp_run, root / f"{mlp_run.name[:-1]}{number}")
    drawn = [Drawing(label, strokes.image(SEVEN), SEVEN) for label in range(10)]
    collection.add(root.parent / "drawings.sqlite", drawn, 100)
    port = free_port()
    log = root.parent / f"server-{port}.txt"
    with serving(root, port, MNIST_LAB_MAX_WAITING="1", refusals=True) as url:
        yield App(url, log, run_folder.every(root)[0].name)


@pytest.fixture
def socket(app: App) -> Iterator[ClientConnection]:
    address = f"{app.url.replace('http', 'ws')}/_stcore/stream"
    with connect(address, subprotocols=[Subprotocol("streamlit")], max_size=None) as connection:
        yield connection


STATES = {
    "start": [""],
    "data": [""],
    "train": ["set=architecture=cnn", "run={run}&view=curves", "run={run}&view=layers"],
    "sweeps": ["sweep=new", "sweep=new&method=grid"],
    "runs": ["", "runs={run}", "runs={runs}"],
    "evaluate": ["run={run}&digit=3", "run={run}&look=honesty"],
    "draw": [
        *(f"run={{run}}&source={source}" for source in ("number", "grid", "photo")),
        *(f"run={{run}}&drawing={{seven}}&insight={view}" for view in ("steps", "network", "why", "compare")),
    ],
    "drawings": ["", "drawing=3"],
}


@pytest.mark.parametrize("page", STATES)
def test_whatever_is_sent_for_any_widget_the_page_goes_on(
    app: App, socket: ClientConnection, page: str
) -> None:
    forger = Forger(socket)
    both = ",".join(run.name for run in run_folder.every(app.log.parent / "runs"))
    seven = strokes.to_text([[[280 * x, 280 * y] for x, y in SEVEN[0]]], 280)
    for query in STATES[page]:
        forger.open(page, query.format(run=app.run, runs=both, seven=seven))
        for forge in FORGED:
            widgets, before = sorted(forger.widgets), len(app.lines())
            forger.send(map(forge, widgets))
            assert not forger.errors, (query, forge(""))
            said = app.lines()[before:]
            assert len(said) <= len(widgets)
            assert all("Not taken from a browser for " in line and len(line) < 400 for line in said), said
        assert forger.widgets


def test_what_cannot_be_is_as_if_it_had_not_been_sent(runs_folder: Path, no_mnist: Path) -> None:
    page = open_page("train")
    page.number_input(key="train.knob_epochs").set_value(3)
    again(page)
    shown = page._session_state._state
    before = dict(shown.filtered_state)
    for forge in FORGED:
        if forge("").WhichOneof("value") in (None, "bool_value", "int_value", "double_value"):
            continue  # a switch can be turned, and a field for numbers says itself what it cannot take
        states = WidgetStates(widgets=map(forge, list(shown._new_widget_state.widget_metadata)))
        page._run(states)
        assert not page.exception
        after = {key: shown[key] for key in before if key.startswith(("train.knob_", "train.preset"))}
        expected = {key: before[key] for key in after}
        assert after == expected, forge("")


def test_a_canvas_full_of_dots_is_read(app: App, socket: ClientConnection) -> None:
    forger = Forger(socket)
    forger.open("draw", f"run={app.run}&source=canvas")
    (canvas,) = [widget for widget in forger.widgets if widget.endswith("-draw.canvas_280")]
    dots = [{"path": [["M", x, y], ["L", x, y]]} for x in range(2, 280, 5) for y in range(2, 280, 5)]
    raw = {"version": "6.0.0", "objects": dots}
    before = len(app.lines())
    forger.send([value("json_value", json.dumps({"drawing": {"raw": raw, "data": None}}))(canvas)])
    assert not forger.errors
    assert app.lines()[before:] == []


ADDRESSES = (
    "digit={many}", "set=epochs={many}", "drawing={many}", "shuffle_seed={many}", "epoch={many}",
    "runs=%00%ff", "temperature=nan", "page=1e999",
)  # fmt: skip


@pytest.mark.parametrize("query", ADDRESSES)
def test_whatever_an_address_says_every_page_opens(app: App, socket: ClientConnection, query: str) -> None:
    forger = Forger(socket)
    before = len(app.lines())
    for page in forger.pages:
        forger.open(page, query.format(many="1" * 5000))
        assert not forger.errors, page
    assert app.lines()[before:] == []


@pytest.mark.parametrize("message", ["text", b"\xff" * 50, bytes(5_000_000)], ids=["text", "bytes", "much"])
def test_what_is_no_message_is_one_line_in_the_log(
    app: App, socket: ClientConnection, message: str | bytes
) -> None:
    Forger(socket)
    before = len(app.lines())
    socket.send(message)
    with suppress(ConnectionClosed):
        for _rest in socket:
            pass
    wait_until(lambda: len(app.lines()) > before, "the log says so")
    assert len(app.lines()) == before + 1
