"""python -m benchmarks.handwriting HANDWRITING: the accuracy on people's digits.

HANDWRITING is a file of pen strokes, as for `python -m starter`. ``--folds`` names the folder with the runs
of `python -m starter HANDWRITING --folds 5 --runs FOLDER`. Each of these runs is tested only on the writers
who are not in its training data. So the results hold for new writers. The networks of the tutorials are
trained on MNIST alone, and are tested on all writers.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.training import train
from core.config import PRESETS
from core.drawing import interchange, preprocess, strokes
from core.drawing.collection import Drawing
from core.drawing.preprocess import STEPS
from core.evaluation import recognition
from core.evaluation.recognition import Reader
from core.runs import run_folder
from starter.__main__ import canvases, groups

Images = NDArray[np.uint8]
Readers = Sequence[tuple[Reader, Sequence[Drawing]]]  # each with its test digits
_BRUSH = 20
_PENS = (0.08, 0.1, 0.12, 0.14, 0.16)
_RECIPES = {
    "whole canvas shrunk to 28×28": set(STEPS),
    "cropped to the ink": set(STEPS) - {"ink", "crop"},
    "and fitted into 20×20": {"stretch", "centre"},
    "and stretched": {"centre"},
    "and centred by its mass: the full recipe": set(),
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handwriting")
    parser.add_argument("handwriting", type=Path, help="pen strokes: .json.gz")
    parser.add_argument("--folds", type=Path, help="the runs of a cross-validated starter")
    parsed = parser.parse_args(arguments)
    digits = interchange.unpack(parsed.handwriting.read_bytes())
    with tempfile.TemporaryDirectory(prefix="mnist-lab-handwriting-") as folder:
        models: dict[str, Readers] = {
            name: [(recognition.load(train(PRESETS[name].but(dataset="mnist"), Path(folder))), digits)]
            for name in ("tutorial-mlp", "tutorial-cnn")
        }
        if parsed.folds:
            runs = sorted(run_folder.every(parsed.folds))
            held = groups(digits, len(runs))
            models["starter"] = [
                (recognition.load(run), [digit for digit in digits if digit.writer in writers])
                for run, writers in zip(runs, held, strict=True)
            ]
        _table("Step by step", _by_step(models), list(models))
        _table("The same digits, their strokes drawn again", _redrawn(models), list(models))


def _table(title: str, rows: dict[str, list[float]], names: list[str]) -> None:
    print(f"\n{title}\n\n| | " + " | ".join(names) + " |\n| --- |" + " --- |" * len(names))
    for name, shares in rows.items():
        print(f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares) + " |", flush=True)


def _by_step(models: dict[str, Readers]) -> dict[str, list[float]]:
    def shrunk(without: set[str]) -> Callable[[Sequence[Drawing]], Images]:
        return lambda digits: np.stack(
            [
                np.rint(preprocess.steps(canvas, without)["centre"]).astype(np.uint8)
                for canvas in canvases(digits, _BRUSH)
            ]
        )

    return {
        name: [_right(readers, shrunk(without)) for readers in models.values()]
        for name, without in _RECIPES.items()
    }


def _redrawn(models: dict[str, Readers]) -> dict[str, list[float]]:
    def redrawn(pen: float) -> Callable[[Sequence[Drawing]], Images]:
        return lambda digits: np.stack([strokes.image(digit.strokes, pen) for digit in digits])

    return {
        f"with a pen of {pen:.2f} of the longer side": [
            _right(readers, redrawn(pen)) for readers in models.values()
        ]
        for pen in _PENS
    }


def _right(readers: Readers, images: Callable[[Sequence[Drawing]], Images]) -> float:
    """The accuracy on the digits, 0 to 1."""
    correct = [
        reader.predictor.probabilities(images(digits)).argmax(axis=1) == [digit.label for digit in digits]
        for reader, digits in readers
    ]
    return float(np.concatenate(correct).mean())


if __name__ == "__main__":
    main()
