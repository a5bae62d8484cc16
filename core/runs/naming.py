"""Names for runs: the network, and the settings that differ from the nearest preset.

The name of a run lists the settings that differ from the nearest preset, the most important first:
"MLP 128 · rate 0.02". Runs that are shown together have different names: the settings that differ between
them are added, the seed last. If no setting differs, a part of the name of the folder is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from gettext import NullTranslations
from typing import NamedTuple

from core import i18n
from core.config import OPTIMIZERS, PRESETS, RunConfig
from core.i18n import _, ngettext

MOST = 56  # maximum characters of a generated name: one or two lines on a phone
_SEPARATOR = " · "
_MARK = 4  # the number of last letters of a folder's name, which are rarely equal for two runs

Words = dict[str, str]  # by the name of the setting, its value in words; the most important setting is first


class Subject(NamedTuple):
    """The properties of a run from which its name is made.

    Attributes:
        folder: the name of the run's folder, which is unique.
        config: the run's settings.
        given: the name that a person gave to the run; "" if there is none.
        taught: whether the run was fine-tuned on drawings.
    """

    folder: str
    config: RunConfig
    given: str = ""
    taught: bool = False


def name(subject: Subject) -> str:
    """The name of a run that is shown alone: the given name, or one of about `MOST` characters."""
    return subject.given or _short(subject)


def names(subjects: Sequence[Subject]) -> list[str]:
    """Unique names for runs that are shown together."""
    texts = list(map(name, subjects))
    for alike in _alike(texts):
        for place, words in zip(alike, _between([subjects[place] for place in alike]), strict=True):
            texts[place] = _joined(texts[place], words)
    return unique(texts, [subject.folder for subject in subjects])


def unique(texts: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Make texts unique: equal texts get a part of the name of their folder, or the whole name."""
    marked = list(texts)
    for length in (_MARK, max(map(len, folders), default=0)):
        for alike in _alike(marked):
            for place in alike:
                marked[place] = f"{texts[place]} ({folders[place][-length:]})"
    return marked


def describe(config: RunConfig) -> str:
    """The network, the data set, the number of epochs, and all other settings that differ from the preset."""
    network, different = _apart(config, _speaking())
    shown = {"dataset", "epochs"} | different.keys()
    return _joined(network, (value for name, value in _words(config, _speaking()).items() if name in shown))


def network(config: RunConfig) -> str:
    """The network alone: "MLP 128"."""
    return _apart(config, _speaking())[0]


def _short(subject: Subject) -> str:
    """The network and the most important differences: as many as fit, and at least one."""
    network, *words = _told(subject).values()
    text = _joined(network, words)
    for shown in range(len(words) - 1, 0, -1):
        if len(text) <= MOST:
            break
        left = len(words) - shown
        text = _joined(network, [*words[:shown], ngettext("{n} more", "{n} more", left).format(n=left)])
    return text


def _told(subject: Subject) -> Words:
    """The network, and all settings that differ from the preset."""
    network, different = _apart(subject.config, _speaking())
    taught = {"taught": _("trained on drawings")} if subject.taught else {}
    return {"network": network} | taught | different


def _joined(first: str, others: Iterable[str]) -> str:
    return _SEPARATOR.join([first, *filter(None, others)])


def _alike(texts: Sequence[str]) -> list[list[int]]:
    """The indices of each text that occurs more than once."""
    places: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        places.setdefault(text, []).append(place)
    return [alike for alike in places.values() if len(alike) > 1]


def _between(subjects: Sequence[Subject]) -> list[list[str]]:
    """For runs with the same name, the settings that distinguish them, found by a greedy search."""
    words = [_told(subject) for subject in subjects]
    settings = list(dict.fromkeys(setting for told in words for setting in told))

    def tell(chosen: set[str]) -> list[list[str]]:
        return [[told.get(setting, "") for setting in settings if setting in chosen] for told in words]

    chosen: set[str] = set()
    for _setting in settings:
        best = max(settings, key=lambda setting: _kinds(tell(chosen | {setting})))
        if _kinds(tell(chosen | {best})) == _kinds(tell(chosen)):
            break
        chosen.add(best)
    return tell(chosen)


def _speaking() -> NullTranslations:
    """The catalogue of the current language, because names are cached by language."""
    return i18n.translations(i18n.language())


def _kinds(told: Sequence[Sequence[str]]) -> int:
    return len(set(map(tuple, told)))


@lru_cache(maxsize=4096)
def _apart(config: RunConfig, catalogue: NullTranslations) -> tuple[str, Words]:
    """The network, and the settings that differ from the nearest preset."""
    words, candidates = _words(config, catalogue), []
    for preset, network in _bases(config):
        base = _words(PRESETS[preset], catalogue)
        different = {name: value for name, value in words.items() if base.get(name) != value}
        candidates.append((network, different))
    return min(candidates, key=lambda candidate: len(candidate[1].keys() - _NO_PRESETS))


