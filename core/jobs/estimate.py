"""Estimate how long a run will take, from its layers and from earlier runs on this machine.

Each kind of work of the worker is counted and multiplied by its time on a reference machine (`_SECONDS`).
This sum is corrected by a factor for this machine: the weighted median of actual time over computed time of
its earlier runs.
"""

from __future__ import annotations

import heapq
import math
import os
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from pydantic import Field

from core.config import RunConfig
from core.data import specs
from core.network import architectures as arch
from core.network.architectures import ImpossibleNetwork
from core.runs import records, run_folder
from core.runs.sidecar import Sidecar

_RUNS = 20  # earlier runs to learn from
_LOOKED_AT = 60  # the newest runs, among which they are searched; older files are not opened
_LEARNED_FROM: frozenset[run_folder.State] = frozenset({"finished", "stopped", "paused"})
# The weight of a run of the same architecture; that of any other run is 1. The weight depends on nothing
# else, so a larger network never gets a shorter estimate.
_SAME = 4
_IMPORT = 0.5  # seconds: who takes longer has imported TensorFlow, and has not merely waited for a moment
_LONGEST = 1e11  # seconds: three thousand years

# Seconds on two cores of an x86-64 server: a least-squares fit of the relative errors for 40 trained
# networks. The error is below 20% for three quarters of them.
_SECONDS = {
    "epochs": 0.017,
    "steps": 4.2e-4,
    "dense": 1.8e-11,  # a multiplication
    "convolution": 2.6e-11,  # a multiplication
    "activations": 8.5e-10,  # an output value of a layer
    "normalised": 1.0e-9,  # an output value of batch normalisation, in addition
    "updates": 2.1e-9,  # a weight, in each array of the optimizer
    "moved": 1.4e-5,  # an image that is rotated, shifted, zoomed or sheared
    "thickened": 9.2e-6,  # an image
    "bent": 3.0e-5,  # an image
    "written": 1.0e-7,  # a weight
    "looks": 0.02,  # the histograms and files after an epoch
    "layers": 0.2,  # compiling a layer
    "starts": 6.0,  # importing TensorFlow
}
_BACKWARDS = 2  # the backward pass takes about twice the time of the forward pass
_OBSERVED = 256  # images, see `core.worker.histograms`
_EXPORTS = 5  # times the time of writing the weights: the model is written twice, and ONNX is checked
_EVALUATIONS = 2  # the test images are evaluated with Keras and with ONNX Runtime
# The arrays of the optimizer, each as large as the weights, that an update reads.
_STATE = {"sgd": 1, "adagrad": 2, "rmsprop": 2, "adam": 3, "adamw": 3.5}


class Estimate(Sidecar):
    """How long a run is expected to take, in seconds.

    Attributes:
        epoch: an epoch after the first, with its validation and its files.
        total: the whole run without its time in the queue: start, epochs, evaluation and export. The start
            includes the import of TensorFlow, unless a worker is ready.
        end: the evaluation and the export.
        based_on: the number of earlier runs of this machine that were used.
    """

    FILE = "estimate.json"

    epoch: float = Field(ge=0, le=_LONGEST)
    total: float = Field(gt=0, le=_LONGEST)
    end: float = Field(ge=0, le=_LONGEST)
    based_on: int = Field(ge=0, le=10**6)


class Past(NamedTuple):
    """The times of an earlier run.

    Attributes:
        epoch: median seconds of an epoch: its steps and its validation.
        rest: seconds of everything except the epochs and the import of TensorFlow; None if the run has not
            finished, or did not say how long the import took.
        imported: seconds of the import of TensorFlow; None if its worker had imported it before.
    """

    config: RunConfig
    epoch: float
    rest: float | None
    imported: float | None = None


class Off(NamedTuple):
    """The estimated and the actual seconds of a run, for the epochs that were trained."""

    estimated: float
    took: float

    @property
    def ratio(self) -> float:
        """Actual over estimated time: above 1 if the run took longer than estimated."""
        return self.took / self.estimated


class _Parts(NamedTuple):
    """Seconds on the reference machine."""

    epoch: float  # the steps and the validation of an epoch
    between: float  # the histograms and files after an epoch
    start: float  # compiling the network
    end: float


