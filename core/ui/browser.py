"""Validation of everything that a browser sends, at one place.

A browser sends the values of the widgets on its page. But a program that speaks the same protocol can send
anything, and Streamlit accepts most of it: a text instead of a number causes an error in the middle of a
page and a hundred lines in the log. So each value is validated against its widget here, before it is used.
An invalid value is ignored, as if it had not been sent, and writes one line to the log.

Streamlit has no hook for this, so `watch` wraps two methods of its session state.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Annotated, Any

from google.protobuf.message import DecodeError
from pydantic import BaseModel, ConfigDict, Field
from streamlit.logger import get_logger
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.state.common import (
    RegisterWidgetResult,
    WidgetMetadata,
    unpack_widget_state_value,
    user_key_from_element_id,
)
from streamlit.runtime.state.session_state import Serialized, SessionState

# Most parts of a JSON text: as many as the largest drawing has, see `core.drawing.strokes`. Each part
# takes some hundred bytes of memory.
MOST_PARTS = 200_000
# A field for numbers may send either type, whatever type Streamlit has declared.
_NUMBERS = {"int_value", "double_value"}
_PLAIN = _NUMBERS | {"bool_value", "string_value", "double_array_value", "string_array_value"}
_SAID = 120  # most characters of a sent value in the log
_log = get_logger(__name__)


class Sent(BaseModel):
    """What a component may send. Other fields are ignored."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


_Place = Annotated[int, Field(ge=0, le=10**9)]


class _Point(Sent):
    """A point of a chart that was clicked."""

    x: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    y: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    point_index: _Place = 0


class _Selected(Sent):
    points: list[_Point] = []
    rows: list[_Place] = []


class _Selection(Sent):
    """The selection in a chart or in a table."""

    selection: _Selected = _Selected()


# What the components of this app may send, by the beginning of their keys.
_components: dict[str, type[Sent]] = {}


def expect(key: str, sent: type[Sent]) -> None:
    """Declare what components may send whose keys begin with ``key``. Other components may send nothing."""
    _components[key] = sent


class _Impossible(ValueError):
    """A value that no browser sends. The message says why."""


def watch() -> None:
    """Validate everything that browsers send from now on."""
    take, register = SessionState.set_widgets_from_proto, SessionState.register_widget

    def set_widgets_from_proto(session: SessionState, widget_states: WidgetStates) -> None:
        possible = WidgetStates()
        for sent in widget_states.widgets:
            widget = session.get_widget_metadata(sent.id)
            if widget and sent.WhichOneof("value") is None and _may_be_empty(widget):
                # Streamlit does the same, but would then forget the type of the widget.
                session._new_widget_state.set_from_value(sent.id, widget.deserializer(None))
            elif widget is None or _is_possible(session, widget, sent):
                possible.widgets.append(sent)
        take(session, possible)

    def register_widget(
        session: SessionState, metadata: WidgetMetadata[Any], user_key: str | None
    ) -> RegisterWidgetResult[Any]:
        # A browser that was open before this server started sends values early. They are validated here, when
        # their widget is known.
        sent = session._new_widget_state.states.get(metadata.id)
        if isinstance(sent, Serialized) and not _is_possible(session, metadata, sent.value):
            del session._new_widget_state[metadata.id]
        return register(session, metadata, user_key)

    SessionState.set_widgets_from_proto = set_widgets_from_proto  # type: ignore[method-assign,assignment]
    SessionState.register_widget = register_widget  # type: ignore[method-assign,assignment]
    for logger in ("streamlit.web.server.starlette.starlette_websocket", "uvicorn.error"):
        logging.getLogger(logger).addFilter(_in_one_line)


def _may_be_empty(widget: WidgetMetadata[Any]) -> bool:
    return widget.value_type in _NUMBERS and widget.clearable


def _in_one_line(record: logging.LogRecord) -> bool:
    """A message that is not in the protocol of Streamlit gets one line in the log, without a traceback."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, DecodeError) or (isinstance(error, KeyError) and error.args == ("bytes",)):
        record.exc_info, record.msg = None, str(record.msg).strip()
    return True


def _is_possible(session: SessionState, widget: WidgetMetadata[Any], sent: WidgetState) -> bool:
    """Whether a browser can have sent this value for the widget. If not, the log says so."""
    try:
        _check(widget, sent)
        _check_is_chosen(session, widget, sent)
    except Exception as error:  # noqa: BLE001 - any error of Streamlit means that the value is invalid
        key = user_key_from_element_id(widget.id) or widget.id
        why = " ".join(str(error).split()) or type(error).__name__
        _log.warning("Not taken from a browser for %s: %s", repr(key)[:_SAID], repr(why)[:_SAID])
        return False
    return True


def _check(widget: WidgetMetadata[Any], sent: WidgetState) -> None:
    """Raises `_Impossible`, or any error of Streamlit or pydantic."""
    kind = sent.WhichOneof("value")
    kinds = _NUMBERS if widget.value_type in _NUMBERS else {widget.value_type}
    if kind not in kinds:
        raise _Impossible(f"{kind or 'nothing'} for {widget.value_type}")
    if kind in ("string_value", "json_value", "json_trigger_value"):
        text: str = getattr(sent, kind)
        if sum(map(text.count, "[{,")) > MOST_PARTS:
            raise _Impossible(f"{len(text)} characters with too many parts")
    value = unpack_widget_state_value(sent)
    if kind == "json_value":
        _check_component(widget, value)
    read = widget.deserializer(value)
    if kind == "string_value" and isinstance(read, Mapping):
        _Selection.model_validate(dict(read))
    elif kind in _PLAIN:
        _check_plain(widget, read, list(value) if kind.endswith("array_value") else value)


def _check_plain(widget: WidgetMetadata[Any], read: object, value: Any) -> None:
    """Check a number, a text or a choice. Streamlit would silently replace an invalid one."""
    chosen = value if isinstance(value, list) else [value]
    options, most = widget.formatted_options, widget.max_array_length
    if widget.serializer(read) != value or (options is not None and not set(chosen) <= set(options)):
        raise _Impossible(f"{str(value)[:_SAID]} is not among what it can be")
    if most is not None and len(chosen) > most:
        raise _Impossible(f"{len(chosen)} of at most {most}")
    if options is not None and len(set(chosen)) < len(chosen):
        raise _Impossible(f"{str(value)[:_SAID]} has the same twice")


def _check_is_chosen(session: SessionState, widget: WidgetMetadata[Any], sent: WidgetState) -> None:
    """In this app, a widget with a single choice always keeps a choice."""
    if widget.max_array_length == 1 and not sent.string_array_value.data:
        try:
            present = session.get_widget_value(widget.id)
        except KeyError:
            present = widget.deserializer(None)
        if present is not None:
            raise _Impossible("no choice")


def _check_component(widget: WidgetMetadata[Any], value: object) -> None:
    key = user_key_from_element_id(widget.id) or ""
    expected = next((sent for start, sent in _components.items() if key.startswith(start)), None)
    if not isinstance(value, dict) or (value and not expected):
        raise _Impossible(f"a component's value: {str(value)[:_SAID]}")
    if expected:
        expected.model_validate(value)
