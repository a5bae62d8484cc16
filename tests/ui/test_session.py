"""What the pages keep in the session: what one of them wrote, no other one takes for its own."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.support.sources import CORE, PAGES, PROJECT

METHODS = {"get", "pop", "setdefault"}
# These change the address, and nothing in the session.
ADDRESS = {"write", "replace"}
# A button is true in the one run after its click, and keeps nothing.
BUTTONS = {"button", "form_submit_button", "download_button", "_button"}


def text(node: ast.AST | None, names: dict[str, str]) -> str | None:
    """A key as it is written, or the beginning of one that is put together."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.Name(id=name):
            return names.get(name)
        case ast.JoinedStr(values=[ast.Constant(value=str(value)), *_rest]):
            return f"{value}…"
    return None


def is_state(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "session_state"


def written(node: ast.AST) -> Iterator[ast.AST | None]:
    """The places of a key in the session that this piece of code names."""
    match node:
        case ast.Subscript(value=of, slice=key) if is_state(of):
            yield key
        case ast.Compare(left=key, comparators=[of]) if is_state(of):
            yield key
        case ast.Call(func=ast.Attribute(value=of, attr=method), args=[key, *_]) if is_state(of):
            assert method in METHODS, f"{method} of the session is not known here"
            yield key
        case ast.Call(func=ast.Attribute(value=ast.Name(id="links"), attr="switch"), args=[_, key, *_]):
            yield key
        case ast.Call(func=ast.Attribute(value=ast.Name(id="links"), attr=attr), args=[key, *_]) if (
            attr not in ADDRESS
        ):
            yield key
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name not in BUTTONS:
            yield from (word.value for word in node.keywords if word.arg == "key")


def keys(file: Path) -> set[str]:
    """What this file names of the session."""
    tree = ast.parse(file.read_text("utf-8"))
    names = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))):
                names[name] = value
            case ast.Assign(targets=[ast.Tuple(elts=several)], value=ast.Tuple(elts=values)):
                names |= {
                    one.id: value.value
                    for one, value in zip(several, values, strict=True)
                    if isinstance(one, ast.Name) and isinstance(value, ast.Constant)
                }
    found = (text(key, names) for node in ast.walk(tree) for key in written(node))
    return {key for key in found if key}


def test_what_is_kept_in_the_session_belongs_to_one_module() -> None:
    owners = defaultdict(list)
    for file in [*CORE, *PAGES]:
        if "ui" in file.parts or "pages" in file.parts:
            for key in keys(file):
                owners[key].append(str(file.relative_to(PROJECT)))
    assert len(owners) > 100
    assert "draw.strokes" in owners
    shared = {key: files for key, files in owners.items() if len(files) > 1}
    assert not shared


def test_two_owners_of_a_key_are_found(tmp_path: Path) -> None:
    file = tmp_path / "page.py"
    file.write_text(
        "A, B = 'a', 'b'\n"
        "st.session_state['c'] = st.session_state.get(A)\n"
        "if 'd' in st.session_state: st.session_state.pop(f'e_{d}')\n"
        "links.switch('Words', 'f', {}); links.number('g', 0, 1)\n"
        "st.selectbox('Words', key='h'); st.button('Words', key='i')\n"
    )
    assert keys(file) == {"a", "c", "d", "e_…", "f", "g", "h"}
