"""python -m benchmarks.nondigits: how many images that are no digits are rejected, by kind.

The detector (`starter.detector`) has learned from none of these kinds.

Letters that look like digits (O, I, l, Z, S, B, G, q, b, D) are left out, because nobody can tell them apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.data import datasets, fashion
from core.drawing import preprocess, strokes
from core.drawing.strokes import Strokes
from core.evaluation import detector

_NUMBER = 1_000  # images of each kind
_Points = list[tuple[float, float]]
_Shapes = dict[str, list[_Points]]

# Straight strokes on a square of side 1, y downwards.
LETTERS: _Shapes = {
    "A": [[(0, 1), (0.4, 0), (0.8, 1)], [(0.18, 0.6), (0.62, 0.6)]],
    "E": [[(0.7, 0), (0, 0), (0, 1), (0.7, 1)], [(0, 0.5), (0.6, 0.5)]],
    "F": [[(0.7, 0), (0, 0), (0, 1)], [(0, 0.45), (0.6, 0.45)]],
    "H": [[(0, 0), (0, 1)], [(0.7, 0), (0.7, 1)], [(0, 0.5), (0.7, 0.5)]],
    "K": [[(0, 0), (0, 1)], [(0.7, 0), (0, 0.5), (0.7, 1)]],
    "M": [[(0, 1), (0, 0), (0.45, 0.6), (0.9, 0), (0.9, 1)]],
    "N": [[(0, 1), (0, 0), (0.7, 1), (0.7, 0)]],
    "P": [[(0, 1), (0, 0), (0.5, 0.02), (0.68, 0.22), (0.5, 0.48), (0, 0.5)]],
    "R": [[(0, 1), (0, 0), (0.5, 0.02), (0.65, 0.22), (0.5, 0.45), (0, 0.5), (0.7, 1)]],
    "T": [[(0, 0), (0.8, 0)], [(0.4, 0), (0.4, 1)]],
    "U": [[(0, 0), (0, 0.7), (0.15, 0.95), (0.4, 1), (0.6, 0.95), (0.7, 0.7), (0.7, 0)]],
    "V": [[(0, 0), (0.4, 1), (0.8, 0)]],
    "W": [[(0, 0), (0.25, 1), (0.5, 0.3), (0.75, 1), (1, 0)]],
    "X": [[(0, 0), (0.8, 1)], [(0.8, 0), (0, 1)]],
    "Y": [[(0, 0), (0.4, 0.5), (0.8, 0)], [(0.4, 0.5), (0.4, 1)]],
    "a": [[(0.6, 0.1), (0.3, 0), (0, 0.3), (0, 0.7), (0.3, 1), (0.6, 0.7), (0.62, 0), (0.65, 0.9), (0.9, 1)]],
    "e": [[(0, 0.5), (0.8, 0.5), (0.7, 0.15), (0.4, 0), (0.1, 0.2), (0, 0.5), (0.1, 0.85), (0.45, 1),
           (0.8, 0.85)]],
    "h": [[(0, 0), (0, 1)], [(0, 0.6), (0.3, 0.42), (0.55, 0.55), (0.55, 1)]],
    "m": [[(0, 0.1), (0, 0.8)], [(0, 0.3), (0.2, 0.1), (0.4, 0.25), (0.4, 0.8)],
          [(0.4, 0.3), (0.65, 0.1), (0.85, 0.25), (0.85, 0.8)]],
    "w": [[(0, 0), (0.2, 0.6), (0.45, 0.1), (0.7, 0.6), (0.9, 0)]],
}  # fmt: skip


def _arc(x: float, y: float, width: float, height: float, start: float = 0, end: float = 1) -> _Points:
    """A part of an ellipse about (x, y). Its start and end are in turns, clockwise from the right."""
    return [
        (x + width * np.cos(angle), y + height * np.sin(angle))
        for angle in 2 * np.pi * np.linspace(start, end, 24)
    ]


SIGNS: _Shapes = {
    "plus": [[(0, 0.5), (1, 0.5)], [(0.5, 0), (0.5, 1)]],
    "equals": [[(0, 0.2), (1, 0.2)], [(0, 0.7), (1, 0.7)]],
    "hash": [[(0.3, 0), (0.2, 1)], [(0.75, 0), (0.65, 1)], [(0, 0.33), (1, 0.33)], [(0, 0.67), (1, 0.67)]],
    "arrow": [[(0, 0.5), (1, 0.5)], [(0.6, 0.1), (1, 0.5), (0.6, 0.9)]],
    "arrow down": [[(0.5, 0), (0.5, 1)], [(0.1, 0.6), (0.5, 1), (0.9, 0.6)]],
    "tick": [[(0, 0.6), (0.3, 1), (1, 0)]],
    "question": [[*_arc(0.4, 0.25, 0.35, 0.25, 0.5, 1.2), (0.4, 0.6), (0.4, 0.75)], [(0.4, 0.97), (0.4, 1)]],
    "per cent": [[(0.9, 0), (0.1, 1)], _arc(0.2, 0.2, 0.2, 0.2), _arc(0.8, 0.8, 0.2, 0.2)],
    "at": [_arc(0.5, 0.5, 0.2, 0.2), [(0.7, 0.35), *_arc(0.5, 0.5, 0.5, 0.5, 0.05, -0.8)]],
    "heart": [[(0.5, 1), (0, 0.4), (0.05, 0.1), (0.25, 0), (0.5, 0.25), (0.75, 0), (0.95, 0.1), (1, 0.4),
               (0.5, 1)]],
    "star": [[(0.5, 0), (0.8, 1), (0, 0.38), (1, 0.38), (0.2, 1), (0.5, 0)]],
    "triangle": [[(0.5, 0), (1, 0.9), (0, 0.9), (0.5, 0)]],
    "square": [[(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]],
    "house": [[(0, 1), (0, 0.45), (0.5, 0), (1, 0.45), (1, 1), (0, 1)]],
    "smiley": [_arc(0.5, 0.5, 0.5, 0.5), [(0.3, 0.35), (0.3, 0.4)], [(0.7, 0.35), (0.7, 0.4)],
               _arc(0.5, 0.5, 0.28, 0.28, 0.08, 0.42)],
    "spiral": [[(0.5 + t / 30 * np.cos(t), 0.5 + t / 30 * np.sin(t)) for t in np.linspace(1, 15, 80)]],
    "lightning": [[(0.6, 0), (0.2, 0.55), (0.7, 0.45), (0.3, 1)]],
    "clef": [[(0.3, 0.9), (0.3, 0), (0.9, 0.1), (0.9, 0.8)], _arc(0.18, 0.9, 0.13, 0.1),
             _arc(0.78, 0.8, 0.13, 0.1)],
    "infinity": [[(0.5 + 0.6 * np.cos(t), 0.4 * np.sin(2 * t) * 0.7) for t in np.linspace(0, 2 * np.pi, 40)]],
    "wave": [[(t / 12, 0.25 * np.sin(t)) for t in np.linspace(0, 12, 50)]],
}  # fmt: skip
# Of Greek, Cyrillic, Hebrew and Japanese.
SCRIPTS: _Shapes = {
    "Gamma": [[(0, 1), (0, 0), (0.7, 0)]],
    "Lambda": [[(0, 1), (0.4, 0), (0.8, 1)]],
    "Xi": [[(0, 0), (0.8, 0)], [(0.1, 0.5), (0.7, 0.5)], [(0, 1), (0.8, 1)]],
    "Pi": [[(0, 1), (0, 0), (0.8, 0), (0.8, 1)]],
    "Sigma": [[(0.8, 0), (0, 0), (0.45, 0.5), (0, 1), (0.8, 1)]],
    "Phi": [_arc(0.4, 0.5, 0.4, 0.28), [(0.4, 0), (0.4, 1)]],
    "Psi": [[(0, 0.1), (0.05, 0.5), (0.4, 0.65), (0.75, 0.5), (0.8, 0.1)], [(0.4, 0), (0.4, 1)]],
    "Omega": [[(0, 1), (0.25, 1), *_arc(0.45, 0.42, 0.42, 0.42, 0.32, 1.18), (0.65, 1), (0.9, 1)]],
    "Zhe": [[(0, 0), (0.9, 1)], [(0.9, 0), (0, 1)], [(0.45, 0), (0.45, 1)]],
    "De": [[(0, 1), (0, 0.8), (0.9, 0.8), (0.9, 1)], [(0.15, 0.8), (0.3, 0), (0.7, 0), (0.75, 0.8)]],
    "I": [[(0, 0), (0, 1), (0.7, 0), (0.7, 1)]],
    "Tse": [[(0, 0), (0, 0.85), (0.7, 0.85), (0.7, 0)], [(0.7, 0.85), (0.85, 0.85), (0.85, 1.05)]],
    "Sha": [[(0, 0), (0, 1), (0.9, 1), (0.9, 0)], [(0.45, 0), (0.45, 1)]],
    "Yu": [[(0, 0), (0, 1)], [(0, 0.5), (0.35, 0.5)], _arc(0.65, 0.5, 0.3, 0.5)],
    "Ya": [[(0.7, 1), (0.7, 0), (0.2, 0.05), (0.05, 0.25), (0.2, 0.5), (0.7, 0.52)], [(0.4, 0.52), (0, 1)]],
    "Aleph": [[(0, 0), (0.9, 1)], [(0.75, 0), (0.75, 0.35), (0.5, 0.55)],
              [(0.25, 0.3), (0.05, 0.6), (0.1, 1)]],
    "Shin": [[(0, 0), (0.15, 1), (0.6, 1), (0.95, 0)], [(0.48, 0.05), (0.42, 0.55), (0.12, 0.75)]],
    "KA": [[(0, 0.3), (0.8, 0.3), (0.75, 0.9), (0.55, 0.85)], [(0.4, 0), (0.35, 0.5), (0.05, 1)]],
    "NA": [[(0, 0.35), (0.9, 0.35)], [(0.5, 0), (0.48, 0.6), (0.2, 1)]],
    "MU": [[(0.4, 0), (0.05, 0.85), (0.8, 0.8)], [(0.6, 0.55), (0.9, 1)]],
}  # fmt: skip


def letters(number: int, seed: int = 0) -> NDArray[np.uint8]:
    """Draw letters, each with another slant, other bends and another width of the pen.

    Args:
        number: how many letters, at least 1.
        seed: the same seed gives the same letters.

    Returns:
        uint8 ``(number, 28, 28)``.
    """
    return _drawings(LETTERS, number, seed)


def signs(number: int, seed: int = 0) -> NDArray[np.uint8]:
    """Like `letters`, but arrows, stars, question marks and other signs."""
    return _drawings(SIGNS, number, seed)


def scripts(number: int, seed: int = 0) -> NDArray[np.uint8]:
    """Like `letters`, but of other scripts."""
    return _drawings(SCRIPTS, number, seed)


def _drawings(shapes: _Shapes, number: int, seed: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    names = sorted(shapes)
    return np.stack([_drawn(shapes[names[i % len(names)]], rng) for i in range(number)])


def pairs(digits: NDArray[np.uint8], number: int, seed: int = 0) -> NDArray[np.uint8]:
    """Two digits side by side, as if they were one.

    Args:
        digits: uint8 ``(n, 28, 28)``.
    """
    rng = np.random.default_rng(seed)

    def pair() -> NDArray[np.uint8]:
        first, second = (digit[:, digit.any(axis=0)] for digit in digits[rng.integers(len(digits), size=2)])
        gap = np.zeros((28, int(rng.integers(0, 8))), np.uint8)
        return _fitted(np.concatenate([first, gap, second], axis=1))

    return np.stack([pair() for _ in range(number)])


def halves(
    digits: NDArray[np.uint8], labels: NDArray[np.uint8], number: int, seed: int = 0
) -> NDArray[np.uint8]:
    """The halves of two different digits, side by side or one above the other. Some look like a digit.

    Args:
        digits: uint8 ``(n, 28, 28)``.
        labels: uint8 ``(n,)``.
    """
    rng = np.random.default_rng(seed)

    def joined() -> NDArray[np.uint8]:
        first, second = rng.integers(len(digits), size=2)
        while labels[first] == labels[second]:
            second = rng.integers(len(digits))
        cut, axis = int(rng.integers(11, 18)), int(rng.integers(2))
        parts = np.split(digits[first], [cut], axis)[0], np.split(digits[second], [cut], axis)[1]
        return _fitted(np.concatenate(parts, axis))

    return np.stack([joined() for _ in range(number)])


def _fitted(parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return preprocess.image(np.kron(parts, np.ones((3, 3))).astype(np.float32))


def patterns(number: int, seed: int = 0) -> NDArray[np.uint8]:
    """Stripes, checks, rings and gradients that fill the image."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:28j, -1:1:28j]

    def pattern(kind: int) -> NDArray[np.uint8]:
        angle, often = rng.uniform(0, np.pi), rng.uniform(4, 20)
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        left, top = rng.uniform(-1, 1, 2)
        stripes = np.sin(often * along)
        rings = np.sin(often * np.hypot(x - left, y - top))
        wave = (stripes, stripes * np.sin(often * across), rings, along)[kind]
        level = wave > rng.uniform(-0.5, 0.5) if rng.random() < 0.5 else (wave + 1.5) / 3
        return np.clip(255 * level * rng.uniform(0.5, 1), 0, 255).astype(np.uint8)

    return np.stack([pattern(i % 4) for i in range(number)])


