"""A run as a zip: out and in again it is the same; what is hostile or broken changes nothing."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data import datasets
from core.evaluation import results
from core.exports import run_archive
from core.network import predict
from core.runs import notes, records, run_folder, trash
from tests.conftest import train
from tests.support.pages import again, open_page, said

Contents = dict[str, bytes]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of everything."""
    run = train(
        tmp_path_factory.mktemp("packed"), hidden_units=(4,), training_images=300, epochs=2, batch_size=64
    )
    notes.write(run, name="Small", tags=("a",))
    return run


@pytest.fixture(scope="module")
def contents(run: Path) -> Contents:
    """The files of the zip."""
    with zipfile.ZipFile(io.BytesIO(run_archive.pack(run))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(contents: Contents) -> io.BytesIO:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    packed.seek(0)
    return packed


def everything(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


def test_out_and_in_again_is_the_same_run(run: Path, tmp_path: Path, mnist_5k: datasets.Dataset) -> None:
    unpacked = run_archive.unpack(io.BytesIO(run_archive.pack(run)), tmp_path)
    assert unpacked == tmp_path / run.name
    before, after = everything(run), everything(unpacked)
    # Nobody is given a stranger's model.keras as ours: it is written anew for whoever takes it.
    left_behind = {name for name in before if name.endswith(".lock")} | {"coming.json", "model.keras"}
    assert set(after) == set(before) - left_behind
    assert all(after[name] == before[name] for name in after if name != "model.onnx")
    assert run_folder.status(unpacked) == run_folder.status(run)
    assert notes.read(unpacked) == notes.read(run)
    images = mnist_5k.x_test[:50]
    np.testing.assert_array_equal(predict.load(unpacked).logits(images), predict.load(run).logits(images))
    assert results.load(unpacked).accuracy == run_folder.status(run).test_accuracy


def test_an_automatic_run_that_somebody_uploads_is_kept(
    run: Path, contents: Contents, tmp_path: Path
) -> None:
    labels = json.dumps(notes.Labels(automatic=True).model_dump()).encode()
    unpacked = run_archive.unpack(zipped(contents | {f"{run.name}/labels.json": labels}), tmp_path)
    assert notes.read(unpacked) == notes.NONE


def test_knobs_that_were_turned_stay_turned(run: Path, contents: Contents, tmp_path: Path) -> None:
    turned = contents | {f"{run.name}/request.json": b'{"action": "pause", "epochs": 9, "rm": "-rf"}'}
    unpacked = run_archive.unpack(zipped(turned), tmp_path)
    assert records.plan(unpacked).epochs == 9
    assert b"rm" not in (unpacked / "request.json").read_bytes()


def test_a_name_that_is_taken_is_left_to_its_run(run: Path, contents: Contents, tmp_path: Path) -> None:
    status = json.loads(contents[f"{run.name}/status.json"])
    others = [json.dumps(status | {"created": status["created"] + hour}).encode() for hour in range(3)]
    names = {
        run_archive.unpack(zipped(contents | {f"{run.name}/status.json": other}), tmp_path).name
        for other in others
    }
    assert len(names) == 3
    assert all(name.startswith(run.name[:50]) for name in names)
    assert len(run_folder.every(tmp_path)) == 3


def test_the_same_run_twice_is_no_second_one(run: Path, contents: Contents, tmp_path: Path) -> None:
    unpacked = run_archive.unpack(io.BytesIO(run_archive.pack(run)), tmp_path)
    notes.write(unpacked, name="Another name", note="and a note")  # it is the run for all that
    renamed = {name.replace(run.name, "renamed"): content for name, content in contents.items()}
    for same in (run_archive.pack(unpacked), run_archive.pack(run), zipped(renamed).getvalue()):
        with pytest.raises(run_archive.AlreadyHere, match="exists here already") as error:
            run_archive.unpack(io.BytesIO(same), tmp_path)
        assert error.value.run == unpacked
    assert run_folder.every(tmp_path) == [unpacked]
    # What has trained on is not what it was.
    shorter = contents[f"{run.name}/metrics.jsonl"].splitlines(keepends=True)[0]
    assert run_archive.unpack(zipped(contents | {f"{run.name}/metrics.jsonl": shorter}), tmp_path) != unpacked
    assert len(run_folder.every(tmp_path)) == 2


# ------------------------------------------------------------------------------------ hostile


def named(name: str) -> Callable[[Contents, str], Contents]:
    return lambda contents, folder: contents | {name.format(folder=folder): b"x"}


def with_file(name: str, content: bytes) -> Callable[[Contents, str], Contents]:
    return lambda contents, folder: contents | {f"{folder}/{name}": content}


def npz(**arrays: np.ndarray) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def lying_npz() -> bytes:
    """An array that says to have a billion numbers, and has none."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive, archive.open("logits.npy", "w") as member:
        header = {"descr": "<f4", "fortran_order": False, "shape": (100_000_000, 10)}
        np.lib.format.write_array_header_1_0(member, header)
    return packed.getvalue()


def foreign_graph() -> bytes:
    images = onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["n", 28, 28])
    output = onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["n", 28, 28])
    node = onnx.helper.make_node("Identity", ["images"], ["logits"])
    return onnx.helper.make_model(onnx.helper.make_graph([node], "g", [images], [output])).SerializeToString()


def external_weights(content: bytes) -> bytes:
    model = onnx.load_from_string(content)
    constant = next(tensor for tensor in model.graph.initializer if tensor.name.endswith("kernel"))
    constant.ClearField("raw_data")
    constant.data_location = onnx.TensorProto.EXTERNAL
    constant.external_data.add(key="location", value="../../../etc/passwd")
    return model.SerializeToString()


HOSTILE: dict[str, Callable[[Contents, str], Contents]] = {
    "climbs out": named("../{folder}/config.json"),
    "climbs out below": named("{folder}/../../evil"),
    "absolute": named("/etc/cron.d/evil"),
    "a drive": named("C:\\evil"),
    "backslashes": named("{folder}\\..\\..\\evil"),
    "a file that no run has": named("{folder}/run.sh"),
    "a module": named("{folder}/epochs/__init__.py"),
    "a second run": named("other/config.json"),
    "a hidden folder": named(".deleted/config.json"),
    "a name of nothing": named(" "),
    "a pickle": with_file("evaluation.npz", npz(logits=np.array([{"a": 1}], object), labels=np.zeros(1))),
    "a plain pickle": with_file("evaluation.npz", pickle.dumps({"a": 1})),
    "an array that lies": with_file("evaluation.npz", lying_npz()),
    "an epoch's pickle": with_file("epochs/0001.npz", npz(weights=np.array([print], object))),
    "another graph": with_file("model.onnx", foreign_graph()),
    "no graph": with_file("model.onnx", b"\x08\x07graph"),
    "no settings": with_file("config.json", b"[]"),
    "wrong settings": with_file("config.json", b'{"architecture": "transformer"}'),
    "no status": with_file("status.json", b'{"state": "dancing"}'),
    "it trains": with_file("status.json", b'{"state": "running"}'),
    "a large text": with_file("environment.json", b" " * 3_000_000),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_hostile_is_refused_and_nothing_is_written(
    run: Path, contents: Contents, tmp_path: Path, kind: str
) -> None:
    root = tmp_path / "a" / "runs"
    root.mkdir(parents=True)
    with pytest.raises(run_archive.BadBundle, match=r"\w+"):
        run_archive.unpack(zipped(HOSTILE[kind](contents, run.name)), root)
    assert list(tmp_path.rglob("*")) == [tmp_path / "a", root]


def test_weights_from_another_file_are_refused(run: Path, contents: Contents, tmp_path: Path) -> None:
    name = f"{run.name}/model.onnx"
    with pytest.raises(run_archive.BadBundle, match="from another file"):
        run_archive.unpack(zipped(contents | {name: external_weights(contents[name])}), tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_links_are_refused(run: Path, contents: Contents, tmp_path: Path) -> None:
    packed = zipped(contents)
    with zipfile.ZipFile(packed, "a") as archive:
        link = zipfile.ZipInfo(f"{run.name}/log.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    packed.seek(0)
    with pytest.raises(run_archive.BadBundle, match="link"):
        run_archive.unpack(packed, tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_twice_is_refused(run: Path, contents: Contents, tmp_path: Path) -> None:
    packed = zipped(contents)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(f"{run.name}/config.json", b"{}")
    packed.seek(0)
    with pytest.raises(run_archive.BadBundle, match="twice"):
        run_archive.unpack(packed, tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_bombs_are_not_unpacked(run: Path, contents: Contents, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
        with archive.open(f"{run.name}/layers.jsonl", "w", force_zip64=True) as member:
            for _megabyte in range(run_archive.MOST_BYTES // 1_000_000 + 1):
                member.write(bytes(1_000_000))
    assert len(packed.getvalue()) < 2_000_000
    packed.seek(0)
    with pytest.raises(run_archive.BadBundle, match="more than"):
        run_archive.unpack(packed, tmp_path)
    many = contents | {
        f"{run.name}/epochs/{number:04d}.npz": b"" for number in range(run_archive.MOST_FILES + 1)
    }
    with pytest.raises(run_archive.BadBundle, match="files"):
        run_archive.unpack(zipped(many), tmp_path)
    assert not list(tmp_path.iterdir())


@settings(max_examples=500)
@given(st.data())
def test_a_damaged_zip_is_refused_or_read_and_never_anything_else(
    run: Path, contents: Contents, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Bytes of the zip, or of a file in it, are changed, cut off or moved."""
    whole = data.draw(st.booleans())
    name = data.draw(st.sampled_from(sorted(contents)))
    content = bytearray(zipped(contents).getvalue() if whole else contents[name])
    for _change in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(0, len(content) - 1)))
        match data.draw(st.sampled_from(["byte", "cut", "insert", "repeat"])):
            case "byte" if content:
                content[place] = data.draw(st.integers(0, 255))
            case "cut":
                del content[place:]
            case "insert":
                content[place:place] = data.draw(st.binary(min_size=1, max_size=8))
            case _:
                content += content[place : place + 100]
    packed = io.BytesIO(bytes(content)) if whole else zipped(contents | {name: bytes(content)})
    outside = tmp_path_factory.mktemp("fuzz")
    root = outside / "runs"
    with contextlib.suppress(run_archive.BadBundle):
        run_archive.unpack(packed, root)
    for folder in root.iterdir():
        assert run_folder.is_name(folder.name)
        records.config(folder)
        run_folder.status(folder)
    assert list(outside.iterdir()) == [root]
    shutil.rmtree(outside)


