"""The estimate: its arithmetic, what it learns from earlier runs, and how right it is about a real one."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.config import ConvBlock, RunConfig
from core.jobs import estimate
from core.jobs.estimate import Estimate, Past
from core.network import architectures as arch
from core.runs import records, run_folder
from core.worker.recorder import Journal
from core.worker.training import train
from tests.support.strategies import configs

MLP = RunConfig()
CNN = RunConfig(architecture="cnn", conv_blocks="8,16", dense_units=32)
HERE = {"cores": os.cpu_count(), "processor": platform.machine()}


def possible(config: RunConfig) -> bool:
    try:
        arch.layers(config)
    except arch.ImpossibleNetwork:
        return False
    return True


def slower(factor: float, *configs: RunConfig) -> list[Past]:
    """Runs on a machine that takes so many times as long as the arithmetic says."""
    plain = [estimate.estimate(config, is_ready=True) for config in configs]
    return [
        Past(
            config,
            factor * estimate._parts(config).epoch,
            factor * (estimated.total - config.epochs * estimated.epoch),
            factor * estimate._SECONDS["starts"],
        )
        for config, estimated in zip(configs, plain, strict=True)
    ]


# -------------------------------------------------------------------------------- the arithmetic


@given(configs)
def test_twice_the_epochs_take_twice_the_epochs(config: RunConfig) -> None:
    assume(possible(config))
    config = config.but(epochs=min(config.epochs, 500))
    once, twice = estimate.estimate(config), estimate.estimate(config.but(epochs=2 * config.epochs))
    assert twice.epoch == once.epoch > 0
    assert twice.total - once.total == pytest.approx(config.epochs * once.epoch)
    assert once.total > config.epochs * once.epoch + once.end


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_units": (256,)},
        {"hidden_units": (128, 16)},
        {"optimizer": "adamw"},
        {"rotation": 10},
        {"thickness": 0.5},
        {"elastic": 1},
        {"batch_size": 16},
        {"batch_normalization": True},
        {"dataset": "mnist"},
        {"architecture": "cnn"},
    ],
)
def test_more_work_takes_longer(change: dict[str, Any]) -> None:
    assert estimate.estimate(MLP.but(**change)).epoch > estimate.estimate(MLP).epoch


@given(st.integers(1, 128), st.integers(1, 128), st.sampled_from([(), (MLP,), (CNN, MLP), (CNN,)]))
def test_more_filters_are_never_faster(few: int, more: int, past: tuple[RunConfig, ...]) -> None:
    few, more = sorted((few, more))
    history = slower(3, *past)
    narrow, wide = (
        estimate.estimate(CNN.but(conv_blocks=(ConvBlock(filters=filters), *CNN.conv_blocks)), history)
        for filters in (few, more)
    )
    assert narrow.epoch <= wide.epoch
    assert narrow.total <= wide.total


# ---------------------------------------------------------------------------- what it learns from


@pytest.mark.parametrize("factor", [0.1, 1, 2, 30])
@pytest.mark.parametrize("past", [(MLP,), (CNN,), (MLP, CNN, MLP, MLP)])
def test_a_machine_that_is_so_much_slower_is_estimated_to_be(
    factor: float, past: tuple[RunConfig, ...]
) -> None:
    plain, learned = estimate.estimate(CNN), estimate.estimate(CNN, slower(factor, *past))
    assert learned.epoch == pytest.approx(factor * plain.epoch)
    assert learned.total == pytest.approx(factor * plain.total)
    assert learned.end == pytest.approx(factor * plain.end)
    assert (plain.based_on, learned.based_on) == (0, len(past))


@pytest.mark.parametrize("wrong", [1e-6, 1e6])
def test_an_outlier_moves_nothing(wrong: float) -> None:
    sane = slower(2, MLP, MLP, MLP)
    expected = estimate.estimate(MLP, sane)
    estimated = estimate.estimate(MLP, [*sane, *slower(wrong, MLP)])
    assert estimated.model_copy(update={"based_on": 3}).model_dump() == pytest.approx(expected.model_dump())


def test_runs_of_the_same_architecture_say_more() -> None:
    history = [*slower(1, MLP, MLP), *slower(3, CNN)]
    assert estimate.estimate(CNN, history).epoch == pytest.approx(3 * estimate.estimate(CNN).epoch)
    assert estimate.estimate(MLP, history).epoch == pytest.approx(estimate.estimate(MLP).epoch)


def test_a_run_that_has_not_come_to_its_end_tells_the_pace_alone() -> None:
    paused = [past._replace(rest=None) for past in slower(2, MLP)]
    assert estimate.estimate(MLP, paused).epoch == pytest.approx(2 * estimate.estimate(MLP).epoch)


@given(st.lists(st.tuples(st.floats(0.01, 100), st.integers(1, 5)), min_size=1, max_size=9))
def test_the_median_is_numpy_s_from_both_sides(weighted: list[tuple[float, int]]) -> None:
    """NumPy takes the lower of two middle values, and of the negative ones the upper one."""
    values, weights = np.array(weighted).T
    lower, upper = (
        sign * np.quantile(sign * values, 0.5, weights=weights, method="inverted_cdf") for sign in (1, -1)
    )
    assert estimate._median(weighted) == (lower + upper) / 2


@given(st.lists(st.tuples(st.floats(0.01, 100), st.integers(1, 5)), min_size=1, max_size=9))
def test_the_median_has_half_of_the_weight_on_either_side(weighted: list[tuple[float, float]]) -> None:
    median = estimate._median(weighted)
    assert median is not None
    total = sum(weight for _value, weight in weighted)
    assert sum(weight for value, weight in weighted if value < median) <= total / 2
    assert sum(weight for value, weight in weighted if value > median) <= total / 2


# -------------------------------------------------------------------------------- the folder


def make(
    root: Path,
    config: RunConfig = MLP,
    seconds: tuple[float, ...] = (9.0, 2.0, 2.0),
    environment: dict[str, Any] | None = None,
    **status: Any,
) -> Path:
    """A finished run without its network."""
    run = run_folder.create(root, config)
    now = time.time()
    for epoch, took in enumerate(seconds, start=1):
        now += took
        row = {"epoch": epoch, "steps": 25, "seconds": took, "loss": 1.0, "accuracy": 0.5, "time": now}
        records.append_row(run / "metrics.jsonl", row)
    run_folder.write_json(run / "environment.json", HERE if environment is None else environment)
    ended = {"state": "finished", "worked": sum(seconds) + 7, "imported": 3.0} | status
    run_folder.write_status(run, run_folder.written_status(run).model_copy(update=ended))
    return run


def test_the_history_is_the_usual_epoch_and_the_rest(tmp_path: Path) -> None:
    make(tmp_path, seconds=(9.0, 2.0, 50.0, 2.0))
    (past,) = estimate.history(tmp_path)
    # The first epoch compiles, and one was disturbed. The rest is compiling and 4 seconds, but no import.
    assert past.epoch == 2.0
    assert past.config == MLP
    assert past.rest == pytest.approx(67 - 2 - 3 * 2, abs=0.01)
    assert past.imported == 3.0
    assert estimate.estimate(MLP, [past]).based_on == 1


def test_the_import_counts_where_no_worker_is_ready(tmp_path: Path) -> None:
    make(tmp_path)
    make(tmp_path, imported=0.02)  # its worker was ready
    history = estimate.history(tmp_path)
    assert {past.imported for past in history} == {None, 3.0}
    cold, ready = (estimate.estimate(MLP, history, is_ready=is_ready) for is_ready in (False, True))
    assert cold.total - ready.total == pytest.approx(3.0)
    assert (cold.epoch, cold.end) == (ready.epoch, ready.end)


def test_a_run_of_a_worker_that_did_not_say_how_long_the_import_took_tells_the_pace_alone(
    tmp_path: Path,
) -> None:
    make(tmp_path, imported=None)
    (past,) = estimate.history(tmp_path)
    assert (past.epoch, past.rest, past.imported) == (2.0, None, None)


def test_one_epoch_is_better_than_none(tmp_path: Path) -> None:
    make(tmp_path, seconds=(9.0,))
    (past,) = estimate.history(tmp_path)
    assert past.epoch == 9.0


def test_what_was_stopped_or_paused_counts_and_what_was_cut_short_does_not(tmp_path: Path) -> None:
    make(tmp_path, state="stopped")
    make(tmp_path, state="paused")
    for state in ("failed", "queued", "running"):
        make(tmp_path, state=state)
    assert [past.rest for past in estimate.history(tmp_path)] == [None, None]
    run = make(tmp_path, state="stopped")
    half = {"epoch": 4, "steps": 3, "seconds": 0.1, "time": time.time()}
    records.append_row(run / "metrics.jsonl", half)
    assert {past.epoch for past in estimate.history(tmp_path)} == {2.0}


def test_other_machines_and_damaged_runs_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, environment=HERE | {"cores": 99})
    make(tmp_path, environment=HERE | {"processor": "abacus"})
    make(tmp_path, environment={})
    for name, content in [
        ("metrics.jsonl", b""),
        ("metrics.jsonl", b"\xff\xfe{]"),
        (
            "metrics.jsonl",
            b'{"epoch": 1, "steps": 1, "seconds": NaN}\n{"epoch": 2, "steps": 1}\n',
        ),
        ("config.json", b'{"optimizer": "?"}'),
        ("status.json", b"{"),
        ("environment.json", b"[]"),
    ]:
        (make(tmp_path) / name).write_bytes(content)
    for name in ("metrics.jsonl", "config.json", "status.json", "environment.json"):
        (make(tmp_path) / name).unlink()
    make(tmp_path, CNN.but(conv_blocks="8:7:max,8:7:max,8:7:max"))  # it cannot have been trained
    assert estimate.history(tmp_path) == []
    make(tmp_path)
    assert len(estimate.history(tmp_path)) == 1
    assert estimate.history(tmp_path / "nowhere") == []


def test_a_thousand_runs_are_not_all_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    for name in ("metrics", "environment"):
        read = getattr(records, name)

        def counted(run: Path, name: str = name, read: Any = read) -> Any:
            opened.append(name)
            return read(run)

        monkeypatch.setattr(records, name, counted)
    for number in range(1000):
        # The newest thirty were made elsewhere.
        make(tmp_path, environment=HERE if number < 970 else {"cores": 99})
    assert len(estimate.history(tmp_path)) == 20
    assert opened.count("metrics") == 20
    assert opened.count("environment") <= 60
    before = len(opened)
    assert len(estimate.history(tmp_path)) == 20
    assert len(opened) == before, "what has not changed is not read again"


def test_a_thousand_runs_of_another_machine_are_not_all_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(records, "environment", lambda run: opened.append(run) or {})
    for _number in range(200):
        make(tmp_path)
    assert estimate.history(tmp_path) == []
    assert len(opened) == 60


# ---------------------------------------------------------------------------- before and afterwards


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    run = run_folder.create(tmp_path, MLP)
    assert Estimate.read(run) is None
    kept = estimate.estimate(MLP, slower(2, MLP))
    kept.keep(run)
    assert Estimate.read(run) == kept


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "3",
        "{}",
        '{"epoch": 1}',
        '{"epoch": 1, "total": 2, "end": "x", "based_on": 0}',
        '{"epoch": 1, "total": NaN, "end": 1, "based_on": 0}',
        '{"epoch": 1, "total": 0, "end": 1, "based_on": 0}',
        '{"epoch": -1, "total": 5, "end": 1, "based_on": 0}',
        '{"epoch": 1, "total": 2, "end": 1, "based_on": 0, "more": 1}',
    ],
)
def test_a_damaged_estimate_is_none(tmp_path: Path, content: str) -> None:
    run = make(tmp_path)
    (run / "estimate.json").write_text(content)
    assert Estimate.read(run) is None
    assert estimate.off(run) is None


def test_how_far_off_it_was(tmp_path: Path) -> None:
    config = MLP.but(epochs=3)
    run = make(tmp_path, config, worked=30)
    Estimate(epoch=5, total=20, end=1, based_on=0).keep(run)
    off = estimate.off(run)
    assert off == (20, 30)
    assert off.ratio == 1.5
    # Of ten epochs it had three, and its estimate for three is what counts.
    run = make(tmp_path, config.but(epochs=10), worked=30, state="stopped")
    Estimate(epoch=5, total=55, end=1, based_on=0).keep(run)
    assert estimate.off(run) == (20, 30)


@pytest.mark.parametrize("state", ["paused", "failed", "interrupted"])
def test_what_has_not_come_to_its_end_is_not_compared(tmp_path: Path, state: str) -> None:
    run = make(tmp_path, state=state)
    Estimate(epoch=5, total=20, end=1, based_on=0).keep(run)
    assert estimate.off(run) is None
    assert estimate.remaining(run) == 0


def test_what_remains_of_a_queued_run_is_its_estimate(tmp_path: Path) -> None:
    run = run_folder.create(tmp_path, MLP.but(epochs=4))
    Estimate(epoch=5, total=30, end=3, based_on=0).keep(run)
    assert estimate.remaining(run) == 30
    # Somebody asks for more epochs.
    with run_folder.changing_request(run) as change:
        change(epochs=6)
    assert estimate.remaining(run) == 40
    (run / "estimate.json").unlink()
    assert estimate.remaining(run) == pytest.approx(estimate.estimate(MLP.but(epochs=6)).total)


def test_what_remains_of_a_running_one_goes_by_its_own_pace(tmp_path: Path) -> None:
    with_lock = {"state": "running", "phase": "training", "epochs": 10, "steps": 25}
    run = make(tmp_path, MLP.but(epochs=10), **with_lock, epoch=4, step=5)
    Estimate(epoch=100, total=1010, end=3, based_on=0).keep(run)
    with run_folder.worker_lock(run):
        assert estimate.remaining(run) == pytest.approx(6.8 * 2 + 3, rel=0.01)
        journal = Journal(run)
        journal.update(phase="evaluating")
        assert estimate.remaining(run) == 3
    # In its first epoch, after the compiling.
    run = make(tmp_path, MLP.but(epochs=10), (), **with_lock, epoch=1, step=10)
    Estimate(epoch=100, total=1010, end=3, based_on=0).keep(run)
    with run_folder.worker_lock(run):
        assert estimate.remaining(run) == pytest.approx(9.6 * 100 + 3)
        for step, seconds in ((5, 4.0), (10, 5.0)):
            records.append_row(run / "batches.jsonl", {"epoch": 1, "step": step, "seconds": seconds})
        assert estimate.remaining(run) == pytest.approx(9.6 * 5 + 3)


def test_the_wait_is_for_the_first_slot_that_becomes_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "remaining", lambda run: float(run.name))
    busy, line = [Path("30"), Path("10")], [Path("5"), Path("40")]
    assert estimate.waiting(busy[:1], [], slots=1) == 30
    assert estimate.waiting(busy[:1], line, slots=1) == 75
    assert estimate.waiting(busy, [], slots=2) == 10
    assert estimate.waiting(busy, line, slots=2) == 30
    assert estimate.waiting(busy[:1], [], slots=2) == 0
    assert estimate.waiting(busy, [], slots=1) == 30  # there is one more than there should be
    assert estimate.waiting([], [tmp_path / "7"], slots=1) == 7


# ------------------------------------------------------------------------------------ a real run


def test_after_one_run_another_is_estimated_to_a_factor_of_three(tmp_path: Path) -> None:
    """Both are timed by themselves here. Where a load comes or goes in between, it is tried again."""

    def run_it(root: Path, config: RunConfig) -> Path:
        run = run_folder.create(root, config)
        estimate.estimate(config, estimate.history(root)).keep(run)
        journal = Journal(run)
        journal.begin()
        train(run, journal, lambda: "run")
        return run

    def ratios(root: Path) -> tuple[float, float]:
        """What the second run took, to what was estimated: as a whole, and for an epoch."""
        run_it(root, RunConfig(hidden_units=(64,), batch_size=64, epochs=4))
        run = run_it(root, RunConfig(hidden_units=(256, 128), batch_size=32, dropout=0.2, epochs=5))
        off, kept = estimate.off(run), Estimate.read(run)
        assert kept is not None
        assert kept.based_on == 1
        assert off is not None
        assert json.loads((run / "environment.json").read_text())["cores"] == os.cpu_count()
        return off.ratio, sorted(row["seconds"] for row in records.metrics(run))[2] / kept.epoch

    tries = (ratios(tmp_path / str(number)) for number in range(3))
    assert any(all(1 / 3 < ratio < 3 for ratio in pair) for pair in tries)