def scribbles(number: int, seed: int = 0) -> NDArray[np.uint8]:
    """Draw scribbles: loops, zigzags, random lines and several separate lines.

    Args:
        number: how many scribbles, at least 1.
        seed: the same seed gives the same scribbles.

    Returns:
        uint8 ``(number, 28, 28)``.
    """
    rng = np.random.default_rng(seed)
    kinds = (_loops, _zigzag, _wander, _crosses)
    return np.stack([_drawn(kinds[i % len(kinds)](rng), rng) for i in range(number)])


def _drawn(lines: Strokes | list[list[tuple[float, float]]], rng: np.random.Generator) -> NDArray[np.uint8]:
    slant = np.array([[1, 0], [rng.uniform(-0.25, 0.25), rng.uniform(0.85, 1.2)]])
    bent = [_bent(np.array(line, float), rng) @ slant for line in lines]
    return strokes.image([line.tolist() for line in bent], rng.uniform(0.08, 0.18))


def _bent(line: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Add points between the corners, move each corner a little, and bend the segments."""
    if len(line) < 15:
        line = line + rng.normal(0, 0.04, line.shape)
        along = np.linspace(0, len(line) - 1, 8 * len(line))
        line = np.stack([np.interp(along, np.arange(len(line)), line[:, axis]) for axis in (0, 1)], axis=1)
    phase, strength = rng.uniform(0, 6, 2), rng.normal(0, 0.02, 2)
    wave = np.linspace(0, 5, len(line))[:, None]
    return line + strength * np.sin(wave + phase)


def _loops(rng: np.random.Generator) -> Strokes:
    """A curve with several turns, a sum of sine waves."""
    t = np.linspace(0, 2 * np.pi * rng.uniform(1.5, 4), 160)[:, None]
    waves = sum(rng.normal(0, 1 / k, 2) * np.sin(k * t / 2 + rng.uniform(0, 6, 2)) for k in range(1, 6))
    stroke: list[list[float]] = np.asarray(waves).tolist()
    return [stroke]


def _zigzag(rng: np.random.Generator) -> Strokes:
    turns = int(rng.integers(5, 12))
    across = np.tile([0.0, 1.0], turns)[:turns] + rng.normal(0, 0.1, turns)
    down = np.linspace(0, rng.uniform(0.5, 1.2), turns)
    return [np.stack([across, down], axis=1).tolist()]


def _wander(rng: np.random.Generator) -> Strokes:
    """A random walk, whose direction changes at every step."""
    return [
        np.cumsum(
            np.cumsum(rng.normal(0, 1, (60, 2)), axis=0) * 0.3 + rng.normal(0, 3, (60, 2)), axis=0
        ).tolist()
    ]


def _crosses(rng: np.random.Generator) -> Strokes:
    """Several straight strokes at random places."""
    return [rng.uniform(0, 1, (2, 2)).tolist() for _ in range(int(rng.integers(4, 8)))]


def main() -> None:
    digits, labels = datasets.load("mnist").part("test")
    kinds = {
        "digits of MNIST's test set": digits,
        "letters": letters(_NUMBER),
        "letters of other scripts": scripts(_NUMBER),
        "signs": signs(_NUMBER),
        "scribbles": scribbles(_NUMBER),
        "patterns": patterns(_NUMBER),
        "Fashion-MNIST": fashion.load()[0][:_NUMBER],
        "two digits side by side": pairs(digits, _NUMBER),
        "halves of two digits": halves(digits, labels, _NUMBER),
    }
    print("| | rejected |\n| --- | --- |")
    for name, images in kinds.items():
        print(f"| {name} | {np.mean(detector.unlike(images) > 1):.1%} |", flush=True)


if __name__ == "__main__":
    main()
