"""Changed digits, and how a network reads them: SciPy is the oracle, and a real process measures."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock, Timeout
from scipy import ndimage

from core.data import datasets
from core.evaluation import robustness
from core.evaluation.robustness import LEVELS, UNCHANGED, Images, NotMeasured, Robustness, changed
from core.failures import words
from core.network import predict
from core.runs import run_folder
from tests.conftest import PATIENCE, wait_until
from tests.support.pages import again, figure, open_page, said


@pytest.fixture(scope="module")
def digits(mnist_5k: datasets.Dataset) -> Images:
    return mnist_5k.x_test[::5]


@pytest.fixture
def run(mlp_run: Path, tmp_path: Path) -> Path:
    """A run to write on."""
    copy = tmp_path / "runs" / mlp_run.name
    shutil.copytree(mlp_run, copy)
    return copy


@pytest.mark.parametrize("kind", LEVELS)
def test_one_level_changes_nothing_and_every_other_one_does(digits: Images, kind: str) -> None:
    before = digits.copy()
    for level in LEVELS[kind]:
        images = changed(digits, kind, level)
        assert images.dtype == np.uint8
        assert images.shape == digits.shape
        assert np.array_equal(images, digits) == (level == UNCHANGED[kind])
    np.testing.assert_array_equal(digits, before)


def test_digits_are_turned_shifted_and_scaled_as_scipy_does_it(digits: Images) -> None:
    some = digits[:20].astype(np.float32)
    turned = ndimage.rotate(some, -30, axes=(1, 2), reshape=False, order=1)
    assert np.abs(changed(digits[:20], "rotation", 30) - turned).mean() < 1
    np.testing.assert_array_equal(changed(digits, "shift", 2)[:, :, 2:], digits[:, :, :-2])
    np.testing.assert_array_equal(changed(digits, "shift", -2)[:, :, :-2], digits[:, :, 2:])
    factor, middle = 1.25, 13.5
    scaled = [
        ndimage.affine_transform(digit, np.eye(2) / factor, middle - middle / factor, order=1)
        for digit in some
    ]
    assert np.abs(changed(digits[:20], "scale", factor) - scaled).mean() < 1


def test_ink_grows_with_thickness_and_shrinks_with_contrast(digits: Images) -> None:
    for kind in ("thickness", "contrast", "scale"):
        ink = [changed(digits, kind, level).mean() for level in LEVELS[kind]]
        assert ink == sorted(ink), kind


def test_noise_is_as_strong_as_it_says_and_the_same_each_time() -> None:
    grey = np.full((50, 28, 28), 128, np.uint8)
    noisy = changed(grey, "noise", 0.1)
    assert noisy.std() == pytest.approx(25.5, rel=0.02)
    np.testing.assert_array_equal(noisy, changed(grey, "noise", 0.1))


def test_it_is_measured_in_a_process_and_kept_with_the_run(run: Path, mnist_5k: datasets.Dataset) -> None:
    assert Robustness.read(run) is None
    subprocess.run([sys.executable, "-m", "core.evaluation.robustness", str(run)], check=True)
    measured = Robustness.read(run)
    assert measured is not None
    assert measured.done == 1
    assert measured.images == len(mnist_5k.y_test)
    accuracy = run_folder.status(run).test_accuracy
    predictor = predict.load(run)
    for kind, levels in LEVELS.items():
        assert len(measured.accuracy[kind]) == len(levels)
        assert measured.accuracy[kind][levels.index(UNCHANGED[kind])] == pytest.approx(accuracy)
    shifted = predictor.logits(changed(mnist_5k.x_test, "shift", 4)).argmax(axis=1)
    assert measured.accuracy["shift"][LEVELS["shift"].index(4)] == np.mean(shifted == mnist_5k.y_test)


def test_two_do_not_measure_the_same_run_at_once(run: Path) -> None:
    with FileLock(run / "robustness.lock"):
        assert robustness.is_measuring(run)
        with pytest.raises(Timeout):
            robustness.measure(run)
    assert not robustness.is_measuring(run)


def test_who_looks_does_not_keep_anybody_from_measuring(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robustness, "_PATIENCE", PATIENCE)
    (run / "model.onnx").unlink()  # so that it takes no time
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            robustness.is_measuring(run)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(10):
            with pytest.raises(predict.NotTrained):
                robustness.measure(run)
    finally:
        done.set()
        looker.join()


def test_a_run_without_a_model_is_said_to_have_none(run: Path) -> None:
    (run / "model.onnx").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "core.evaluation.robustness", str(run)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "has no trained model yet" in done.stderr
    assert "Traceback" not in done.stderr
    failed = NotMeasured.read(run)
    assert failed is not None
    assert "has no trained model yet" in words(failed.failure)


def test_the_page_says_why_it_could_not_be_measured(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(run.parent))
    monkeypatch.setattr(robustness, "IMAGES", 20)  # so that it takes no time
    (run / "model.onnx").rename(run / "elsewhere")
    with pytest.raises(predict.NotTrained) as raised:
        robustness.measure(run)
    (run / "elsewhere").rename(run / "model.onnx")
    app = open_page("evaluate", run=run.name, look="robustness")
    assert said(app.error[0]) == f"The measurement failed. {raised.value}"
    robustness.measure(run)
    again(app)
    assert not app.error
    assert NotMeasured.read(run) is None


@pytest.mark.parametrize(
    "content", ["", "{}", '{"images": 5, "accuracy": {"spin": [1.0]}}', '{"images": 0, "accuracy": {}}']
)
def test_what_cannot_be_read_was_not_measured(run: Path, content: str) -> None:
    (run / "robustness.json").write_text(content)
    assert Robustness.read(run) is None


def test_a_click_measures_and_shows_the_curves(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(run.parent))
    app = open_page("evaluate", run=run.name, look="robustness")
    app.button(key="evaluate.measure").click()
    again(app)

    def is_done() -> bool:
        measured = Robustness.read(run)
        return measured is not None and measured.done == 1 and not robustness.is_measuring(run)

    wait_until(is_done, "all of it is measured")
    again(app)
    assert not [button for button in app.button if button.key == "measure"]
    measured = Robustness.read(run)
    assert measured is not None
    for kind, values in measured.accuracy.items():
        (line,) = figure(app, f"evaluate.robust_{kind}")["data"]
        assert list(line["y"]) == values


def test_a_run_that_cannot_be_written_to_says_so(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_RUNS", str(run.parent))
    app = open_page("evaluate", run=run.name, look="robustness")
    (run / "log.txt").unlink(missing_ok=True)
    (run / "log.txt").mkdir()
    app.button(key="evaluate.measure").click()
    again(app)
    assert "log.txt" in said(app.error[0])
