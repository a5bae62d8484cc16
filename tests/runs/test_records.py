"""The rows of a run: whatever is half written or written twice, a reader copes with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import RunConfig
from core.runs import records, run_folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A new, queued run without a worker."""
    return run_folder.create(tmp_path / "runs", RunConfig())


# No name that a worker writes: its number would have a range, and hypothesis knows the words of our code.
rows = st.lists(
    st.dictionaries(
        st.text(max_size=5).map("x{}".format),
        st.integers() | st.none() | st.text(max_size=5) | st.floats(allow_nan=False),
        max_size=3,
    ),
    max_size=5,
)


@given(rows)
@settings(max_examples=30)
def test_a_journal_that_is_cut_anywhere_has_its_complete_rows(
    tmp_path_factory: pytest.TempPathFactory, written: list[dict[str, object]]
) -> None:
    run = tmp_path_factory.mktemp("run")
    file = run / "metrics.jsonl"
    file.touch()
    ends = []
    for row in written:
        records.append_row(file, row)
        ends.append(file.stat().st_size)
    whole = file.read_bytes()
    assert records.rows(run / "metrics.jsonl") == written
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        complete = sum(end <= length for end in ends)
        assert records.rows(run / "metrics.jsonl") == written[:complete]


def test_rows_that_no_worker_wrote_are_left_out(run: Path) -> None:
    whole = {"epoch": 1, "step": 3, "steps": 3, "seconds": 0.5}
    for name in ("metrics.jsonl", "batches.jsonl"):
        for row in (whole, {}, whole | {"seconds": None}, whole | {"step": 0, "steps": 0}):
            records.append_row(run / name, row)
    assert records.metrics(run) == records.batches(run) == [whole]


def test_what_a_resumed_run_went_through_twice_is_read_once(run: Path) -> None:
    """It was killed in its third epoch, and began that one again."""
    for epoch, loss in ((1, 0.9), (2, 0.8), (3, 0.7), (3, 0.6), (4, 0.5)):
        records.append_row(run / "metrics.jsonl", {"epoch": epoch, "steps": 9, "seconds": 1, "loss": loss})
        spread = {"low": 0.0, "high": loss, "counts": [1]}
        seen = {"output": {"weights": spread, "gradients": spread, "dead": None}}
        records.append_row(run / "layers.jsonl", {"epoch": epoch, "layers": seen})
    for epoch, step in ((1, 4), (1, 8), (2, 4), (2, 8), (3, 4), (3, 8), (3, 2), (3, 6), (4, 1)):
        records.append_row(run / "batches.jsonl", {"epoch": epoch, "step": step, "seconds": 1})
    for epoch, setting in ((2, "dropout"), (3, "dropout"), (3, "learning_rate"), (3, "dropout")):
        row = {"epoch": epoch, "setting": setting, "before": 0.4, "after": 0.5, "by": "visitor"}
        records.append_row(run / "changes.jsonl", row)
    assert [(row["epoch"], row["loss"]) for row in records.metrics(run)] == [
        (1, 0.9), (2, 0.8), (3, 0.6), (4, 0.5),
    ]  # fmt: skip
    highs = [row["layers"]["output"]["weights"]["high"] for row in records.layers(run)]
    assert highs == [0.9, 0.8, 0.6, 0.5]
    assert [(row["epoch"], row["step"]) for row in records.batches(run)] == [
        (1, 4), (1, 8), (2, 4), (2, 8), (3, 2), (3, 6), (4, 1),
    ]  # fmt: skip
    assert [(row["epoch"], row["setting"]) for row in records.changes(run)] == [
        (2, "dropout"), (3, "dropout"), (3, "learning_rate"),
    ]  # fmt: skip


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5)), max_size=12))
def test_rows_within_epochs_only_ever_go_forwards(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[int, int]]
) -> None:
    run = tmp_path_factory.mktemp("run")
    for epoch, step in written:
        records.append_row(run / "batches.jsonl", {"epoch": epoch, "step": step, "seconds": 1})
    places = [(row["epoch"], row["step"]) for row in records.batches(run)]
    assert places == sorted(set(places))
    assert places[-1:] == written[-1:]


@given(st.integers(1, 40), st.booleans())
def test_a_half_written_row_takes_no_other_with_it(
    tmp_path_factory: pytest.TempPathFactory, length: int, ended: bool
) -> None:
    file = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    first, lost, *after = ({"epoch": epoch, "loss": 1 / epoch, "accuracy": 0.5} for epoch in range(1, 5))
    records.append_row(file, first)
    with file.open("ab") as opened:
        opened.write(json.dumps(lost).encode()[:length] + b"\n" * ended)
    for row in after:
        records.append_row(file, row)
    assert records.rows(file) == [first, *after]


def test_lines_that_are_no_rows_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_bytes(b'\n[1]\n"text"\nnull\n\xff\xfe\n{"epoch": 1}\n\x00\x00\n{"epoch": 2}\n{"epoch": 3}')
    assert records.rows(file) == [{"epoch": 1}, {"epoch": 2}]
