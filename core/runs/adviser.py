"""The adviser: what is wrong with a run, which of its metrics show it, and which setting to change.

The rules, in the order in which they are tested. Each rule silences the rules that would only see its
consequences, or would advise the opposite.

=============  =======================================================================  ================
topic          said when                                                                silences
=============  =======================================================================  ================
no-start       the hidden weights began as zeros, and it still guesses                  all below
too-high       the loss stopped being a number; or, below `GOOD`, the first epoch was   all below
               `BLOWN_UP` times worse than guessing, or the loss was `JUMP` above its
               best in two epochs, or it does not fall, `FAR` above the usual rate
dead-units     no image activates `DEAD` of a ReLU layer with at least `WIDE` units     too-low,
                                                                                        underfitting,
                                                                                        plateau
overconfident  it reads `GOOD` of its training images, the validation loss has risen to  overfitting,
               `RISE` of its best and is `TWICE` training's, which fell, and it reads    plateau
               no fewer validation images right
overfitting    it reads `GOOD` of its training images, and either fewer validation      plateau
               images than before by `FEWER` and by more than chance explains, or
               training's accuracy is `GAP` above validation's, and more than chance
               explains
too-low        below `GOOD`, `NEAR` below the usual rate, the loss falls and does not   all below
               slow down, or has hardly begun to fall
underfitting   below `GOOD`, an epoch gains less than `SLOW`, or the run has ended      all below
plateau        above `GOOD`, no loss has improved by `STALL` in `PATIENCE` epochs, and  good-enough
               nor the share read wrong, at a constant rate
good-enough    above `GOOD`, validation has not improved in `PATIENCE` epochs
=============  =======================================================================  ================

There is no advice before `RECENT` epochs unless the numbers are clear. After a setting was changed during
training, there is no advice for as many epochs, so that the change can take effect. A run is judged by the
better of its two accuracies, because dropout and augmentation make the training images harder. Without a
validation split, the adviser cannot detect overfitting, or that the run is good enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from core.config import ConfigError, RunConfig
from core.data import specs
from core.data.specs import DatasetSpec
from core.i18n import _
from core.network import architectures as arch
from core.runs import records, run_folder

Row = Mapping[str, Any]
Change = dict[str, Any]

RECENT = 3  # epochs: two points always make a line
PATIENCE = 5  # epochs without a gain that are called its end: three in a row are often chance

CLUELESS = 2  # times the accuracy of guessing, which is hardly more
GOOD = 0.9  # accuracy: even a linear classifier gets there, so that a network below is ill

# The rate that suits each optimizer on these digits, to a factor of a few. For Adam and its kin it
# is Keras's default; with theirs, SGD and Adagrad crawl.
USUAL = {"adam": 0.001, "adamw": 0.001, "rmsprop": 0.001, "sgd": 0.1, "adagrad": 0.05}
NEAR = 3  # times the usual rate, or a part of it: any closer, and the rate is not the cause
FAR = 10
LOWEST = 1e-6  # a rate that is never advised to be lowered

BLOWN_UP = 2  # times the loss of guessing: random weights alone are never that wrong
JUMP = 1.1  # times the best loss: chance moves the loss of an epoch by a few per cent
FALLING = 0.98  # of the loss so many epochs ago: one that stays above does not fall
BEGUN = 0.95  # of the first epoch's loss: one that stays above has hardly begun to fall
STEADY = 0.5  # of the mean fall: where learning goes well, the falls soon get smaller than that

DEAD = 0.5  # share of a layer's units: some always die, and the others do without them
WIDE = 8  # units: in a narrow layer one or two are soon half of it

GAP = 0.05  # accuracy: less is what healthy runs on a few thousand images show
CHANCE = 2  # standard errors of the validation accuracy
FEWER = 0.01  # accuracy: less is hardly worth a word
RISE = 1.05  # times the best validation loss
TWICE = 2  # times the training loss: by then the curves have parted
# Validation uses batch normalisation's running means (Keras: momentum 0.99), and is far too bad
# until they have forgotten where they began; after so many steps a twentieth is left.
NORM_STEPS = 300

SLOW = 0.01  # accuracy per epoch
LEAST_UNITS, MOST_UNITS = 32, 256  # of a hidden layer: what these digits take, and what is plenty
LEAST_FILTERS, MOST_FILTERS = 8, 64
DECAYED = 0.1  # of the first learning rate
STRONG_DROPOUT = 0.5
STRONG_L2 = 1e-3
SMOOTH = 0.1  # label smoothing

STALL = 0.98  # of the best loss before: an epoch that still learns improves by more
NOTHING_LEFT = 0.995  # training accuracy: a loss that stalls above is simply the end


class Advice(NamedTuple):
    """A piece of advice.

    Attributes:
        topic: the name of the rule, for programs.
        verdict: what is wrong, in a sentence.
        evidence: the numbers of the run that show it, in a sentence.
        suggestion: the setting to try and the reason, in a sentence.
        change: the new values by setting; empty if the advice is to stop.
        live: whether the change is possible while the run trains.
    """

    topic: str
    verdict: str
    evidence: str
    suggestion: str
    change: Change
    live: bool

    @property
    def stop(self) -> bool:
        """Whether the advice is to end the run."""
        return not self.change


class _Cure(NamedTuple):
    """A change to try, as in `Advice`. `live` is whether the setting can be changed during training."""

    suggestion: str
    change: Change
    live: bool = False


@dataclass(frozen=True)
class _Epoch:
    """The numbers of an epoch that the rules use."""

    number: int
    loss: float
    accuracy: float

    @property
    def best(self) -> float:
        """The higher of the training and the validation accuracy."""
        return self.accuracy


@dataclass(frozen=True)
class _Validated(_Epoch):
    val_loss: float
    val_accuracy: float

    @property
    def best(self) -> float:
        return max(self.accuracy, self.val_accuracy)


class _Layer(NamedTuple):
    name: str
    dead: float


@dataclass(frozen=True)
class _Case:
    """The data of a run that the rules use.

    Attributes:
        config: the current settings.
        spec: the data set.
        epochs: the complete epochs since the last change of a setting.
        validated: the epochs with a reliable validation.
        worst: the ReLU layer with the most dead units.
        diverged: whether the training or the validation loss was not finite.
        over: whether the run has ended.
    """

    config: RunConfig
    spec: DatasetSpec
    epochs: list[_Epoch]
    validated: list[_Validated]
    worst: _Layer | None
    diverged: bool
    over: bool

    @property
    def last(self) -> _Epoch:
        return self.epochs[-1]

    @property
    def guessing(self) -> float:
        """The accuracy of a network that gives all classes the same probability."""
        return 1 / len(self.spec.classes)

    @property
    def is_clueless(self) -> bool:
        return self.last.best < CLUELESS * self.guessing

    @property
    def does_well(self) -> bool:
        return self.last.best >= GOOD

    @property
    def rate(self) -> float:
        """The learning rate as a multiple of the usual one."""
        return self.config.learning_rate / USUAL[self.config.optimizer]

    @property
    def killed(self) -> bool:
        return self.worst is not None and self.worst.dead >= DEAD

    def can_be(self, change: Change) -> bool:
        """Whether these settings are allowed, and differ from the current ones."""
        try:
            return self.config.but(**change) != self.config
        except ConfigError:
            return False

    def advice(self, topic: str, verdict: str, evidence: str, cures: Iterable[_Cure]) -> Advice | None:
        """The advice with the first possible cure."""
        for cure in cures:
            if not cure.change or self.can_be(cure.change):
                live = cure.live and not self.over
                return Advice(topic, verdict, evidence, cure.suggestion, cure.change, live)
        return None


def about(run: Path) -> list[Advice]:
    """The advice about a run in a directory, see `advise`.

    Raises:
        UnknownRun: the run is missing or cannot be read.
    """
    status = run_folder.status(run)
    return advise(
        records.config(run),
        records.metrics(run),
        records.layers(run),
        changes=records.changes(run),
        asked=records.plan(run),
        diverged=status.diverged,
        over=status.state in run_folder.ENDED,
        spec=records.spec(run),
    )


def advise(
    config: RunConfig,
    epochs: Sequence[Row],
    layers: Sequence[Row],
    *,
    changes: Sequence[Row] = (),
    asked: RunConfig | None = None,
    diverged: bool = False,
    over: bool = False,
    spec: DatasetSpec | None = None,
) -> list[Advice]:
    """The advice about a run, the most important first; empty if nothing is wrong.

    The changes are relative to the current settings: ``asked``, if it is given.

    Args:
        config: the settings with which the run began.
        epochs, layers, changes: the rows of `core.runs.records.metrics`, `layers` and `changes`.
        asked: the settings with the latest request, from `core.runs.records.plan`.
        diverged: whether the run failed because the loss was not finite.
        over: whether the run has ended.
        spec: the data set; None for the data set of the settings.
    """
    spec = spec or specs.of(config.dataset)
    turned = [row for row in changes if row.get("by") == "visitor"]
    now = _with(config, turned)
    asked = asked or now
    knobs_wait = (asked.learning_rate, asked.dropout) != (now.learning_rate, now.dropout)
    if knobs_wait and not over:
        return []
    now = now.but(epochs=asked.epochs)
    begin = max((_number(row, "epoch") or 0 for row in turned), default=0)
    seen = [epoch for epoch in _epochs(epochs) if epoch.number >= begin]
    trusted = not now.batch_normalization or sum(_number(row, "steps") or 0 for row in epochs) >= NORM_STEPS
    case = _Case(
        config=now,
        spec=spec,
        epochs=seen,
        validated=[epoch for epoch in seen if isinstance(epoch, _Validated) and trusted],
        worst=_worst(now, spec, layers),
        diverged=diverged or any(row.get("val_loss", 0) is None for row in epochs[-1:]),
        over=over,
    )
    advices: list[Advice] = []
    silent: set[str] = set()
    for rule, silences in _RULES:
        advice = rule(case)
        if advice and advice.topic not in silent:
            advices.append(advice)
            if silences is None:
                break
            silent |= silences
    return advices


def _with(config: RunConfig, turned: Iterable[Row]) -> RunConfig:
    """The settings after these changes."""
    knobs = {str(row.get("setting")): row.get("after") for row in turned}
    try:
        return config.but(**{name: knobs[name] for name in ("learning_rate", "dropout") if name in knobs})
    except ConfigError:
        return config  # a worker never writes such rows


def _number(row: Row, name: str) -> float | None:
    value = row.get(name)
    # What is beyond float32 was never a loss, whatever the file says.
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e39:
        return float(value)
    return None


def _epochs(rows: Sequence[Row]) -> list[_Epoch]:
    most = max((_number(row, "steps") or 0 for row in rows), default=0)
    # An incomplete epoch cannot be compared with the others.
    whole = [row for row in rows if _number(row, "steps") in (None, most)]
    return [epoch for row in whole if (epoch := _epoch(row))]


def _epoch(row: Row) -> _Epoch | None:
    number, loss, accuracy = _number(row, "epoch"), _number(row, "loss"), _number(row, "accuracy")
    if number is None or loss is None or accuracy is None:
        return None
    val_loss, val_accuracy = _number(row, "val_loss"), _number(row, "val_accuracy")
    if val_loss is None or val_accuracy is None:
        return _Epoch(int(number), loss, accuracy)
    return _Validated(int(number), loss, accuracy, val_loss, val_accuracy)


def _worst(config: RunConfig, spec: DatasetSpec, rows: Sequence[Row]) -> _Layer | None:
    """The layer with the largest share of dead units, after the latest epoch."""
    layers = rows[-1].get("layers") if rows and config.activation == "relu" else None
    if not isinstance(layers, dict):
        return None
    try:
        units = {row.layer.name: row.output[-1] for row in arch.trace(arch.layers(config, spec))}
    except arch.ImpossibleNetwork:
        return None
    relu_layers = [
        _Layer(name, dead)
        for name, layer in layers.items()
        if units.get(name, 0) >= WIDE and isinstance(layer, dict)
        if (dead := _number(layer, "dead")) is not None
    ]
    return max(relu_layers, key=lambda layer: layer.dead, default=None)


# ----------------------------------------------------------------------- the network does not learn


def _no_start(case: _Case) -> Advice | None:
    if case.config.kernel_initializer != "zeros" or not case.epochs or not case.is_clueless:
        return None
    if len(case.epochs) < RECENT and not case.killed:
        return None  # with an activation that has a slope at 0, the network may still start to learn
    return case.advice(
        "no-start",
        _("The network cannot learn. All its hidden units began at zero, so their gradients stay zero."),
        _("After epoch {epoch}, the accuracy is {accuracy:.1%}. Guessing gives about {guessing:.0%}.").format(
            epoch=case.last.number, accuracy=case.last.best, guessing=case.guessing
        ),
        [
            _Cure(
                _(
                    "Begin with random weights (glorot_uniform), so that the units can become different from "
                    "each other."
                ),
                {"kernel_initializer": "glorot_uniform"},
            )
        ],
    )


def _too_high(case: _Case) -> Advice | None:
    evidence = _diverged(case) or _blown_up(case) or _jumping(case) or _stuck(case)
    if not evidence or case.config.learning_rate < LOWEST:
        return None
    rate = _rounded(case.config.learning_rate / 10)
    # Smaller steps do not repair weights that large steps have damaged.
    broken = case.diverged or case.killed
    suggestion = (
        _("Train a new run with a learning rate of {rate:g}, a tenth. The damaged weights do not recover.")
        if broken
        else _("Try a learning rate of {rate:g}, a tenth. Smaller steps do not overshoot the minimum.")
    )
    return case.advice(
        "too-high",
        _("The learning rate is too high. Each step overshoots the minimum of the loss."),
        evidence,
        [_Cure(suggestion.format(rate=rate), {"learning_rate": rate}, live=not broken)],
    )


def _diverged(case: _Case) -> str:
    rate = case.config.learning_rate
    if not case.diverged:
        return ""
    if not case.epochs:
        return _("At a learning rate of {rate:g}, the loss soon became infinite or NaN.").format(rate=rate)
    return _("At a learning rate of {rate:g}, the loss went from {loss:.3g} to infinite or NaN.").format(
        rate=rate, loss=case.last.loss
    )


def _blown_up(case: _Case) -> str:
    # The L2 penalty is a part of the loss, and may be large from the beginning.
    if not case.epochs or case.does_well or case.config.l2:
        return ""
    first = case.epochs[0]
    guessing = -math.log(case.guessing)
    if first.number > 1 or first.loss <= BLOWN_UP * guessing:
        return ""
    return _("The mean loss of epoch 1 was {loss:.3g}. Guessing gives {guessing:.1f}.").format(
        loss=first.loss, guessing=guessing
    )


def _jumping(case: _Case) -> str:
    if len(case.epochs) < RECENT or case.does_well:
        return ""
    best, jumps = case.epochs[0], []
    for epoch in case.epochs[1:]:
        if epoch.loss > JUMP * best.loss:
            jumps.append((best, epoch))
        best = min(best, epoch, key=lambda row: row.loss)
    if len(jumps) < 2:
        return ""
    low, high = jumps[-1]
    return _(
        "The training loss was {low:.3g} in epoch {before}, and rose to {high:.3g} in epoch {after}."
    ).format(low=low.loss, before=low.number, high=high.loss, after=high.number)


def _stuck(case: _Case) -> str:
    if len(case.epochs) <= RECENT or case.does_well or case.rate < FAR:
        return ""
    before = case.epochs[-RECENT - 1]
    if case.last.loss < FALLING * before.loss:
        return ""
    return _(
        "At a learning rate of {rate:g}, the training loss was {loss:.3g} in epoch {before} and "
        "{now:.3g} in epoch {after}."
    ).format(
        rate=case.config.learning_rate,
        loss=before.loss,
        before=before.number,
        now=case.last.loss,
        after=case.last.number,
    )


def _dead_units(case: _Case) -> Advice | None:
    if case.worst is None or not case.killed:
        return None
    return case.advice(
        "dead-units",
        _(
            "Many units are dead. Where a ReLU outputs 0 for every image, the gradient is 0 and the "
            "unit cannot learn."
        ),
        _("In the layer {layer}, {dead:.0%} of the units output 0 for every image that was checked.").format(
            layer=case.worst.name, dead=case.worst.dead
        ),
        _against_dead_units(case),
    )


def _against_dead_units(case: _Case) -> Iterator[_Cure]:
    if case.rate > 1:
        rate = _rounded(case.config.learning_rate / 10)
        yield _Cure(
            _(
                "Train a new run with a learning rate of {rate:g}. Large steps can push a unit so far that "
                "it never recovers."
            ).format(rate=rate),
            {"learning_rate": rate},
        )
    yield _Cure(
        _("Try the activation elu. Its slope below zero is not 0, so a unit there still learns."),
        {"activation": "elu"},
    )


# ------------------------------------------------------------------------ overfitting and underfitting


def _overconfident(case: _Case) -> Advice | None:
    if not _fits_training_images(case) or _fewer(case):
        return None
    evidence = _rising(case)
    if not evidence:
        return None
    return case.advice(
        "overconfident",
        _(
            "The network becomes overconfident. Its accuracy on new images does not fall, but it gives "
            "its mistakes ever higher probabilities."
        ),
        evidence,
        _against_overfitting(case, overconfident=True),
    )


def _overfitting(case: _Case) -> Advice | None:
    if not _fits_training_images(case):
        return None
    if evidence := _fewer(case):
        verdict = _(
            "The network overfits. It fits its training images ever better, but its validation "
            "accuracy falls."
        )
    elif evidence := _apart(case):
        verdict = _(
            "The network overfits. Its accuracy is clearly higher on the training images than on the "
            "validation images."
        )
    else:
        return None
    return case.advice("overfitting", verdict, evidence, _against_overfitting(case))


def _fits_training_images(case: _Case) -> bool:
    return bool(case.epochs) and case.last.accuracy >= GOOD


def _apart(case: _Case) -> str:
    """The evidence of a gap between the accuracies, if there is one. The gap may exist from the beginning."""
    recent = case.validated[-RECENT:]
    if len(recent) < RECENT:
        return ""
    if median(epoch.accuracy - epoch.val_accuracy for epoch in recent) < max(GAP, _chance(case, recent[-1])):
        return ""
    return _(
        "The training accuracy is {trained:.1%}, and the validation accuracy is {validated:.1%}."
    ).format(trained=recent[-1].accuracy, validated=recent[-1].val_accuracy)


def _fewer(case: _Case) -> str:
    """The evidence that the validation accuracy has fallen while the training accuracy has risen."""
    before, recent = case.validated[:-RECENT], case.validated[-RECENT:]
    if not before:
        return ""
    best = max(before, key=lambda epoch: epoch.val_accuracy)
    now = median(epoch.val_accuracy for epoch in recent)
    if best.val_accuracy - now <= max(FEWER, _chance(case, best)) or recent[-1].accuracy < best.accuracy:
        return ""
    return _("The validation accuracy was {best:.1%} after epoch {epoch}, and is {now:.1%} now.").format(
        best=best.val_accuracy, epoch=best.number, now=recent[-1].val_accuracy
    )


def _chance(case: _Case, epoch: _Validated) -> float:
    """The difference in validation accuracy that chance explains, for this number of images."""
    share = min(1.0, max(0.0, epoch.val_accuracy))
    images = arch.split(case.config, case.spec.train)[1]
    return CHANCE * math.sqrt(share * (1 - share) / max(1, images))


def _rising(case: _Case) -> str:
    """The evidence that the validation loss has risen, and how the accuracy changed."""
    if not case.validated:
        return ""
    best = min(case.validated, key=lambda epoch: epoch.val_loss)
    later = [epoch for epoch in case.validated if epoch.number > best.number]
    if len(later) < RECENT or later[-1].loss >= best.loss:
        return ""
    if median(epoch.val_loss for epoch in later[-RECENT:]) <= RISE * best.val_loss:
        return ""
    if later[-1].val_loss < TWICE * later[-1].loss:
        return ""  # both losses go up and down
    return _(
        "Since epoch {epoch}, the validation loss has risen from {best:.3g} to {now:.3g}, while the "
        "validation accuracy went from {before:.1%} to {after:.1%}."
    ).format(
        epoch=best.number, best=best.val_loss, now=later[-1].val_loss, before=best.val_accuracy,
        after=later[-1].val_accuracy,
    )  # fmt: skip


def _against_overfitting(case: _Case, *, overconfident: bool = False) -> Iterator[_Cure]:
    config = case.config
    # While the run trains, possible changes come first. After its end, the most helpful change comes first.
    if case.over:
        yield from _more_images(case)
    dropout = 0.3 if config.dropout < 0.3 else STRONG_DROPOUT
    has_a_place = any(
        isinstance(layer, arch.Dropout) for layer in _network(config.but(dropout=dropout), case.spec)
    )
    if has_a_place and config.dropout < STRONG_DROPOUT:
        yield _Cure(
            _(
                "Try a dropout of {dropout:g}. A unit then cannot rely on single other units, and learns "
                "more general features."
            ).format(dropout=dropout),
            {"dropout": dropout},
            live=True,
        )
    yield from _more_images(case)
    if overconfident and config.label_smoothing < SMOOTH:
        yield _Cure(
            _(
                "Try a label smoothing of {share:g}. The network is then not trained to be completely "
                "certain."
            ).format(share=SMOOTH),
            {"label_smoothing": SMOOTH},
        )
    if not config.rotation:
        yield _Cure(
            _(
                "Rotate the training images by up to 10° (augmentation), so that the network hardly ever "
                "sees the same image twice."
            ),
            {"rotation": 10.0},
        )
    if config.l2 < STRONG_L2:
        yield _Cure(
            _(
                "Try an L2 penalty of {l2:g}. With small weights, no single pixel can decide the result."
            ).format(l2=STRONG_L2),
            {"l2": STRONG_L2},
        )


def _more_images(case: _Case) -> Iterator[_Cure]:
    most = case.spec.train
    used = min(case.config.training_images or most, most)
    if used < most:
        more = min(4 * used, most)
        yield _Cure(
            _(
                "Train on {more:,} images instead of {used:,}. More training data helps most against "
                "overfitting."
            ).format(more=more, used=used),
            {"training_images": more if more < most else None},
        )


def _too_low(case: _Case) -> Advice | None:
    if len(case.epochs) < RECENT or case.does_well or case.rate * NEAR > 1:
        return None
    first, last = case.epochs[0], case.last
    mean_fall = (first.loss - last.loss) / (len(case.epochs) - 1)
    steady = case.epochs[-2].loss - last.loss >= STEADY * mean_fall
    if not steady and last.loss < BEGUN * first.loss:
        return None
    rate = _rounded(case.config.learning_rate * 10)
    return case.advice(
        "too-low",
        _("The learning rate is too low. The loss falls, but each step is tiny."),
        _(
            "The training loss was {loss:.3g} in epoch {before}, and is still {now:.3g} in epoch {after}."
        ).format(loss=first.loss, before=first.number, now=last.loss, after=last.number),
        [
            _Cure(
                _(
                    "Try a learning rate of {rate:g}, ten times as high. The loss then falls faster in each "
                    "epoch."
                ).format(rate=rate),
                {"learning_rate": rate},
                live=True,
            )
        ],
    )


def _underfitting(case: _Case) -> Advice | None:
    if len(case.epochs) < RECENT or case.does_well:
        return None
    before = case.epochs[max(0, len(case.epochs) - 1 - RECENT)]
    epochs = case.last.number - before.number
    gained = case.last.best - before.best
    learns = gained >= SLOW * epochs
    if learns and not case.over:
        return None
    return case.advice(
        "underfitting",
        _("The network underfits. Its accuracy is low even on its own training images."),
        _("The accuracy is {accuracy:.1%}, {gained:+.1f} percentage points since epoch {epoch}.").format(
            accuracy=case.last.best, gained=100 * gained, epoch=before.number
        ),
        _against_underfitting(case, learns=learns),
    )


def _against_underfitting(case: _Case, *, learns: bool) -> Iterator[_Cure]:
    config = case.config
    yield from _less_restraint(config, case.last.number)
    # These schedules end with small steps, even if the network could still learn.
    if not learns and config.learning_rate_schedule not in ("cosine", "one-cycle"):
        yield from _more_capacity(case)
    if case.over:
        yield _Cure(
            _(
                "Train for {n:,} epochs, twice as many. The run ended while the network was still improving."
            ).format(n=2 * config.epochs),
            {"epochs": 2 * config.epochs},
        )


def _less_restraint(config: RunConfig, epochs: int) -> Iterator[_Cure]:
    if config.learning_rate_schedule == "exponential" and config.decay_rate**epochs < DECAYED:
        rate = _rounded(math.sqrt(config.decay_rate))
        yield _Cure(
            _(
                "Try a decay rate of {rate:g}. The learning rate became tiny before the network had "
                "learned enough."
            ).format(rate=rate),
            {"decay_rate": rate},
        )
    if config.dropout >= STRONG_DROPOUT:
        yield _Cure(
            _("Lower the dropout to {dropout:g}. Too few units are left to learn with.").format(dropout=0.2),
            {"dropout": 0.2},
            live=True,
        )
    if config.l2 >= STRONG_L2:
        yield _Cure(
            _(
                "Lower the L2 penalty to {l2:g}. It shrinks the weights more than the training images "
                "increase them."
            ).format(l2=_rounded(config.l2 / 10)),
            {"l2": _rounded(config.l2 / 10)},
        )
    if config.activation == "sigmoid":
        yield _Cure(
            _(
                "Try the activation relu. Each sigmoid layer makes the gradient smaller for the layers "
                "before it."
            ),
            {"activation": "relu"},
        )


def _more_capacity(case: _Case) -> Iterator[_Cure]:
    config, spec = case.config, case.spec
    classes = _("ten digits") if spec.are_digits else _("{n} classes").format(n=len(spec.classes))
    if config.architecture == "mlp":
        yield _Cure(
            _("Use more hidden units, {units}. The network has too few to distinguish {classes}.").format(
                classes=classes, units=", ".join(map(str, wider := tuple(map(_wider, config.hidden_units))))
            ),
            {"hidden_units": wider},
        )
        return
    if 0 < config.dense_units < LEAST_UNITS:
        yield _Cure(
            _(
                "Use {units} units in the dense layer. All features from the convolutions must pass "
                "through it."
            ).format(units=LEAST_UNITS),
            {"dense_units": LEAST_UNITS},
        )
    filters = [
        max(block.filters, min(MOST_FILTERS, max(LEAST_FILTERS, 2 * block.filters)))
        for block in config.conv_blocks
    ]
    yield _Cure(
        _("Use more filters, {filters}. The network can detect too few patterns.").format(
            filters=", ".join(map(str, filters))
        ),
        {
            "conv_blocks": tuple(
                block.model_copy(update={"filters": more})
                for block, more in zip(config.conv_blocks, filters, strict=True)
            )
        },
    )


def _wider(units: int) -> int:
    return max(units, min(MOST_UNITS, max(LEAST_UNITS, 2 * units)))


# ------------------------------------------------------------------------- the network has learned


def _plateau(case: _Case) -> Advice | None:
    if not _stalls([epoch.loss for epoch in case.epochs]):
        return None
    if case.config.validation_split and not _stalls([epoch.val_loss for epoch in case.validated]):
        return None
    if case.validated and not _stalls([1 - epoch.val_accuracy for epoch in case.validated]):
        return None  # the accuracy still rises, independent of the losses
    if not case.does_well or case.last.accuracy >= NOTHING_LEFT:
        return None
    if case.config.learning_rate_schedule != "constant" or case.rate * FAR <= 1:
        return None  # the schedule reduces the learning rate, or it is small enough
    before = min(case.epochs[:-PATIENCE], key=lambda epoch: epoch.loss)
    rate = _rounded(case.config.learning_rate / 5)
    lower = _Cure(
        _("Try a learning rate of {rate:g}, a fifth. Smaller steps can get closer to the minimum.").format(
            rate=rate
        ),
        {"learning_rate": rate},
        live=True,
    )
    schedule = _Cure(
        _("Try the schedule plateau. It lowers the learning rate whenever the loss stops falling."),
        {"learning_rate_schedule": "plateau"},
    )
    return case.advice(
        "plateau",
        _("The run is on a plateau. It continues to train, but does not improve."),
        _("The training loss was {loss:.3g} in epoch {before}, and is {now:.3g} in epoch {after}.").format(
            loss=before.loss, before=before.number, now=case.last.loss, after=case.last.number
        ),
        [schedule] if case.over else [lower],
    )


def _stalls(losses: Sequence[float]) -> bool:
    """Whether the median of the latest epochs is no better than the best epoch before."""
    return len(losses) > PATIENCE and median(losses[-PATIENCE:]) > STALL * min(losses[:-PATIENCE])


def _good_enough(case: _Case) -> Advice | None:
    before, recent = case.validated[:-PATIENCE], case.validated[-PATIENCE:]
    if not before or recent[-1].val_accuracy < GOOD or case.config.early_stopping_patience:
        return None
    best = max(before, key=lambda epoch: epoch.val_accuracy)
    if max(epoch.val_accuracy for epoch in recent) > best.val_accuracy:
        return None
    if min(epoch.val_loss for epoch in recent) < min(epoch.val_loss for epoch in before):
        return None
    if not case.over and case.config.learning_rate_schedule in ("cosine", "one-cycle"):
        return None  # these schedules improve most at their end
    stop = _Cure(
        _("Stop the run now. More epochs take time, but hardly improve the accuracy on new images."),
        {},
        True,
    )
    early = _Cure(
        _(
            "Next time, use early stopping with a patience of {n} epochs, and restore the best weights."
        ).format(n=PATIENCE),
        {"early_stopping_patience": PATIENCE},
    )
    return case.advice(
        "good-enough",
        _("The run is good enough. The network has learned what it can with these settings."),
        _("The validation accuracy was {best:.1%} in epoch {epoch}, and has not been higher since.").format(
            best=best.val_accuracy, epoch=best.number
        ),
        [early] if case.over else [stop],
    )


def _rounded(rate: float) -> float:
    """Round away the digits that come from binary fractions."""
    return float(f"{rate:.3g}")


def _network(config: RunConfig, spec: DatasetSpec) -> list[arch.Layer]:
    try:
        return arch.layers(config, spec)
    except arch.ImpossibleNetwork:
        return []


# Each rule with the topics that it silences; None means all that follow.
_RULES: tuple[tuple[Callable[[_Case], Advice | None], set[str] | None], ...] = (
    (_no_start, None),
    (_too_high, None),
    (_dead_units, {"too-low", "underfitting", "plateau"}),
    (_overconfident, {"overfitting", "plateau"}),
    (_overfitting, {"plateau"}),
    (_too_low, None),
    (_underfitting, None),
    (_plateau, {"good-enough"}),
    (_good_enough, set()),
)
