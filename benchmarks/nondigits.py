"""Random drawings that are no digits: letters and scribbles.

Letters that look like digits (O, I, l, Z, S, B, G, q, b, D) are left out, because nobody can tell them apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.drawing import strokes
from core.drawing.strokes import Strokes

# Straight strokes on a square of side 1, y downwards.
LETTERS: dict[str, list[list[tuple[float, float]]]] = {
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


def letters(number: int, seed: int = 0) -> NDArray[np.uint8]:
    """Draw letters, each with another slant, other bends and another width of the pen.

    Args:
        number: how many letters, at least 1.
        seed: the same seed gives the same letters.

    Returns:
        uint8 ``(number, 28, 28)``.
    """
    rng = np.random.default_rng(seed)
    names = sorted(LETTERS)
    return np.stack([_drawn(LETTERS[names[i % len(names)]], rng) for i in range(number)])


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
