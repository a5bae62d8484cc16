"""A client of Streamlit's protocol that sends what no browser sends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection

from tests.conftest import PATIENCE

Forge = Callable[[str], WidgetState]


def value(kind: str, value: Any) -> Forge:
    """A widget's value of this kind, see ``WidgetStates.proto``, whatever the widget takes."""

    def forge(widget: str) -> WidgetState:
        state = WidgetState(id=widget)
        match kind:
            case "double_array_value" | "int_array_value" | "string_array_value":
                getattr(state, kind).SetInParent()
                getattr(state, kind).data.extend(value)
            case "file_uploader_state_value":
                state.file_uploader_state_value.SetInParent()
                for name in value:
                    state.file_uploader_state_value.uploaded_file_info.add(file_id=name, name=name, size=1)
            case "string_trigger_value" | "chat_input_value":
                getattr(state, kind).data = value
            case _:
                setattr(state, kind, value)
        return state

    return forge


def nothing(widget: str) -> WidgetState:
    return WidgetState(id=widget)


class Forger:
    """A session of the app.

    Attributes:
        pages: the pages' numbers by their addresses.
        widgets: of the page as it was shown last.
        errors: what it says that should not be.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._page = ""
        self._query = ""
        self.pages: dict[str, str] = {}
        self.widgets: set[str] = set()
        self.errors: list[str] = []
        self.send([])

    def open(self, page: str, query: str = "") -> None:
        """Go to a page by its address."""
        self.widgets.clear()
        self._page, self._query = self.pages[page], query
        self.send([])

    def send(self, states: Iterable[WidgetState]) -> None:
        """Send values of widgets, and wait until the page is there."""
        message = BackMsg()
        message.rerun_script.page_script_hash = self._page
        message.rerun_script.query_string = self._query
        message.rerun_script.widget_states.widgets.extend(states)
        self._socket.send(message.SerializeToString())
        while not self._is_last(ForwardMsg.FromString(self._socket.recv(timeout=PATIENCE))):
            pass

    def _is_last(self, message: ForwardMsg) -> bool:
        match message.WhichOneof("type"):
            case "navigation":
                self.pages = {
                    page.url_pathname or "start": page.page_script_hash
                    for page in message.navigation.app_pages
                }
            case "delta":
                self._see(message)
            case "script_finished":
                # A page that asks to be made anew is not there yet.
                return message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
        return False

    def _see(self, message: ForwardMsg) -> None:
        delta = message.delta
        body = delta.add_block if delta.WhichOneof("type") == "add_block" else delta.new_element
        kind = body.WhichOneof("type")
        if kind is None:
            return
        element = getattr(body, kind)
        if kind == "exception":
            self.errors.append(element.message)
        if getattr(element, "id", ""):
            self.widgets.add(element.id)
