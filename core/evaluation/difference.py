"""The difference between two runs: the changed settings, and what the change did to accuracy and time.

Another seed changes the accuracy as well. So the difference is compared with what another seed makes: with
the runs that differ from one of the two runs only in the seed, or else with a spread that was measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, NamedTuple

from core.config import KNOBS, RunConfig
from core.evaluation import significance
from core.evaluation.significance import Spread
from core.i18n import _, duration, ngettext
from core.knobs import Knob
from core.network import architectures
from core.runs import naming, records, run_folder, run_table, warm_start
from core.runs.run_table import Entry

MOST_NAMED = 3  # changed settings
_LEAST_SECONDS = 0.05  # a smaller difference is not worth a word
Metric = Literal["validation", "test"]


class Change(NamedTuple):
    """A setting that differs: its title, and its value in both runs, in the current language."""

    title: str
    before: str
    after: str


class Result(NamedTuple):
    """The result of a run.

    Attributes:
        state: the state of the run.
        accuracy: 0 to 1; None before the run has ended, or if it failed.
        images: the number of images of the accuracy.
        seconds: the time of the training, with validation.
        diverged: whether the run failed because its loss stopped being a number.
    """

    state: run_folder.State
    accuracy: float | None
    images: int
    seconds: float
    diverged: bool


class Difference(NamedTuple):
    """What was changed from one run to another, and the results of both.

    Attributes:
        changes: the changed settings, in the order of the settings.
        metric: which accuracy is compared: that on the validation images, of the weights that the run kept;
            or that on the test images, if one of the runs has no validation images.
        before, after: the results.
        only_seed: whether the seed is the only change.
        same_data: whether both runs have the same data set. The accuracies cannot be compared otherwise.
        is_chance: whether the difference of the accuracies is within what another seed makes.
    """

    changes: tuple[Change, ...]
    metric: Metric
    before: Result
    after: Result
    only_seed: bool
    same_data: bool
    is_chance: bool

    @property
    def points(self) -> float | None:
        """The second accuracy minus the first, in percentage points; None if they cannot be compared.

        Both are rounded to `decimals` first, so that the numbers that people see add up.
        """
        if self.before.accuracy is None or self.after.accuracy is None or not self.same_data:
            return None
        first, second = (
            round(100 * accuracy, self.decimals) for accuracy in (self.before.accuracy, self.after.accuracy)
        )
        return round(second - first, self.decimals)

    @property
    def decimals(self) -> int:
        """The decimal places of a percentage. One of 1,000 images is 0.1%."""
        return 1 if min(self.before.images, self.after.images) <= 1_000 else 2


def between(before: Path, after: Path) -> Difference:
    """Read the difference between two runs.

    Raises:
        UnknownRun: one of the runs cannot be read.
    """
    first, second = run_table.entry(before), run_table.entry(after)
    validated = first.config.validation_split > 0 and second.config.validation_split > 0
    metric: Metric = "validation" if validated else "test"
    results = _result(first, metric), _result(second, metric)
    changed = tuple(changes(first, second))
    differing = run_table.differences([first.config, second.config]).keys()
    same_data = "dataset" not in differing
    known = None not in (results[0].accuracy, results[1].accuracy)
    return Difference(
        changed, metric, results[0], results[1],
        only_seed=differing == {"seed"} and len(changed) == 1,
        same_data=same_data,
        is_chance=known and same_data and _is_chance(first, second, metric, results),
    )  # fmt: skip


# -------------------------------------------------------------------------------------- the changes


def changes(first: Entry, second: Entry) -> list[Change]:
    """What differs between two runs: their settings, and whether they were trained on drawings."""
    lessons = [warm_start.has(run.run) for run in (first, second)]
    differing = list(of_settings(first.config, second.config))
    if lessons[0] != lessons[1]:
        differing.append(Change(_("Fine-tuned on drawings"), *map(_yes_or_no, lessons)))
    return differing


def of_settings(first: RunConfig, second: RunConfig) -> Iterator[Change]:
    """The settings that differ, in the order of the settings, without those of the other architecture."""
    network = {first.architecture, second.architecture}
    for name in run_table.differences([first, second]):
        before, after = getattr(first, name), getattr(second, name)
        knob = next(knob for knob in KNOBS.values() if knob.setting == name)
        if knob.architecture and network != {knob.architecture}:
            continue
        if name == "architecture" or (knob.counts and len(before) != len(after)):
            title, values = KNOBS["architecture"].title, map(naming.network, (first, second))
            yield Change(_(title), *values)
        elif knob.counts:
            yield from _of_layers(name, before, after)
        else:
            yield Change(_(knob.title), _value(knob, before), _value(knob, after))


def _of_layers(setting: str, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Change]:
    """What differs between two lists of as many layers: their units, or their filters, kernels or pooling."""
    for knob in KNOBS.values():
        if knob.setting == setting and not knob.counts:
            values = ["-".join(_value(knob, getattr(layer, knob.name, layer)) for layer in layers)
                      for layers in (before, after)]  # fmt: skip
            if values[0] != values[1]:
                yield Change(_(knob.title), *values)


def _value(knob: Knob, value: Any) -> str:
    match value:
        case None:
            return _("all")
        case bool():
            return _yes_or_no(value)
        case str():
            return knob.option(value)
        case int():
            return str(value) if knob.name == "seed" else f"{value:,}"
    return f"{value:.9g}"


def _yes_or_no(value: bool) -> str:
    return _("yes") if value else _("no")


# -------------------------------------------------------------------------------------- the results


def _result(run: Entry, metric: Metric) -> Result:
    spec, seconds = records.spec(run.run), sum(row["seconds"] for row in records.metrics(run.run))
    images = spec.test if metric == "test" else architectures.split(run.config, spec.train)[1]
    return Result(run.status.state, accuracy(run, metric), images, seconds, run.status.diverged)


def accuracy(run: Entry, metric: Metric) -> float | None:
    """The accuracy of the weights that the run kept, 0 to 1; None if the run has not ended, or has failed."""
    if run.status.state not in ("finished", "stopped"):
        return None
    if metric == "test":
        return run.status.test_accuracy
    rows = records.metrics(run.run)
    kept = [row for row in rows if row["epoch"] == run.status.best_epoch] or rows[-1:]
    return kept[0].get("val_accuracy") if kept else None


# --------------------------------------------------------------------------------------- the chance

# By the number of training images, with those for validation: the standard deviation of the accuracy between
# seeds, as a multiple of its binomial standard error. Measured with 10 seeds, see docs/benchmarks.md.
_OF_SEEDS = {4_000: 0.78, 60_000: 1.15}
_FREEDOM = 9


def _is_chance(first: Entry, second: Entry, metric: Metric, results: tuple[Result, Result]) -> bool:
    """Whether the difference of two accuracies on one data set is within what another seed makes."""
    difference = (results[1].accuracy or 0) - (results[0].accuracy or 0)
    if run_table.without_seed(first.config) == run_table.without_seed(second.config):
        return True
    seeds = _with_seeds(first, metric), _with_seeds(second, metric)
    # If the other seeds differ in the opposite direction, these two runs show no more than chance.
    return difference * (fmean(seeds[1]) - fmean(seeds[0])) <= 0 or significance.within_chance(
        *seeds, _expected(first, second, metric, results)
    )


def _with_seeds(run: Entry, metric: Metric) -> list[float]:
    """The accuracies of this run, and of the finished runs that differ from it only in the seed."""
    others = [] if warm_start.has(run.run) else run_table.siblings(run.run.parent, run)
    by_seed = {
        other.config.seed: accuracy(other, metric)
        for other in others
        if other.status.state == "finished" and not warm_start.has(other.run)
    } | {run.config.seed: accuracy(run, metric)}
    return [accuracy for accuracy in by_seed.values() if accuracy is not None]


def _expected(first: Entry, second: Entry, metric: Metric, results: tuple[Result, Result]) -> Spread:
    """The spread of a single accuracy, from the runs that were measured.

    The binomial standard error is the square root of p (1 - p) / n, with an accuracy of p on n images.
    """
    share = fmean(result.accuracy or 0 for result in results)
    error = math.sqrt(share * (1 - share) / max(1, min(result.images for result in results)))
    size = min(sum(architectures.split(run.config, records.spec(run.run).train)) for run in (first, second))
    factor = _OF_SEEDS[min(_OF_SEEDS, key=lambda measured: abs(math.log(measured / size)))]
    if metric == "validation" and _validated(first) != _validated(second):
        factor = math.hypot(1, factor)  # the images are another sample, too
    return Spread(factor * error, _FREEDOM)


def _validated(run: Entry) -> tuple[int | None, float]:
    """The settings that decide which images of a data set are used for validation."""
    return run.config.training_images, run.config.validation_split


# ---------------------------------------------------------------------------------------- in words


def in_words(difference: Difference) -> str:
    """The difference in one or two sentences, in the current language.

    "Learning rate 0.001 → 0.01: validation accuracy 91.2% → 93.7% (+2.5 points), 0.1 s longer."
    """
    first, *others = _sentences(difference)
    shown = f"{{:.{difference.decimals}%}}"
    before, after = ("" if result.accuracy is None else shown.format(result.accuracy)
                     for result in (difference.before, difference.after))  # fmt: skip
    sentence = first.format(
        changes=changes_in_words(difference.changes),
        before=before,
        after=after,
        points=f"{difference.points or 0:+.{difference.decimals}f}",
    )
    return " ".join([sentence, *others])


def changes_in_words(changes: Sequence[Change]) -> str:
    """The first changes: "Learning rate 0.001 → 0.01, Dropout 0 → 0.2"."""
    if not changes:
        return _("No setting was changed")
    each = _("{setting} {before} → {after}")
    named = [each.format(setting=title, before=before, after=after) for title, before, after in changes]
    shown, left = ", ".join(named[:MOST_NAMED]), len(named[MOST_NAMED:])
    return (
        ngettext("{changes} and {n} more", "{changes} and {n} more", left).format(changes=shown, n=left)
        if left
        else shown
    )


def _sentences(difference: Difference) -> list[str]:
    """The sentences about the results, of which the first has places for the changes and the numbers."""
    before, after, validation = difference.before, difference.after, difference.metric == "validation"
    if after.accuracy is None:
        return [_this_run()[_why(after)]]
    if before.accuracy is None:
        alone = (
            _("{changes}: validation accuracy {after}.")
            if validation
            else _("{changes}: test accuracy {after}.")
        )
        return [alone, _run_before()[_why(before)]]
    stopped = [
        words
        for result, words in (
            (before, _("The run before was stopped early.")), (after, _("This run was stopped early."))
        ) if result.state == "stopped"
    ]  # fmt: skip
    if not difference.same_data:
        both = (
            _("{changes}: validation accuracy {before}, then {after}.")
            if validation
            else _("{changes}: test accuracy {before}, then {after}.")
        )
        return [both, _("These are different images, so the accuracies cannot be compared."), *stopped]
    seed = [_("Only the seed was changed, so this is the difference that a seed makes.")]
    return [
        _with_time(_compared(difference), after.seconds - before.seconds),
        *(seed if difference.only_seed else []),
        *stopped,
    ]


def _why(result: Result) -> str:
    """Why a run has no accuracy."""
    if result.state == "failed":
        return "diverged" if result.diverged else "failed"
    return "unfinished"


def _this_run() -> dict[str, str]:
    return {
        "unfinished": _("{changes}: this run has not finished."),
        "failed": _("{changes}: this run failed."),
        "diverged": _("{changes}: this run diverged."),
    }


def _run_before() -> dict[str, str]:
    return {
        "unfinished": _("The run before has not finished."),
        "failed": _("The run before failed."),
        "diverged": _("The run before diverged."),
    }


def _compared(difference: Difference) -> str:
    if not difference.points:
        words = {
            "validation": _("{changes}: validation accuracy {after} as before"),
            "test": _("{changes}: test accuracy {after} as before"),
        }
    elif difference.is_chance and not difference.only_seed:
        words = {
            "validation": _("{changes}: validation accuracy {before} → {after} ({points} points, within what "
                            "another seed makes)"),
            "test": _("{changes}: test accuracy {before} → {after} ({points} points, within what "
                      "another seed makes)"),
        }  # fmt: skip
    else:
        words = {
            "validation": _("{changes}: validation accuracy {before} → {after} ({points} points)"),
            "test": _("{changes}: test accuracy {before} → {after} ({points} points)"),
        }
    return words[difference.metric]


def _with_time(result: str, seconds: float) -> str:
    if abs(seconds) < _LEAST_SECONDS:
        words = _("{result}.")
    else:
        words = _("{result}, {time} longer.") if seconds > 0 else _("{result}, {time} shorter.")
    return words.format(result=result, time=duration(abs(seconds)))
