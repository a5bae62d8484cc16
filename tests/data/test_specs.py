"""What a data set is is asked of its spec, and nowhere written down a second time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.data import datasets, specs
from core.data.specs import MNIST, DatasetSpec
from tests.support.sources import CORE, PAGES, PROJECT

# MNIST's shape and classes stand where a digit is drawn, where a tutorial's code is, and in its spec.
HERE = (
    "core/drawing/", "core/ui/draw/grid.py", "core/ui/draw/feedback.py",
    "core/ui/draw/preprocessing_steps.py", "pages/draw.py", "pages/drawings.py",
    "core/exports/onnx_drawing.py", "core/exports/keras_script.py",
    "core/data/specs.py",
)  # fmt: skip
WRITTEN_DOWN = re.compile(
    r"\b28\b|\b784\b|\bCLASSES\b|range\(10\)|\(10,\)|\((?:n|epochs|10), 10\)|\bten probabilities\b"
)


def test_shape_and_classes_are_written_down_only_where_a_digit_is_drawn() -> None:
    lines = [
        f"{name}:{number}: {line.strip()}"
        for file in CORE + PAGES
        if not (name := file.relative_to(PROJECT).as_posix()).startswith(HERE)
        for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1)
        if WRITTEN_DOWN.search(line)
    ]
    assert lines == []


@pytest.mark.parametrize("name", specs.BUILT_IN)
def test_what_is_built_in_is_mnist(name: str) -> None:
    spec = specs.of(name)
    assert (spec.image, spec.classes, spec.takes_drawings) == ((28, 28), tuple("0123456789"), True)
    assert spec == DatasetSpec.model_validate_json(spec.model_dump_json())


def test_a_spec_says_the_shapes_of_its_data() -> None:
    spec, data = specs.of("mnist-5k"), datasets.load("mnist-5k")
    assert data.x_train.shape == (spec.train, *spec.image)
    assert data.x_test.shape == (spec.test, *spec.image)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../mnist"}, {"name": ""}, {"shape": (28, 28)}, {"shape": (28, 28, 4)},
        {"shape": (7, 28, 1)},
        {"shape": (257, 28, 1)}, {"classes": ["one"]}, {"classes": ["a", "a"]}, {"classes": ["", "a"]},
        {"classes": [str(number) for number in range(257)]}, {"train": 0}, {"train": 10**9},
        {"source": "x" * 3000}, {"more": 1},
    ],
)  # fmt: skip
def test_what_cannot_be_a_spec_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    values = MNIST.model_dump() | change
    with pytest.raises(ValidationError):
        DatasetSpec.model_validate(values)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"name": "x"}', " " * 200_000 + "{}"])
def test_a_file_that_holds_no_spec_is_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / specs.FILE
    file.write_text(text, "utf-8")
    assert specs.read(file) is None
    assert specs.read(tmp_path / "nothing") is None


def test_only_what_is_digits_of_that_shape_takes_drawings() -> None:
    for change in (
        {"drawable": False},
        {"shape": (28, 32, 1)},
        {"shape": (28, 28, 3)},
        {"classes": tuple("ab")},
    ):
        assert not MNIST.model_copy(update=change).takes_drawings
