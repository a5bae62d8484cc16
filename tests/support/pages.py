"""A page, opened and pressed by Streamlit's AppTest, without a browser."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from tests.conftest import PATIENCE

APP = str(Path(__file__).parents[2] / "app.py")
PAGES = ("start", "data", "train", "sweeps", "runs", "evaluate", "draw", "drawings")


def open_page(name: str, **query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=PATIENCE)
    app.run()
    for key, value in query.items():
        app.query_params[key] = value
    if name != "start":
        app.switch_page(f"pages/{name}.py")
    app.run()
    assert not app.exception, why(app)
    return app


def why(app: AppTest) -> str:
    """What went wrong in a page, which visitors are not told."""
    return "\n".join([app.exception[0].message, *app.exception[0].stack_trace])


def again(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, why(app)
    return app


def texts(app: AppTest) -> str:
    elements = [*app.markdown, *app.caption, *app.info, *app.error, *app.warning, *app.success]
    return "\n".join(str(element.value) for element in elements)


def said(element: Any) -> str:
    """A message as it is read, without what keeps it from being taken as Markdown."""
    return str(element.value).replace("\\", "").replace("\u2060", "")


def spoken(app: AppTest) -> Iterator[str]:
    """Every text on the page that somebody could read."""
    for element in app.main:
        for name in ("label", "value", "help", "placeholder"):
            text = getattr(element, name, None)
            # A widget's value is what was chosen; what is shown of it are its options.
            if isinstance(text, str) and not (name == "value" and hasattr(element, "set_value")):
                yield text
        yield from (option for option in getattr(element, "options", []) if isinstance(option, str))
        proto = element.proto
        for name in ("caption", "alt", "title"):
            text = getattr(proto, name, "")
            if isinstance(text, str):
                yield text


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def figure(app: AppTest, key: str) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(app.get_by_key(key).proto.spec)
    return spec


def tiles(app: AppTest, key: str) -> list[dict[str, Any]]:
    """The tiles of a gallery, as a browser gets them."""
    shown: list[dict[str, Any]] = json.loads(app.get_by_key(key).proto.json)["tiles"]
    return shown


def press(app: AppTest, key: str, tile: object) -> AppTest:
    """Press the tile of this key in a gallery, in the words of a browser."""
    states = app._tree.get_widget_states()
    name = _make_trigger_id(app.get_by_key(key).proto.id, "events")
    said = json.dumps([{"event": "pressed", "value": tile}])
    states.widgets.append(WidgetState(id=name, json_trigger_value=said))
    app._run(states)
    assert not app.exception, app.exception[0].message
    return app


def decoded(values: object) -> np.ndarray:
    """An array as Plotly writes it to JSON: as lists, or as base64."""
    if isinstance(values, dict):
        array = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
        return array.reshape([int(side) for side in str(values.get("shape", len(array))).split(",")])
    return np.array(values)
