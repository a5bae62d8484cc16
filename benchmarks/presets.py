"""python -m benchmarks.presets DATASET ...: the accuracy and the training time of each preset.

The worker trains every preset once with each seed. The accuracy is measured on all test images. The time is
the sum of the seconds in ``metrics.jsonl``. It includes validation and compiling, but not the start and the
export. The spread is the standard deviation between the seeds of the accuracy on the validation images. It is
given in percentage points, and as a multiple of the binomial standard error.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median, stdev

from benchmarks.training import train
from core.config import PRESETS, from_settings
from core.data import specs
from core.network import architectures
from core.runs import records, run_folder

_HEAD = ("preset", "data set", "test accuracy", "lowest – highest", "seconds of training", "spread")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.presets", description="What presets reach.")
    parser.add_argument("datasets", nargs="+", choices=tuple(specs.names()), metavar="DATASET")
    parser.add_argument("--seeds", type=int, default=3, help="how many runs of each (default: 3)")
    parser.add_argument("--only", choices=PRESETS, help="measure only this preset")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="assignments",
                        help="change a setting of every preset, as in --set learning_rate=0.01")  # fmt: skip
    parsed = parser.parse_args(arguments)
    print(_row(_HEAD), _row(("---",) * len(_HEAD)), sep="\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="mnist-lab-presets-") as folder:
        for dataset in parsed.datasets:
            for name in [parsed.only] if parsed.only else PRESETS:
                config = from_settings(name, [*parsed.assignments, f"dataset={dataset}"])
                runs = [train(config.but(seed=seed), Path(folder)) for seed in range(parsed.seeds)]
                print(_measured(name, dataset, runs), flush=True)


def _measured(name: str, dataset: str, runs: Sequence[Path]) -> str:
    accuracies = sorted(run_folder.status(run).test_accuracy or 0.0 for run in runs)
    low, middle, high = accuracies[0], median(accuracies), accuracies[-1]
    seconds = median(sum(row["seconds"] for row in records.metrics(run)) for run in runs)
    return _row((name, dataset, f"{middle:.2%}", f"{low:.2%} – {high:.2%}", f"{seconds:.3g}", _spread(runs)))


def _spread(runs: Sequence[Path]) -> str:
    """How much the validation accuracy differs between the seeds; a dash if it was not measured twice."""
    accuracies = [
        rows[-1]["val_accuracy"] for run in runs if "val_accuracy" in (rows := records.metrics(run))[-1]
    ]
    if len(accuracies) < 2:
        return "–"
    config = records.config(runs[0])
    _trained, validated = architectures.split(config, specs.of(config.dataset).train)
    binomial = (mean(accuracies) * (1 - mean(accuracies)) / validated) ** 0.5
    return f"{100 * stdev(accuracies):.2f} ({stdev(accuracies) / binomial:.2f} ×)"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
