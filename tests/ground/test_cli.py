"""The terminal: train, evaluate and predict as somebody types them, and what is said to mistakes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.__main__ import main
from core.config import PRESETS
from core.data import datasets
from core.data.datasets import Dataset
from core.evaluation import results
from core.exports import model_formats
from core.jobs import executor
from core.runs import records, run_folder
from core.runs.run_folder import Status
from core.settings import Settings
from tests.conftest import PATIENCE, Hired, filled, paste
from tests.support.sites import Folder, serving

PROJECT = Path(run_folder.__file__).parents[2]
Typed = Callable[..., subprocess.CompletedProcess[str]]


def core(*words: object) -> subprocess.CompletedProcess[str]:
    """Run `python -m core` in a terminal that is wide enough for its tables."""
    return subprocess.run(
        [sys.executable, "-m", "core", *map(str, words)],
        cwd=PROJECT,
        env=os.environ | {"COLUMNS": "200", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    """The same without a process of its own, which would import for seconds."""

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        code = main([*map(str, words)])
        return subprocess.CompletedProcess(words, code, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    return core(
        "train", "--preset", "tutorial-mlp-10", "--set", "hidden_units=64", "--set", "epochs=4",
        "--runs", tmp_path_factory.mktemp("cli") / "runs",
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(training: subprocess.CompletedProcess[str]) -> Path:
    assert training.returncode == 0, training.stderr
    return Path(training.stdout.splitlines()[-1])


def test_the_last_line_of_training_is_the_directory_of_a_run_with_these_settings(
    training: subprocess.CompletedProcess[str], run: Path
) -> None:
    assert run.is_dir()
    assert records.config(run) == PRESETS["tutorial-mlp-10"].but(hidden_units=(64,), epochs=4)
    status = run_folder.status(run)
    assert status.state == "finished"
    assert f"Test accuracy {status.test_accuracy:.2%}, test loss {status.test_loss:.4f}" in training.stdout
    # The progress is not in the way of a program that reads the output.
    assert "Epoch" in training.stderr
    assert "Epoch" not in training.stdout


def test_a_run_that_fails_ends_with_1_and_still_names_its_directory(run: Path, tmp_path: Path) -> None:
    """A checkpoint that turns out to be broken, once the worker reads it."""
    damaged = Path(shutil.copytree(run, tmp_path / run.name))
    (damaged / "checkpoint.npz").write_bytes(b"not an archive")
    done = core("resume", damaged, "--epochs", "5")
    assert done.returncode == 1
    assert Path(done.stdout.splitlines()[-1]) == damaged
    assert run_folder.status(damaged).state == "failed"
    assert done.stderr.splitlines()[-2].startswith("The checkpoint is damaged")
    assert "Traceback" not in done.stderr


def test_a_data_set_that_was_cut_off_is_refused_and_fetched_anew(
    mnist_npz: Path, no_mnist: Path, runs_folder: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off = datasets.path("mnist")
    cut_off.parent.mkdir(parents=True)
    cut_off.write_bytes(mnist_npz.read_bytes()[:5_000_000])
    done = typed("train", "--set", "dataset=mnist")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"{cut_off} does not hold mnist: the file is incomplete, damaged or another file. Download it again "
        "on the Data page or with --fetch in a terminal, or choose mnist-5k.\n"
    )
    monkeypatch.setenv("MNIST_LAB_MAX_IMAGES", "100")  # what is fetched is not trained on
    with serving(partial(Folder, directory=mnist_npz.parent)) as url:
        monkeypatch.setenv("MNIST_LAB_MNIST_URL", url)
        done = typed("train", "--set", "dataset=mnist", "--fetch")
    assert "Downloading mnist" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("This run uses 60,000 training images")
    assert datasets.at_hand("mnist")
    assert not runs_folder.exists()


@pytest.mark.parametrize(
    ("left", "code", "sentence"),
    [
        (Status(state="paused"), 0, ""),
        (Status(state="stopped"), 0, ""),
        # Running, it says, but nobody holds its lock.
        (Status(state="running", pid=1), 1, "It was killed, or the machine was switched off."),
    ],
)
def test_a_run_that_rests_before_its_end_is_not_waited_for(
    left: Status, code: int, sentence: str, tmp_path: Path, typed: Typed
) -> None:
    class Leaving(Hired):
        def serve(self, settings: Settings, run: Path | None = None) -> None:
            assert run
            run_folder.write_status(run, left)

    with executor.using(Leaving()):
        done = typed("train", "--runs", tmp_path / "runs")
    assert done.returncode == code
    assert sentence in done.stderr
    assert run_folder.every(tmp_path / "runs") == [Path(done.stdout.splitlines()[-1])]


def cells(table: str) -> list[list[str]]:
    """The rows of a printed table."""
    lines = [re.split("[│┃]", line)[1:-1] for line in table.splitlines()]
    return [[cell.strip() for cell in line] for line in lines if line]


def test_evaluate_prints_the_evaluation(run: Path) -> None:
    done = core("evaluate", run)
    assert (done.returncode, done.stderr) == (0, "")
    evaluation = results.load(run)
    assert f"1,000 test images: accuracy {evaluation.accuracy:.2%}" in done.stdout
    rows = cells(done.stdout)
    matrix = [row for row in rows if len(row) == 11][-10:]
    assert [[int(cell) for cell in row[1:]] for row in matrix] == evaluation.confusion().astype(int).tolist()
    report = {row[0]: row[1:] for row in rows if len(row) == 5}
    for name, expected in evaluation.report().iterrows():
        assert [float(cell) for cell in report[str(name)]] == pytest.approx(expected.tolist(), abs=5e-5)


def as_it_is(image: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(image)


def dark_on_white(image: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(255 - image)


def large_in_a_corner(image: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(paste(image, 7, 150, 190, side=400))


def blue_on_transparent(image: NDArray[np.uint8]) -> Image.Image:
    rgba = np.zeros((28, 28, 4), np.uint8)
    rgba[..., 2], rgba[..., 3] = 200, image
    return Image.fromarray(rgba).resize((140, 140))


LOOKS: list[Callable[[NDArray[np.uint8]], Image.Image]] = [
    as_it_is,
    dark_on_white,
    large_in_a_corner,
    blue_on_transparent,
]


def test_predict_reads_most_digits_right_however_they_look(
    run: Path, tmp_path: Path, mnist_5k: Dataset
) -> None:
    right: dict[str, int] = {}
    files, labels = [], []
    for look in LOOKS:
        for number in range(20):
            files.append(tmp_path / f"{look.__name__}-{number}.png")
            labels.append(mnist_5k.y_test[number])
            look(mnist_5k.x_test[number]).save(files[-1])
    done = core("predict", run, *files)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [row for row in cells(done.stdout) if row[0].endswith(".png")]
    assert [row[0] for row in rows] == [str(file) for file in files]
    for (file, digit, probability, _then), label in zip(rows, labels, strict=True):
        assert 10 <= float(probability.rstrip("%")) <= 100
        look = Path(file).name.split("-")[0]
        right[look] = right.get(look, 0) + (int(digit) == label)
    assert min(right.values()) >= 16, right


def test_read_prints_a_line_for_each_picture(tmp_path: Path, mnist_5k: Dataset) -> None:
    digits = [mnist_5k.x_test[index] for index in (0, 2, 1)]
    row = np.concatenate([paste(digit, 7, 40, 20, side=240) for digit in digits], axis=1)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    photo, small, text = tmp_path / "photo.jpg", tmp_path / "small.png", tmp_path / "text.png"
    enlarged = Image.fromarray(255 - row[..., :3]).resize((2160, 720))
    enlarged.rotate(90, expand=True).save(photo, exif=exif)
    Image.fromarray(digits[0]).save(small)
    text.write_text("no picture")
    done = core("read", "--json", photo, text, small, tmp_path / "missing.png")
    assert (done.returncode, done.stderr) == (1, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines] == [
        str(photo),
        str(text),
        str(small),
        str(tmp_path / "missing.png"),
    ]
    first, refused, second, missing = lines
    labels = [int(mnist_5k.y_test[index]) for index in (0, 2, 1)]
    assert first["text"] == "".join(map(str, labels))
    assert [digit["digit"] for digit in first["digits"]] == labels
    assert first["taken_for"] == "drawing"
    for place, digit in enumerate(first["digits"]):
        # The picture in the file is three times as large as the drawn row.
        y, x = np.nonzero(row[:, 240 * place : 240 * (place + 1), 0] > 100)
        drawn = [240 * place + x.min(), y.min(), 240 * place + x.max() + 1, y.max() + 1]
        assert digit["box"] == pytest.approx([3 * side for side in drawn], abs=25)
        assert 0.5 < digit["confidence"] <= 1
        assert digit["is_digit"]
    assert second["text"] == str(labels[0])
    assert set(refused) == {"file", "error"}
    assert "is not a PNG, JPEG, WebP or HEIC image" in refused["error"]
    assert "No such file" in missing["error"]


def test_read_without_json_prints_the_number_and_how_sure_it_is(
    run: Path, tmp_path: Path, mnist_5k: Dataset
) -> None:
    Image.fromarray(mnist_5k.x_test[0]).save(tmp_path / "digit.png")
    done = core("read", "--run", run, tmp_path / "digit.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r".*digit\.png: \d  \[\d \(\d+\.\d%\)\]\n", done.stdout)


# -------------------------------------------------------------------------------------- mistakes


def assert_refused(done: subprocess.CompletedProcess[str], sentence: str) -> None:
    """Exit code 2, nothing but one line on stderr, and that line says what is wrong."""
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert re.search(sentence, done.stderr), done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--preset", "tutorial"], r"no preset 'tutorial'\. Choose one of tutorial-mlp, "),
        (["--set", "epoch=3"], r"There is no setting epoch\. The settings are dataset, "),
        (["--set", "epochs"], r"'epochs' is not a setting\. Write KEY=VALUE"),
        (["--set", "batch_size=0"], r'batch_size cannot be "0": it must be at least 1\.'),
        (["--set", "epochs=101"], r"has 101 epochs; at most 100 are allowed"),
        (
            ["--set", "architecture=cnn", "--set", "conv_blocks=8:7,8:7,8:7"],
            r"Convolution block 3 does not fit",
        ),
        (["--set", "dataset=mnist"], r"^mnist is not on this machine yet"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_training_that_cannot_be_is_refused_in_a_sentence(
    words: list[str], sentence: str, runs_folder: Path, no_mnist: Path, typed: Typed
) -> None:
    assert_refused(typed("train", *words), sentence)
    assert not runs_folder.exists()


def test_an_operator_who_sets_nonsense_is_told(runs_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_SLOTS", "none")
    done = core("train")
    assert done.returncode == 2
    assert "slots" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_run_that_is_not_there_is_refused_in_a_sentence(command: str, tmp_path: Path) -> None:
    image = [tmp_path / "digit.png"] if command == "predict" else []
    assert_refused(core(command, tmp_path / "nowhere", *image), r"nowhere")


def test_a_mistake_leaves_no_traceback_in_a_terminal(run: Path) -> None:
    for words in (["train", "--preset", "tutorial"], ["predict", run, __file__]):
        assert_refused(core(*words), r"no preset 'tutorial'|test_cli\.py cannot be read")


def text_file(folder: Path) -> Path:
    file = folder / "text.png"
    file.write_text("This is no image.")
    return file


def missing_file(folder: Path) -> Path:
    return folder / "missing.png"


def a_folder(folder: Path) -> Path:
    return folder


def blank_image(folder: Path) -> Path:
    file = folder / "blank.png"
    Image.new("L", (28, 28), 255).save(file)
    return file


def half_an_image(folder: Path) -> Path:
    file = folder / "half.png"
    noise = np.random.default_rng(0).integers(0, 256, (100, 100), np.uint8)
    Image.fromarray(noise).save(file)
    file.write_bytes(file.read_bytes()[:5_000])
    return file


def huge_image(folder: Path) -> Path:
    file = folder / "huge.png"
    Image.new("1", (10_000, 10_000)).save(file)
    return file


def strip(folder: Path) -> Path:
    file = folder / "strip.png"
    Image.new("1", (2, 20_000)).save(file)
    return file


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (
            text_file,
            r"text\.png cannot be read\. This file .* is not a PNG, JPEG, WebP or HEIC image",
        ),
        (missing_file, r"missing\.png: No such file or directory"),
        (a_folder, r"Is a directory"),
        (blank_image, r"No digit was found in .*blank\.png"),
        (half_an_image, r"half\.png cannot be read\. This PNG file is damaged or incomplete"),
        (huge_image, r"huge\.png cannot be read\. This picture has more than 50 megapixels"),
        (strip, r"strip\.png cannot be read\. This picture has 2×20,000 pixels"),
    ],
)
def test_a_picture_that_cannot_be_read_is_named(
    picture: Callable[[Path], Path], sentence: str, run: Path, tmp_path: Path, typed: Typed
) -> None:
    assert_refused(typed("predict", run, picture(tmp_path)), sentence)


def test_a_finished_run_is_given_more_epochs(mlp_run: Path, tmp_path: Path, typed: Typed) -> None:
    run = Path(shutil.copytree(mlp_run, tmp_path / "runs" / mlp_run.name))
    done = typed("resume", run, "--epochs", 4)
    assert done.returncode == 0, done.stderr
    assert "Test accuracy" in done.stdout
    assert done.stdout.splitlines()[-1] == str(run)
    assert [row["epoch"] for row in records.metrics(run)] == [1, 2, 3, 4]


# ------------------------------------------------------------------------------------ export


@pytest.mark.parametrize("words", ["onnx", ".ONNX", "drawing.onnx", "keras", "py", "md", "csv", "Everything"])
def test_export_writes_what_the_page_gives_under_a_name_that_says_what_it_is(
    words: str, mlp_run: Path, tmp_path: Path, typed: Typed
) -> None:
    done = typed("export", mlp_run, words, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    ending = {"Everything": "zip"}.get(words, words.lower().lstrip("."))
    accuracy = 100 * results.load(mlp_run).accuracy
    file = tmp_path / f"mlp-32-mnist-5k-{accuracy:.2f}.{ending}"
    assert done.stdout == f"{file}\n"
    assert list(tmp_path.iterdir()) == [file]
    if ending in model_formats.formats():
        assert file.read_bytes() == model_formats.write(mlp_run, ending)


def test_export_in_a_terminal_converts_the_model(mlp_run: Path, tmp_path: Path) -> None:
    done = core("export", mlp_run, "HDF5", tmp_path / "model.h5")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'model.h5'}\n")
    assert (tmp_path / "model.h5").read_bytes().startswith(b"\x89HDF")


def test_export_into_the_folder_where_one_is(
    mlp_run: Path, tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    named = Path(typed("export", mlp_run, "csv").stdout.strip())
    assert (tmp_path / named).is_file()
    monkeypatch.chdir(mlp_run)
    assert typed("export", ".", "csv", tmp_path / "run.csv").returncode == 0
    assert (tmp_path / "run.csv").read_bytes() == (tmp_path / named).read_bytes()


def test_a_file_that_is_there_is_replaced_only_if_that_is_said(
    mlp_run: Path, tmp_path: Path, typed: Typed
) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("precious")
    assert_refused(typed("export", mlp_run, "csv", file), r"mine\.csv exists already\. .* --force")
    assert file.read_text() == "precious"
    assert typed("export", mlp_run, "csv", file, "--force").returncode == 0
    assert file.read_text().startswith("epoch")


@pytest.mark.parametrize(
    ("words", "out", "sentence"),
    [
        (
            "onxx",
            "",
            r"no format 'onxx'\. The formats are keras \(Keras\), h5 \(HDF5\), .*zip \(Everything\)",
        ),
        (
            "h5",
            "model.keras",
            r"The ending of .*model\.keras does not fit the format h5\. Use the name model\.h5",
        ),
        ("csv", "nowhere/run.csv", r"There is no folder .*nowhere\. Create it"),
        ("csv", "nowhere/", r"There is no folder .*nowhere\. Create it"),
    ],
)
def test_an_export_that_cannot_be_is_refused_in_a_sentence(
    words: str, out: str, sentence: str, mlp_run: Path, tmp_path: Path, typed: Typed
) -> None:
    assert_refused(typed("export", mlp_run, words, f"{tmp_path}/{out}"), sentence)
    assert not list(tmp_path.iterdir())


def test_an_untrained_run_has_no_model_to_export_but_a_script(tmp_path: Path, typed: Typed) -> None:
    run = run_folder.create(tmp_path / "runs", PRESETS["tutorial-mlp"])
    assert_refused(
        typed("export", run, "keras", tmp_path),
        r"has no trained model yet, so it has no file in the format Keras",
    )
    assert typed("export", run, "py", tmp_path).returncode == 0
    assert (tmp_path / "mlp-128-mnist-5k-queued.py").is_file()
    assert_refused(typed("export", tmp_path / "none", "py", tmp_path), r"run none cannot be read")


def test_what_is_no_run_cannot_be_resumed(tmp_path: Path, typed: Typed) -> None:
    refused = typed("resume", tmp_path / "none")
    assert refused.returncode == 2
    assert "settings of run none cannot be read" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_the_disk_has_no_room_for_is_refused_and_leaves_nothing(disk: Path, typed: Typed) -> None:
    with filled(disk):
        done = typed("train", "--runs", disk / "runs")
        assert_refused(done, r"^(.*: )?No space left on device$")
        assert list(disk.rglob("*.json")) == []
