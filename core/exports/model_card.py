"""A run's model card: the network, its training data, its results and its limits.

The headings are those of Mitchell et al. ("Model cards for model reporting", 2019) that apply to a network
that classifies digits.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from core.config import RunConfig
from core.data import specs
from core.data.specs import DatasetSpec
from core.evaluation import reliability, results, robustness, significance
from core.evaluation.calibration import Calibration
from core.evaluation.results import Confused, Evaluation
from core.evaluation.robustness import Robustness
from core.i18n import _
from core.lazy import pandas
from core.literal import markdown
from core.runs import records
from core.runs.run_table import Entry


def card(entry: Entry, title: str) -> str:
    """The card of a run, as Markdown."""
    parts = [f"# {markdown(title)}", _what(entry), _data(entry), _settings(entry.config)]
    try:
        evaluation = results.load(entry.run)
    except results.NotEvaluated:
        parts.append(_("## Results\n\nThe run has not been evaluated."))
    else:
        parts += [_results(entry, evaluation), _limits(entry, evaluation)]
    return "\n\n".join(parts) + "\n"


def metrics(entry: Entry) -> str:
    """A row per epoch, as CSV."""
    table = pandas.json_normalize(records.metrics(entry.run))
    return str(table.to_csv(index=False))


def _what(entry: Entry) -> str:
    created = datetime.fromtimestamp(entry.status.created, UTC)
    spec = records.spec(entry.run)
    text = _(
        "A network with {n:,} parameters that classifies handwritten digits in images of {size} "
        "pixels. It was trained with MNIST Lab on {date:%Y-%m-%d} (run {run})."
    )
    if not spec.are_digits:
        text = _(
            "A network with {n:,} parameters that classifies images of {size} pixels into {classes} "
            "classes. It was trained with MNIST Lab on {date:%Y-%m-%d} (run {run})."
        )
    text = text.format(
        n=entry.parameters,
        date=created,
        run=entry.run.name,
        size=spec.side_by_side,
        classes=len(spec.classes),
    )
    return "\n\n".join([text, *([markdown(entry.labels.note)] if entry.labels.note else [])])


def _data(entry: Entry) -> str:
    config, spec = entry.config, records.spec(entry.run)
    many = _("all") if config.training_images is None else f"{config.training_images:,}"
    source = markdown(_(spec.source)) if spec.source else ""
    return _(
        "## Training data\n\n{dataset}, {many} training images, {share:.0%} of them used for "
        "validation. {source}"
    ).format(dataset=config.dataset, many=many, share=config.validation_split, source=source)


def _settings(config: RunConfig) -> str:
    rows = [f"| {name} | {value} |" for name, value in config.model_dump(mode="json").items()]
    return "\n".join([_("## Settings\n\n| setting | value |\n| --- | --- |"), *rows])


def _results(entry: Entry, evaluation: Evaluation) -> str:
    total = len(evaluation.labels)
    right = int(np.sum(evaluation.predictions == evaluation.labels))
    low, high = significance.wilson(right, total)
    lines = [
        _("## Results"), "",
        _(
            "- Accuracy on {n:,} test images: {accuracy:.2%} (95% interval {low:.2%} to {high:.2%}, Wilson)"
        ).format(n=total, accuracy=evaluation.accuracy, low=low, high=high),
        _("- Loss (cross-entropy): {loss:.4f}").format(loss=evaluation.loss),
        _("- Expected calibration error: {error:.2%}").format(
            error=reliability.reliability(evaluation.logits, evaluation.labels).error
        ),
    ]  # fmt: skip
    if measured := Calibration.read(entry.run):
        lines.append(_("- Temperature, fitted on validation images: {t:.2f}").format(t=measured.temperature))
    columns = ("precision", "recall", "f1")
    spec = records.spec(entry.run)
    lines += [
        "",
        f"| {specs.noun(spec)} | precision | recall | F1 | support |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {markdown(name)} | "
        + " | ".join(f"{row[column]:.4f}" for column in columns)
        + f" | {int(row['support']):,} |"
        for name, row in evaluation.report(spec.classes).iterrows()
    ]
    return "\n".join(lines)


def _limits(entry: Entry, evaluation: Evaluation) -> str:
    lines = [_("## Limits"), ""]
    spec = records.spec(entry.run)
    pairs = evaluation.confused()[:3]
    if pairs:
        words = ", ".join(
            _("{true} as {read} ({times} of {written:,})").format(**_named(pair, spec)) for pair in pairs
        )
        lines.append(_("- Most frequent confusions (true and predicted class): {pairs}.").format(pairs=words))
    measured = Robustness.read(entry.run)
    if measured and measured.done == 1:
        shifted = measured.accuracy["shift"][robustness.LEVELS["shift"].index(4)]
        turned = measured.accuracy["rotation"][robustness.LEVELS["rotation"].index(30)]
        lines.append(
            _(
                "- Accuracy on test digits shifted by four pixels to the right: {shifted:.1%}; rotated by "
                "30 degrees: {turned:.1%}."
            ).format(shifted=shifted, turned=turned)
        )
    if not spec.takes_drawings:
        lines.append(
            _("- The network cannot reject images of anything else. Do not use it where a mistake does harm.")
        )
        return "\n".join(lines)
    lines.append(
        _("- The network cannot reject images that are not digits. It works only on digits that were "
          "prepared like MNIST's: cropped, scaled to 20×20 pixels, centred by their centre of mass. Do not "
          "use it where a mistake does harm.")
    )  # fmt: skip
    return "\n".join(lines)


def _named(pair: Confused, spec: DatasetSpec) -> dict[str, object]:
    """The names of the two classes of a pair."""
    names = {"true": markdown(spec.classes[pair.true]), "read": markdown(spec.classes[pair.read])}
    return pair._asdict() | names
