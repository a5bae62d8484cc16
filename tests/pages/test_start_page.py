"""The Start page: a newcomer draws at once, and a visitor finds the last run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.drawing import strokes
from core.evaluation import detector
from core.runs import run_folder
from core.ui import cache
from tests.support.pages import APP, again, open_page, texts

SEVEN = [[[70, 60], [200, 60], [120, 240]]]
ONE = [[[140, 40], [138, 250]]]


def draw(app: AppTest, drawn: strokes.Strokes) -> AppTest:
    """Send these strokes as the canvas of the Start page sends them."""
    paths = [{"path": [["M", *line[0]], *(["L", *point] for point in line)]} for line in drawn]
    states = app._tree.get_widget_states()
    sent = {"drawing": {"raw": {"version": "6.0.0", "objects": paths}, "data": None}}
    name = app.get_by_key("start.canvas_280").proto.id
    states.widgets.append(WidgetState(id=name, json_value=json.dumps(sent)))
    app._run(states)
    assert not app.exception, app.exception[0].message
    return app


def links(app: AppTest) -> dict[str, tuple[str, dict[str, str]]]:
    """By the words of each link: its page and its parameters."""
    protos = [element.proto for element in app.get("page_link")]
    return {proto.label: (proto.page, dict(parse_qsl(proto.query_string))) for proto in protos}


@pytest.fixture
def app(runs_folder: Path, no_mnist: Path) -> AppTest:
    return open_page("start")


def test_the_starter_reads_what_a_newcomer_draws(app: AppTest) -> None:
    assert "Draw a digit from 0 to 9" in texts(app)
    draw(app, SEVEN)
    assert "I read: 7" in texts(app)
    shown = json.loads(app.get_by_key("start.bars").proto.json)["values"]
    assert np.argmax(shown) == 7
    assert "Draw a digit from 0 to 9" not in texts(app)
    assert "Draw a digit from 0 to 9" in texts(draw(app, []))


def test_the_model_is_ready_before_the_first_stroke_ends(app: AppTest) -> None:
    cache._reader.clear()
    detector._network.cache_clear()
    states = app._tree.get_widget_states()
    name = _make_trigger_id(app.get_by_key("start.canvas_tools_280").proto.id, "events")
    near = json.dumps([{"event": "near", "value": True}])
    states.widgets.append(WidgetState(id=name, json_trigger_value=near))
    app._run(states)
    assert detector._network.cache_info().currsize == 1  # a digit has been read


def test_two_digits_are_read_as_a_number(app: AppTest) -> None:
    narrow = [[[x / 2, y] for x, y in line] for line in SEVEN]
    draw(app, [*narrow, *([[x + 80, y] for x, y in line] for line in ONE)])
    assert "I read: 71" in texts(app)


def test_the_drawing_is_at_hand_on_draw_by_link_and_by_the_bar(app: AppTest) -> None:
    draw(app, SEVEN)
    page, query = links(app)["Look inside: open this drawing on Draw"]
    assert page == "draw"
    assert "I read: 7" in texts(open_page("draw", **query))
    app.switch_page("pages/draw.py")
    assert "I read: 7" in texts(again(app))
    app.switch_page("pages/start.py")
    assert "I read: 7" in texts(again(app))


def test_strokes_that_no_pen_can_draw_are_refused_in_words(app: AppTest) -> None:
    states = app._tree.get_widget_states()
    name = app.get_by_key("start.canvas_280").proto.id
    sent = {"drawing": {"raw": {"version": "6.0.0", "objects": [{"path": "M"}]}, "data": None}}
    states.widgets.append(WidgetState(id=name, json_value=json.dumps(sent)))
    app._run(states)
    assert "Clear the drawing and try again" in app.error[0].value


def test_a_newcomer_is_led_to_train_and_to_the_keyboard(app: AppTest) -> None:
    assert "learned to read digits in 9 minutes" in texts(app)
    assert links(app)["**Train your own**"] == ("train", {})
    page, query = links(app)["Draw with the keyboard"]
    assert page == "draw"
    assert open_page("draw", **query).button_group(key="draw.source").value == "grid"
    assert "Your last run" not in texts(app)


def test_the_last_run_is_shown_with_its_accuracy_and_what_can_be_done(with_run: Path) -> None:
    accuracy = run_folder.status(with_run).test_accuracy
    assert accuracy is not None
    assert "Your last run" not in texts(open_page("start"))
    app = open_page("evaluate", run=with_run.name)
    app.query_params.clear()
    app.switch_page("pages/start.py")
    again(app)
    assert f"It reads {accuracy:.1%} of the test images right" in texts(app)
    query = {"run": with_run.name}
    shown = links(app)
    assert shown["See how it learned"] == ("train", query)
    assert shown["Look at its mistakes"] == ("evaluate", query)
    assert shown["Draw a digit for it"] == ("draw", query)


def test_a_visitor_watches_the_own_run_and_others_only_without_one(runs_folder: Path, no_mnist: Path) -> None:
    for seed in range(5):
        run_folder.create(runs_folder, RunConfig(seed=seed))
    names = [run.name for run in run_folder.every(runs_folder)]

    def watched(app: AppTest) -> list[str]:
        return [query["run"] for words, (_page, query) in links(app).items() if words.startswith("Watch the")]

    app = open_page("start")
    assert watched(app) == names[:3]
    app.session_state["app.run"] = names[4]
    assert watched(again(app)) == [names[4]]
    assert "Your last run" not in texts(app)
    app.session_state["app.run"] = "starter"
    assert watched(again(app)) == names[:3]
    assert "Your last run" not in texts(app)


def test_the_first_paint_loads_nothing_that_reads_a_drawing(runs_folder: Path, no_mnist: Path) -> None:
    """In a fresh interpreter, because the tests have loaded everything."""
    script = (
        "import sys\n"
        "from tests.support.pages import open_page\n"
        "from tests.pages.test_start_page import SEVEN, draw\n"
        "app = open_page('start')\n"
        "reading = {'onnxruntime', 'cv2', 'core.drawing.segmentation'}\n"
        "assert not reading & set(sys.modules)\n"
        "draw(app, SEVEN)\n"
        "assert reading <= set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(APP).parent, env=os.environ)
