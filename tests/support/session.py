"""What a visitor's session keeps, looked at from outside."""

from __future__ import annotations

from collections.abc import Mapping

from streamlit.testing.v1 import AppTest

from core.ui import state


def undeclared(app: AppTest) -> set[str]:
    """The keys of a session that nobody has declared."""
    kept: Mapping[str, object] = app._session_state._state.filtered_state
    return {key for key in kept if not state.is_declared(key)}
