"""Two series of measurements taken in turn, and the ratio between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Comparison:
    """Measurements of MNIST Lab and of an alternative.

    Both are measured in turn (A, B, A, B, ...), and each pair gives a ratio. So other work on the machine
    affects both sides of a ratio equally. The result is the median of the ratios.

    Attributes:
        title: what was measured.
        against: what MNIST Lab is compared with.
        unit: the unit of the measurements.
        ours: the measurements of MNIST Lab, a number per repetition.
        theirs: the measurements of the alternative, as many numbers, not 0.
        goal: the largest allowed ratio; None if there is no goal.
        remark: why the ratio does not count for the goal; "" if it does.
    """

    title: str
    against: str
    unit: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    goal: float | None = None
    remark: str = ""

    @property
    def ratios(self) -> list[float]:
        return [a / b for a, b in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def verdict(self) -> str:
        """Whether the goal is met, as text for the table. It is empty if there is no goal.

        If there are ratios on both sides of the goal, the noise of the machine is larger than the difference.
        """
        if self.goal is None or self.remark:
            return self.remark
        met = [ratio <= self.goal for ratio in self.ratios]
        if all(met):
            return "yes"
        return f"not settled: {sum(met)} of {len(met)} pairs" if any(met) else "**no**"


def markdown(comparisons: Iterable[Comparison]) -> str:
    """The comparisons as a Markdown table."""
    head = ("measured", "MNIST Lab", "compared with", "ratio", "lowest – highest", "goal", "met")
    rows = [head, ("---",) * len(head), *map(_row, comparisons)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(comparison: Comparison) -> tuple[str, ...]:
    low, high = min(comparison.ratios), max(comparison.ratios)
    return (
        comparison.title,
        _amount(median(comparison.ours), comparison.unit),
        f"{comparison.against}: {_amount(median(comparison.theirs), comparison.unit)}",
        f"**{_number(comparison.ratio)}**",
        f"{_number(low)} – {_number(high)}",
        "" if comparison.goal is None else f"≤ {_number(comparison.goal)}",
        comparison.verdict,
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def _number(ratio: float) -> str:
    """A ratio with two decimals. A ratio below 0.05 is written as 1/n, which is easier to understand."""
    return f"1/{1 / ratio:,.0f}" if ratio < 0.05 else f"{ratio:.2f}"