_NO_PRESETS = {"dataset", "training_images", "seed"}  # a preset does not set these


def _bases(config: RunConfig) -> list[tuple[str, str]]:
    """The presets that a name can begin with, and their words."""
    if config.architecture == "mlp":
        return [("tutorial-mlp", _("MLP {sizes}").format(sizes=_dashed(config.hidden_units)))]
    filters = _dashed(block.filters for block in config.conv_blocks)
    return [
        ("tutorial-cnn", _("CNN {sizes}").format(sizes=filters)),
        ("fast-99", _("Fast CNN {sizes}").format(sizes=filters)),
    ]


def _dashed(values: Iterable[object]) -> str:
    return "-".join(map(str, values))


# ------------------------------------------------------------------------------------------- in words


@lru_cache(maxsize=4096)
def _words(config: RunConfig, _catalogue: NullTranslations) -> Words:
    """The settings that affect this network, in words, without the sizes of its layers."""
    return (
        _data(config)
        | {"learning_rate": _("rate {rate:g}").format(rate=config.learning_rate)}
        | {"learning_rate_schedule": _schedule(config), "optimizer": _optimizer(config)}
        | _regularisation(config)
        | _augmentation(config)
        | _layers(config)
        | _course(config)
        | {"seed": _("seed {n}").format(n=config.seed)}
    )


def _data(config: RunConfig) -> Words:
    images = config.training_images
    words = _("all images") if images is None else ngettext("{n:,} image", "{n:,} images", images)
    return {"dataset": config.dataset, "training_images": words.format(n=images)}


def _schedule(config: RunConfig) -> str:
    return {
        "constant": _("constant rate"),
        "exponential": _("rate ×{factor:g} per epoch"),
        "cosine": _("cosine"),
        "one-cycle": _("one cycle, warm-up {warmup:g}"),
        "plateau": _("rate ×{factor:g} after {n} epochs on a plateau"),
    }[config.learning_rate_schedule].format(
        factor=config.decay_rate, warmup=config.warmup, n=config.plateau_patience
    )


def _optimizer(config: RunConfig) -> str:
    if config.optimizer != "sgd" or not config.momentum:
        return OPTIMIZERS[config.optimizer]
    words = _("SGD, Nesterov {momentum:g}") if config.nesterov else _("SGD, momentum {momentum:g}")
    return words.format(momentum=config.momentum)


def _regularisation(config: RunConfig) -> Words:
    dropout = {
        "hidden": _("dropout {share:g}"),
        "between": _("dropout {share:g} between layers"),
        "everywhere": _("dropout {share:g} everywhere"),
    }[config.dropout_place].format(share=config.dropout)
    smoothing = _("label smoothing {share:g}").format(share=config.label_smoothing)
    return {
        "dropout": dropout if config.dropout else _("no dropout"),
        "batch_normalization": _("batch norm") if config.batch_normalization else _("no batch norm"),
        "l2": _("L2 {penalty:g}").format(penalty=config.l2) if config.l2 else _("no L2"),
        "label_smoothing": smoothing if config.label_smoothing else _("no label smoothing"),
    }


def _augmentation(config: RunConfig) -> Words:
    words = {
        "rotation": _("rotation {n:g}°"), "shift": _("shift {n:g} px"), "zoom": _("zoom {n:g}"),
        "shear": _("shear {n:g}°"), "thickness": _("thickness {n:g} px"), "elastic": _("elastic {n:g} px"),
    }  # fmt: skip
    return {name: words[name].format(n=amount) for name, amount in config.augmentation._asdict().items()}


def _layers(config: RunConfig) -> Words:
    words: Words = {"activation": config.activation, "kernel_initializer": config.kernel_initializer}
    if config.architecture == "mlp":
        return words
    blocks, units = config.conv_blocks, config.dense_units
    dense = ngettext("{n} dense unit", "{n} dense units", units).format(n=units)
    return words | {
        "dense_units": dense if units else _("no dense layer"),
        "kernel_size": _("kernels {sizes}").format(sizes=_dashed(block.kernel_size for block in blocks)),
        "pooling": _("pooling {kinds}").format(kinds=_dashed(block.pooling for block in blocks)),
        "padding": _("{kind} padding").format(kind=config.padding),
    }


def _course(config: RunConfig) -> Words:
    patience, held = config.early_stopping_patience, config.validation_split
    stopping = (
        _("early stopping {n}") if config.restore_best_weights else _("early stopping {n}, last weights")
    )
    return {
        "epochs": ngettext("{n} epoch", "{n} epochs", config.epochs).format(n=config.epochs),
        "batch_size": _("batches of {n}").format(n=config.batch_size),
        "validation_split": _("{share:.0%} validation").format(share=held) if held else _("no validation"),
        "early_stopping_patience": stopping.format(n=patience) if patience else _("no early stopping"),
    }
