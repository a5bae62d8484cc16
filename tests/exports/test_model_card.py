"""The model card says of a run what the run says of itself."""

from __future__ import annotations

import gettext
import io
from pathlib import Path

import pandas as pd
import pytest

from core import i18n
from core.config import RunConfig
from core.evaluation import results
from core.exports import model_card
from core.runs import records, run_folder, run_table


def test_the_card_holds_the_run_s_own_numbers(mlp_run: Path) -> None:
    text = model_card.card(run_table.entry(mlp_run), "A network")
    evaluation = results.load(mlp_run)
    assert text.startswith("# A network\n")
    assert f"{evaluation.accuracy:.2%} (95% interval" in text
    assert f"- Loss (cross-entropy): {evaluation.loss:.4f}" in text
    pair = evaluation.confused()[0]
    assert f"{pair.true} as {pair.read} ({pair.times} of {pair.written})" in text
    for name, value in records.config(mlp_run).model_dump(mode="json").items():
        assert f"| {name} | {value} |" in text
    for digit, row in evaluation.report().iterrows():
        assert f"| {digit} | {row['precision']:.4f} | {row['recall']:.4f} |" in text


def test_where_the_digits_come_from_is_told_in_the_reader_s_language(
    mlp_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bracketed(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return f"⟦{message}⟧"

    monkeypatch.setattr(i18n, "translations", lambda language: Bracketed())
    assert "⟦MNIST's digits were written by" in model_card.card(run_table.entry(mlp_run), "A network")


def test_a_run_that_was_not_evaluated_says_so(tmp_path: Path) -> None:
    run = run_folder.create(tmp_path, RunConfig())
    assert "The run has not been evaluated." in model_card.card(run_table.entry(run), "Waiting")


def test_the_numbers_of_each_epoch_come_as_csv(mlp_run: Path) -> None:
    table = pd.read_csv(io.StringIO(model_card.metrics(run_table.entry(mlp_run))))
    rows = records.metrics(mlp_run)
    assert table["epoch"].tolist() == [row["epoch"] for row in rows]
    assert table["val_loss"].tolist() == pytest.approx([row["val_loss"] for row in rows])