# --------------------------------------------------------------------------------------- the page


@pytest.fixture
def root(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(run.parent, tmp_path / "runs")
    monkeypatch.setenv("MNIST_LAB_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_a_run_is_brought_in_on_the_page(run: Path, root: Path) -> None:
    there = run_folder.written_status(root / run.name)
    run_folder.write_status(root / run.name, there.model_copy(update={"created": 1.0}))  # it is another one
    app = open_page("runs")
    app.file_uploader(key="runs.bring_0").set_value(("run.zip", run_archive.pack(run), "application/zip"))
    again(app)
    assert len(run_folder.every(root)) == 2
    assert len(app.dataframe[0].value) == 2
    assert not app.error
    # What was brought in is what is chosen.
    (brought,) = {folder.name for folder in run_folder.every(root)} - {run.name}
    assert app.query_params["runs"] == brought


def test_who_brings_a_run_in_twice_is_told_so_and_shown_it(run: Path, root: Path) -> None:
    app = open_page("runs")
    app.file_uploader(key="runs.bring_0").set_value(("<b>.zip", run_archive.pack(run), "application/zip"))
    again(app)
    assert "The run in <b>.zip is already here" in said(app.info[0])
    assert run_folder.every(root) == [root / run.name]
    (link,) = [link for link in app.get("page_link") if link.proto.label == "Show the run"]
    assert link.proto.query_string == f"runs={run.name}"
    again(app)
    assert not app.info
    # The uploader is empty: whoever deletes the run now does not bring it in anew.
    trash.delete(root, [run.name])
    again(app)
    assert not run_folder.every(root)


@pytest.mark.parametrize("content", [b"", b"no zip", json.dumps({"a": 1}).encode()])
def test_what_is_no_run_is_said_to_be_none(root: Path, content: bytes) -> None:
    app = open_page("runs")
    app.file_uploader(key="runs.bring_0").set_value(("<b>.zip", content, "application/zip"))
    again(app)
    assert "<b>.zip was not imported" in said(app.error[0])
    assert len(run_folder.every(root)) == 1


def test_everything_that_can_be_taken_is_offered(run: Path, root: Path) -> None:
    app = open_page("runs", runs=run.name)
    labels_shown = {str(button.proto.label) for button in app.get("download_button")}
    assert labels_shown == {
        "Keras script",
        "Notebook",
        "Model card",
        "Numbers",
        "TensorBoard logs",
        "Everything",
        "The model as Keras",
    }


IMPOSSIBLE = (
    {"test_accuracy": 99}, {"worked": -1e300}, {"epoch": -5}, {"created": 1e300}, {"test_loss": 1e200},
    {"step": 10**400}, {"error": "x" * 20_000}, {"failure": {"code": "x" * 100}}, {"failure": {}},
    {"failure": {"code": "said", "values": {"text": "x" * 20_000}}},
    {"failure": {"code": "said", "values": {str(n): n for n in range(20)}}},
    {"failure": {"code": "said", "values": {"text": ["x"]}}},
)  # fmt: skip


@pytest.mark.parametrize("changes", IMPOSSIBLE)
def test_numbers_that_no_run_has_are_not_brought_in(
    run: Path, contents: Contents, tmp_path: Path, changes: dict[str, object]
) -> None:
    name = f"{run.name}/status.json"
    status = json.dumps(json.loads(contents[name]) | changes).encode()
    with pytest.raises(run_archive.BadBundle, match="status"):
        run_archive.unpack(zipped(contents | {name: status}), tmp_path)


UNWRITTEN = (
    '{"epoch": 1, "steps": 5, "seconds": 1, "accuracy": 99}', '{"epoch": 1.5, "steps": 1, "seconds": 1}',
    '{"epoch": 1, "steps": 1, "seconds": 1e300}', "[" * 100_000, '{"epoch": true}',
)  # fmt: skip


@pytest.mark.parametrize("row", UNWRITTEN)
def test_a_row_that_no_worker_wrote_is_passed_over(run: Path, tmp_path: Path, row: str) -> None:
    copied = Path(shutil.copytree(run, tmp_path / run.name))
    with (copied / "metrics.jsonl").open("a") as file:
        file.write(f"{row}\n")
    assert records.metrics(copied) == records.metrics(run)


def test_a_run_that_cannot_be_shown_says_so_and_can_be_deleted(run: Path, root: Path) -> None:
    for number, text in enumerate(('{"state": "finished", "test_accuracy": 99}', "[" * 100_000)):
        broken = Path(shutil.copytree(run, root / f"broken-{number}"))
        (broken / "status.json").write_text(text)
    for page in ("start", "train", "evaluate", "draw", "drawings"):
        open_page(page)
    app = open_page("runs")
    table = app.dataframe[0].value
    assert list(table["state"]) == ["finished", "cannot be read", "cannot be read"]
    assert list(table["id"])[1:] == ["broken-1", "broken-0"]
    app = open_page("runs", runs="broken-1")
    assert "broken-1` cannot be read" in "\n".join(said(words) for words in app.warning)
    assert not any(button.key == "star" for button in app.button)
    app.button(key="runs.delete").click()
    again(app)
    assert not (root / "broken-1").exists()
    assert len(app.dataframe[0].value) == 2
