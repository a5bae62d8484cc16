"""What a stranger's file costs in memory: little where it is refused, a small multiple of it where not.

Each is read in a process of its own, whose memory may grow by a generous bound. Without the limits that are
tried here, each of them takes many times as much.
"""

from __future__ import annotations

import base64
import io
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="Windows does not say how much memory a process has taken")

CHILD = """
import io, resource, sys
from pathlib import Path
from MODULE

def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)

file = Path(sys.argv[1])
data = file.read_bytes()
PREPARE
before = megabytes()
try:
    READ
    found = "read"
except REFUSED as error:
    found = "refused"
print(found, megabytes() - before)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.png"


def growth(module: str, file: Path, read: str, refused: str, prepare: str = "") -> tuple[str, float]:
    """Whether a file was read or refused, and by how many megabytes the process grew meanwhile."""
    parts = {"MODULE": module, "READ": read, "REFUSED": refused, "PREPARE": prepare}
    words = CHILD
    for part, text in parts.items():
        words = words.replace(part, text)
    done = subprocess.run(
        [sys.executable, "-c", words, file], cwd=Path(__file__).parents[2], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    outcome, megabytes = done.stdout.split()
    return outcome, float(megabytes)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, kind: int = 0) -> bytes:
    """A black picture, of one byte a pixel or of four (kind 6)."""
    packer, row = zlib.compressobj(9), bytes(1 + width * {0: 1, 6: 4}[kind])
    some = max(1, 1_000_000 // len(row))
    blocks = [packer.compress(row * min(some, height - done)) for done in range(0, height, some)]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", b"".join(blocks) + packer.flush()) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("module", "read", "refused"),
    [
        ("core.drawing import pictures", "pictures.read(data)", "pictures.NoPicture"),
        ("core import __main__ as terminal", "terminal._picture(file)", "terminal.NotAnImage"),
    ],
)
def test_a_picture_of_one_column_is_refused_before_it_is_unpacked(
    file: Path, module: str, read: str, refused: str
) -> None:
    file.write_bytes(png(1, 25_000_000))
    assert file.stat().st_size < 100_000
    outcome, megabytes = growth(module, file, read, refused)
    assert outcome == "refused"
    assert megabytes < 30


@pytest.mark.parametrize(("kind", "most"), [(0, 150), (6, 500)], ids=["grey", "with opacity"])
def test_the_largest_photo_takes_a_small_multiple_of_its_pixels(file: Path, kind: int, most: float) -> None:
    file.write_bytes(png(7000, 7000, kind))
    outcome, megabytes = growth(
        "core.drawing import pictures", file, "pictures.read(data)", "pictures.NoPicture"
    )
    assert outcome == "read"
    assert megabytes < most


@pytest.mark.parametrize(
    "data",
    [b"[" + b"[]," * 6_000_000 + b"[]]", b"[" * 200_000, b"[" + b"1," * 9_000_000 + b"1]"],
    ids=["lists", "one in the other", "numbers"],
)
def test_a_file_of_no_drawings_is_refused_before_anything_is_made_of_it(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    outcome, megabytes = growth(
        "core.drawing import interchange", file, "interchange.unpack(data)", "interchange.BadDrawings"
    )
    assert outcome == "refused"
    assert megabytes < 60


def test_as_many_drawings_as_are_read_take_no_more_than_a_photo(file: Path) -> None:
    points = ",".join(f"[{n},{n % 7}]" for n in range(95))
    image = base64.b64encode(bytes(784)).decode()
    drawing = f'{{"label":1,"image":"{image}","strokes":[[{points}]]}}'
    file.write_text(f"[{','.join([drawing] * 9_800)}]", "utf-8")
    outcome, megabytes = growth(
        "core.drawing import interchange", file, "interchange.unpack(data)", "interchange.BadDrawings"
    )
    assert outcome == "read"
    assert megabytes < 350


def test_a_zip_of_a_million_names_is_refused_before_they_are_read(file: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/config.json", "")
    data = packed.getvalue()
    directory, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    names = data[directory:end] * 800_000
    record = bytearray(data[end:])
    record[12:16] = len(names).to_bytes(4, "little")
    file.write_bytes(data[:directory] + names + record)
    assert file.stat().st_size < 60_000_000
    outcome, megabytes = growth(
        "core.exports import run_archive",
        file,
        "run_archive.unpack(io.BytesIO(data), file.parent / 'runs')",
        "run_archive.BadBundle",
    )
    assert outcome == "refused"
    assert megabytes < 60


CANVAS = """
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.common import WidgetMetadata
from core.ui import browser

sent = WidgetState(id="canvas", json_value=data.decode())
canvas = WidgetMetadata("canvas", lambda value: value, str, value_type="json_value")
"""


@pytest.mark.parametrize(
    "objects",
    ['{"path": [["M", 1, 2]%s]}' % (', ["L", 1, 2]' * 1_000_000), "{}" + ", {}" * 3_000_000],
    ids=["a path of a million commands", "millions of objects"],
)  # fmt: skip
def test_what_no_canvas_can_hold_is_refused_before_it_is_read(file: Path, objects: str) -> None:
    file.write_text(f'{{"drawing": {{"raw": {{"objects": [{objects}]}}, "data": null}}}}', "utf-8")
    outcome, megabytes = growth(
        "core import ui", file, "browser._check(canvas, sent)", "browser._Impossible", CANVAS
    )
    assert outcome == "refused"
    assert megabytes < 30