def estimate(config: RunConfig, history: Sequence[Past] = (), *, is_ready: bool = False) -> Estimate:
    """Estimate how long a run with these settings will take on this machine.

    Args:
        history: earlier runs of this machine, see `history`.
        is_ready: whether a worker that has imported TensorFlow will train the run.

    Raises:
        ImpossibleNetwork: a layer cannot take its input shape.
    """
    parts = _parts(config)
    weighted = [(past, _SAME if past.config.architecture == config.architecture else 1) for past in history]
    pace = _median((past.epoch / _parts(past.config).epoch, weight) for past, weight in weighted)
    rest = _median(
        (past.rest / (_parts(past.config).start + _parts(past.config).end), weight)
        for past, weight in weighted
        if past.rest is not None
    )
    pace = pace or 1.0
    rest = rest or pace
    epoch = pace * (parts.epoch + parts.between)
    imported = _median((past.imported, 1) for past in history if past.imported) or rest * _SECONDS["starts"]
    total = config.epochs * epoch + rest * (parts.start + parts.end) + (0.0 if is_ready else imported)
    # Values from uploaded files can be valid and still extreme.
    seconds = {"epoch": epoch, "total": total, "end": rest * parts.end}
    return Estimate(**{name: min(value, _LONGEST) for name, value in seconds.items()}, based_on=len(history))


def _median(weighted: Iterable[tuple[float, int]]) -> float | None:
    """The weighted median of values and their weights; None if there are no values."""
    values = [value for value, weight in weighted for _time in range(weight)]
    return median(values) if values else None


@lru_cache(maxsize=4096)
def _parts(config: RunConfig) -> _Parts:
    network = arch.layers(config)
    images = specs.of(config.dataset)
    trained, validated = arch.split(config, images.train)
    weights = arch.parameters(network)
    epoch = _forwards(network, (1 + _BACKWARDS) * trained + validated)
    epoch += _training(config, network, arch.steps_per_epoch(config, images.train), trained)
    written = Counter(written=weights)
    between = _forwards(network, (1 + _BACKWARDS) * _OBSERVED) + written
    return _Parts(
        _seconds(epoch),
        _seconds(between + Counter(looks=1)),
        _seconds(Counter(layers=len(network))),
        _seconds(_forwards(network, _EVALUATIONS * images.test) + Counter(written=_EXPORTS * weights)),
    )


def _forwards(network: arch.Network, images: int) -> Counter[str]:
    """The work of the forward pass of this many images."""
    work: Counter[str] = Counter()
    for row in arch.trace(network):
        kind = "dense" if isinstance(row.layer, arch.Dense) else "convolution"
        work[kind] += images * row.layer.multiplications(row.input)
        numbers = images * math.prod(row.output)
        if not isinstance(row.layer, arch.Reshape | arch.Flatten):
            work["activations"] += numbers
        if isinstance(row.layer, arch.BatchNormalization):
            work["normalised"] += numbers
    return work


def _training(config: RunConfig, network: arch.Network, steps: int, images: int) -> Counter[str]:
    """The work of an epoch besides the network: steps, weight updates and augmentation."""
    weights = sum(row.trainable for row in arch.trace(network))
    moves = any((config.rotation, config.shift, config.zoom, config.shear, config.elastic))
    return Counter(
        epochs=1,
        steps=steps,
        updates=int(_STATE[config.optimizer] * weights * steps),
        moved=images * moves,
        thickened=images * bool(config.thickness),
        bent=images * bool(config.elastic),
    )


def _seconds(work: Counter[str]) -> float:
    return sum(_SECONDS[kind] * amount for kind, amount in work.items())


# ------------------------------------------------------------------------------------- earlier runs


def history(root: Path) -> list[Past]:
    """The times of the latest runs of this machine, newest first, at most 20.

    Runs that cannot be read, or that were trained on another machine, are left out. Only the newest 60 runs
    are read, and each only once, so that a page does not wait if there are a thousand runs.
    """
    past_runs: list[Past] = []
    looked_at = 0
    for run in run_folder.every(root):
        if len(past_runs) == _RUNS or looked_at == _LOOKED_AT:
            break
        try:
            status = run_folder.written_status(run)
            if status.state in _LEARNED_FROM:
                looked_at += 1
                modified = (run / "metrics.jsonl").stat().st_mtime_ns
                past = _past(run, modified, status.worked, status.imported, status.state)
                past_runs += [past] if past else []
        except (OSError, run_folder.UnknownRun):
            continue
    return past_runs


