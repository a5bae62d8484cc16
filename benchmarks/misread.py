"""python -m benchmarks.misread FILE: made-up pictures that are still misread, in one image.

Each picture shows a fault that is known. Above it stands what it shows, and what the starter model reads.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.drawing.preprocess import EmptyDrawing
from core.evaluation import numbers, recognition
from core.runs import run_folder
from tests.support.photos import HEIGHT, WIDTH, Photo, Share, drawn, on_paper

_COLUMNS = 3
_GAP = 16  # pixels between the pictures
_HEAD = 30  # pixels for the words above a picture


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.misread")
    parser.add_argument("file", type=Path, help="the image to write: .png")
    file: Path = parser.parse_args(arguments).file
    reader = recognition.load(run_folder.STARTER)
    pictures = list(_pictures())
    rows = -(-len(pictures) // _COLUMNS)
    sheet = Image.new(
        "RGB", (_COLUMNS * (WIDTH + _GAP) + _GAP, rows * (HEIGHT + _HEAD + _GAP) + _GAP), "white"
    )
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, (fault, label, photo) in enumerate(pictures):
        row, column = divmod(number, _COLUMNS)
        left, top = _GAP + column * (WIDTH + _GAP), _GAP + row * (HEIGHT + _HEAD + _GAP)
        try:
            text = numbers.read_picture(reader, photo).text
        except EmptyDrawing:
            text = "nothing"
        pen.text((left, top + _HEAD - 8), f"{fault}: {label}, read as {text}", "black", font, anchor="ls")
        sheet.paste(Image.fromarray(photo[..., :3]), (left, top + _HEAD))
        print(f"{fault}: {label}, read as {text}")
    # Colours from a palette of 64 make the file a fifth as large.
    sheet.quantize(64).save(file, optimize=True)


def _pictures() -> Iterator[tuple[str, str, Photo]]:
    """What is wrong with a picture, the digits that it shows, and the picture."""
    yield "A line across, as wide as the pen", "9", on_paper(_crossed(9, 8), noise=2)
    for digit in (1, 6):
        yield "A short line across", str(digit), on_paper(_crossed(digit, 3, 60, 260), noise=2)
    yield "Zeros that share their walls", "000", on_paper(_beside("000", 0.24), noise=2)
    halves = np.where(np.arange(WIDTH) < WIDTH / 2, 1.0, 0.35) * np.ones((HEIGHT, 1))
    for digit in (0, 9):
        yield "Two papers", str(digit), on_paper(drawn(digit), light=halves, noise=2)


def _crossed(digit: int, width: int, left: int = 0, right: int = WIDTH) -> Share:
    share = drawn(digit).copy()
    share[118 : 118 + width, left:right] = 1
    return share


def _beside(text: str, step: float) -> Share:
    """Digits side by side, their middles so far apart, as a share of the width of the picture."""
    places = (0.5 + step * (place - (len(text) - 1) / 2) for place in range(len(text)))
    digits = [drawn(int(digit), 0.1, 0.45, (place, 0.5)) for digit, place in zip(text, places, strict=True)]
    together: Share = np.maximum.reduce(digits)
    return together


if __name__ == "__main__":
    main()
