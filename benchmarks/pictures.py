"""python -m benchmarks.pictures PICTURES: how many pictures that people made are read right, by kind.

PICTURES is a folder of pictures with a file ``labels.csv``: file, label (a digit or a whole number), kind,
source (one author each). Digits of MNIST's test images, saved as files of 28×28 pixels, come after them, and
two pictures that were enlarged to the size of a scan and of a phone's photo.
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from PIL import Image

from core.data import datasets
from core.drawing import pictures
from core.evaluation import numbers, recognition
from core.evaluation.recognition import Reader
from core.runs import run_folder

_SAMPLE = 1_000  # of MNIST's test images, evenly spaced
_LARGE = {"34.8 megapixels, PNG": (5906, 5906, "PNG"), "48 megapixels, JPEG": (8000, 6000, "JPEG")}
_WIDTH = 1_000  # pixels: pictures of this width or more are enlarged
# The kinds of the file's rows by how the results are reported, and what the names of the kinds begin with.
_KINDS = {
    "one digit, black on white": "paint-black-on-white",
    "one digit, white on black": "paint-white-on-black",
    "one digit, photographed on paper": "photo-paper",
    "one digit, scanned": "scan",
    "one digit, typed": "other-typed",
    "one digit, other": "other",
}


class Picture(NamedTuple):
    """A picture and its label."""

    name: str
    data: bytes
    label: str
    kind: str
    source: str


class Result(NamedTuple):
    """What was read in a picture, and how many seconds it took."""

    picture: Picture
    text: str
    seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures")
    parser.add_argument("pictures", type=Path, help="a folder with pictures and labels.csv")
    parser.add_argument("--run", type=Path, default=run_folder.STARTER, help="the run that reads them")
    parser.add_argument("--errors", action="store_true", help="list the pictures that are read wrong")
    parsed = parser.parse_args(arguments)
    reader = recognition.load(parsed.run)
    reader.prepare()
    results = measured(labelled(parsed.pictures), reader)
    groups = {
        kind: [result for result in results if kind_of(result.picture) == kind]
        for kind in [*_KINDS, "a number"]
    }
    groups |= {
        f"MNIST's test images as {name}": measured(mnist(*way), reader)
        for name, way in {"PNG": ("PNG", {}), "JPEG, quality 75": ("JPEG", {"quality": 75})}.items()
    }
    groups |= {name: measured(enlarged(parsed.pictures, *size), reader) for name, size in _LARGE.items()}
    print(_table(groups))
    if parsed.errors:
        for kind, group in groups.items():
            for picture, text, _seconds in group:
                if text != picture.label:
                    print(f"{kind}: {picture.name} is {picture.label}, read as {text or 'nothing'}")


def labelled(folder: Path) -> Iterator[Picture]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            data = (folder / row["file"]).read_bytes()
            yield Picture(row["file"], data, row["label"], row["kind"], row["source"])


def mnist(kind: str, options: dict[str, int]) -> Iterator[Picture]:
    test = datasets.load("mnist")
    for index in range(0, len(test.x_test), len(test.x_test) // _SAMPLE):
        file = io.BytesIO()
        Image.fromarray(test.x_test[index]).save(file, kind, **options)
        yield Picture(str(index), file.getvalue(), str(test.y_test[index]), kind, "mnist")


def enlarged(folder: Path, width: int, height: int, kind: str) -> Iterator[Picture]:
    """The first photo and the first scan that are large, enlarged to the size of a camera's picture."""
    for picture in labelled(folder):
        with Image.open(io.BytesIO(picture.data)) as image:
            if picture.kind == "photo-paper" and max(image.size) > _WIDTH:
                file = io.BytesIO()
                image.convert("RGB").resize((width, height)).save(file, kind)
                yield picture._replace(data=file.getvalue())
                return


def kind_of(picture: Picture) -> str:
    """The group in which a picture is reported."""
    if len(picture.label) > 1:
        return "a number"
    return next(kind for kind, start in _KINDS.items() if picture.kind.startswith(start))


def measured(some: Iterable[Picture], reader: Reader) -> list[Result]:
    results = []
    for picture in some:
        began = time.perf_counter()
        text = read(picture.data, reader)
        results.append(Result(picture, text, time.perf_counter() - began))
    return results


def read(data: bytes, reader: Reader) -> str:
    """The number in a picture; "" if there is none or the file is refused."""
    try:
        return numbers.read_picture(reader, pictures.read(data).pixels).text
    except ValueError:
        return ""


def distance(text: str, other: str) -> int:
    """How many digits have to be inserted, deleted or replaced to make one text of the other."""
    row = list(range(len(other) + 1))
    for index, digit in enumerate(text, 1):
        before, row[0] = row[0], index
        for column, wanted in enumerate(other, 1):
            before, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, before + (digit != wanted)),
            )
    return row[-1]


def _table(groups: dict[str, list[Result]]) -> str:
    lines = ["| | pictures | sources | read right | digits right | seconds, median | slowest |"]
    lines.append("| --- |" + " ---: |" * 6)
    for name, results in groups.items():
        if not results:
            continue
        digits = sum(len(result.picture.label) for result in results)
        wrong = sum(distance(result.text, result.picture.label) for result in results)
        right = sum(result.text == result.picture.label for result in results)
        seconds = [result.seconds for result in results]
        sources = len({result.picture.source for result in results})
        lines.append(
            f"| {name} | {len(results)} | {sources} | {right / len(results):.1%} "
            f"| {max(0, 1 - wrong / digits):.1%} | {median(seconds):.3f} | {max(seconds):.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