@lru_cache(maxsize=1024)
def _past(
    run: Path, _modified: int, worked: float, imported: float | None, state: run_folder.State
) -> Past | None:
    """The times of a run; None if the run cannot be used for estimates."""
    environment = records.environment(run)
    if (environment.get("cores"), environment.get("processor")) != (os.cpu_count(), platform.machine()):
        return None
    rows = records.metrics(run)
    try:
        config = records.config(run)
        _parts(config)
    except (run_folder.UnknownRun, specs.UnknownDataset, ImpossibleNetwork):
        return None
    usual = _usual(rows)
    if not usual:
        return None
    rest = 0.0 if imported is None else worked - imported - _walls(rows)
    return Past(
        config,
        median(usual),
        rest if state == "finished" and rest > 0 else None,
        imported if imported and imported > _IMPORT else None,
    )


def _usual(rows: Sequence[dict[str, Any]]) -> list[float]:
    """The seconds of complete epochs. The first, which includes compiling, is left out if there are more."""
    most = max((row["steps"] for row in rows), default=0)
    whole = [float(row["seconds"]) for row in rows if row["steps"] == most]
    return [seconds for seconds in whole[1:] or whole if math.isfinite(seconds)]


def _walls(rows: Sequence[dict[str, Any]]) -> float:
    """The seconds of all epochs, without the compiling in the first."""
    return median(_usual(rows)) + max(0, len(rows) - 1) * (_wall(rows) or 0.0)


def _wall(rows: Sequence[dict[str, Any]]) -> float | None:
    """The median seconds from the end of an epoch to the end of the next. A pause does not change it."""
    times = [row["time"] for row in rows if isinstance(row.get("time"), int | float)]
    return max(0.0, median(after - before for before, after in pairwise(times))) if len(times) > 1 else None


# ------------------------------------------------------------------------- estimated and actual time


def off(run: Path) -> Off | None:
    """The estimated and the actual time of a run that has ended; None if they are not known.

    If the run ended early, or got more epochs, the estimate is corrected for the number of epochs.

    Raises:
        UnknownRun: the run is missing or cannot be read.
    """
    status, expected = run_folder.status(run), Estimate.read(run)
    if status.state not in ("finished", "stopped") or expected is None or status.worked <= 0:
        return None
    estimated = expected.total + expected.epoch * (len(records.metrics(run)) - records.config(run).epochs)
    return Off(estimated, status.worked) if estimated > 0 else None


def remaining(run: Path) -> float:
    """The seconds that a run still needs, without its time in the queue; 0 if no worker will train it.

    The time is computed from the pace of the run, and from the estimate before the pace is known.

    Raises:
        UnknownRun: the run is missing or cannot be read.
        ImpossibleNetwork: a layer of the run cannot take its input shape.
    """
    status = run_folder.status(run)
    if status.state in run_folder.RESTING:
        return 0.0
    expected = Estimate.read(run) or estimate(records.config(run), history(run.parent))
    rows = records.metrics(run)
    if status.phase == "evaluating":
        return expected.end
    done = float(len(rows))
    if status.steps and status.epoch > len(rows):
        done += min(1.0, status.step / status.steps)
    left = max(0.0, records.plan(run).epochs - done)
    pace = _wall(rows) or _wall_so_far(run, status) or expected.epoch
    began = status.state == "running" and status.phase == "training"
    before = expected.total - records.config(run).epochs * expected.epoch - expected.end
    start = 0.0 if began else max(0.0, before)
    return start + left * pace + expected.end


def _wall_so_far(run: Path, status: run_folder.Status) -> float | None:
    """The seconds of an epoch, from two rows within the first epoch. Both were written after compiling."""
    rows = records.batches(run)
    if len(rows) < 2 or not status.steps:
        return None
    first, last = rows[0], rows[-1]
    if last["epoch"] != first["epoch"]:
        return None
    return float(max(0.0, last["seconds"] - first["seconds"]) / (last["step"] - first["step"]) * status.steps)


def waiting(training: Iterable[Path], ahead: Iterable[Path], slots: int) -> float:
    """The seconds until a waiting run starts.

    Args:
        training: the runs that train now.
        ahead: the runs that wait ahead of this run, the next one first, as in `core.jobs.turns.Line`.
        slots: how many runs train at the same time.
    """
    busy = sorted(map(_or_nothing, training))
    # A sorted list is a heap. If more runs train than there are slots, the first ones to end free no slot.
    free = [0.0] * (slots - len(busy)) + busy[max(0, len(busy) - slots) :]
    for run in ahead:
        heapq.heappush(free, heapq.heappop(free) + _or_nothing(run))
    return free[0]


def _or_nothing(run: Path) -> float:
    try:
        return remaining(run)
    except (run_folder.UnknownRun, specs.UnknownDataset, ImpossibleNetwork):
        return 0.0  # the run has just been deleted, or will fail
