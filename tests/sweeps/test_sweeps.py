"""What a sweep tries, how it goes on after anything, and what it learns."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import optuna
import pytest
from filelock import BaseFileLock
from hypothesis import given
from hypothesis import strategies as st

from core.config import PRESETS, RunConfig
from core.data import specs
from core.failures import Failure, words
from core.jobs import run_queue
from core.knobs import Number
from core.runs import notes, records, run_folder
from core.settings import Settings
from core.sweeps import optuna_study, search_space, sweeps
from core.sweeps.runner import Sweeper
from core.sweeps.search_space import SWEPT, BadSweep, Choice, Span
from core.sweeps.sweeps import Sweep, UnknownSweep
from tests.conftest import Hired, wait_for_end, wait_until

SMALL = RunConfig(hidden_units=(8,), training_images=200, epochs=2, batch_size=64)
RATE = Span(low=1e-4, high=1e-1)
UNITS = Span(low=4, high=64)


def sweep(**changes: Any) -> Sweep:
    knobs = {"learning_rate": RATE, "units": UNITS}
    return Sweep(
        **({"name": "Wide", "base": SMALL, "knobs": knobs, "trials": 3, "method": "random"} | changes)
    )


# ---------------------------------------------------------------------------------------- what it tries


@given(st.data())
def test_every_knob_is_turned_to_what_its_range_allows(data: st.DataObject) -> None:
    base = data.draw(st.sampled_from([PRESETS["tutorial-mlp-deep"], PRESETS["tutorial-cnn"]]))
    names = data.draw(
        st.lists(st.sampled_from(search_space.knobs(base)), min_size=2, max_size=4, unique=True)
    )
    values = {}
    for name in names:
        takes = SWEPT[name].takes
        if not isinstance(takes, Number):
            values[name] = data.draw(st.sampled_from(takes))
        elif takes.whole:
            values[name] = data.draw(st.integers(round(takes.low), round(takes.high)))
        else:
            values[name] = data.draw(st.floats(takes.low, takes.high))
    config = sweep(base=base).config(values)
    for name, value in values.items():
        match name:
            case "units":
                assert set(config.hidden_units) == {value}
            case "hidden_layers":
                assert len(config.hidden_units) == value
            case "filters":
                assert config.conv_blocks[0].filters == value
            case "kernel_size":
                assert {block.kernel_size for block in config.conv_blocks} == {value}
            case "batch_normalization":
                assert config.batch_normalization is (value == "true")
            case _:
                assert getattr(config, name) == value
    untouched = set(RunConfig.model_fields) - set(values) - {"hidden_units", "conv_blocks"}
    assert all(getattr(config, name) == getattr(base, name) for name in untouched)


def test_the_other_blocks_keep_their_share_of_the_first_one_s_filters() -> None:
    config = sweep(base=PRESETS["tutorial-cnn"]).config({"filters": 8})
    assert [block.filters for block in config.conv_blocks] == [8, 16, 16]


def test_what_a_range_is_offered_to_begin_and_end_at() -> None:
    offered = {name: knob.takes for name, knob in SWEPT.items() if isinstance(knob.takes, Number)}
    for name, takes in offered.items():
        places = takes.places()
        assert places == sorted(set(places)), name
        assert (places[0], places[-1]) == (takes.low, takes.high), name
        assert set(takes.usual or ()) <= set(places), name
        for low, high in pairwise(places):
            for points in (2, 3, 20):
                tried = takes.between(low, high, points)
                assert tried == sorted(set(tried)), (name, low, high)
                assert (tried[0], tried[-1]) == (low, high), name
        # What it reads as is what it is, and what a link says.
        assert [float(f"{place:g}") for place in places] == places, name
        assert 4 <= len(places) <= 46, name
    assert offered["units"].places() == [4, 8, 16, 32, 64, 128, 256, 512, 1024]
    assert offered["l2"].places()[:5] == [1e-6, 2e-6, 5e-6, 1e-5, 2e-5]
    assert offered["zoom"].places()[:4] == [0, 0.05, 0.1, 0.15]
    assert offered["training_images"].places()[-2:] == [50_000, specs.MNIST.train]


def test_a_grid_goes_from_end_to_end_in_even_steps_or_factors() -> None:
    assert search_space.points("learning_rate", Span(low=1e-4, high=1e-2, points=3)) == [1e-4, 1e-3, 1e-2]
    assert search_space.points("dropout", Span(low=0, high=0.5, points=3)) == [0, 0.25, 0.5]
    assert search_space.points("units", Span(low=16, high=256, points=5)) == [16, 32, 64, 128, 256]
    assert search_space.points("hidden_layers", Span(low=1, high=2, points=9)) == [1, 2]
    grid = sweep(
        method="grid", knobs={"learning_rate": RATE, "optimizer": Choice(options=("adam", "sgd"))}
    ).grid()
    assert len(grid) == 6
    assert len({tuple(place.items()) for place in grid}) == 6


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "Enter a name for the sweep"),
        ({"name": "x" * 31}, "31 characters; at most 30"),
        ({"knobs": {}}, "You chose 0 settings. Choose 1 to 4"),
        ({"knobs": {"optimizer": Choice(options=("adam", "sgd"))}}, "have 2 combinations, so some of the 3"),
        ({"knobs": {"units": Span(low=4, high=5)}, "method": "tpe"}, "at most 2 runs"),
        ({"knobs": {"learning_rate": RATE, "filters": UNITS}}, "'filters' is not a setting of this network"),
        ({"knobs": {"learning_rate": RATE, "epochs": UNITS}}, "'epochs' is not a setting"),
        ({"knobs": {"learning_rate": Span(low=0.1, high=0.1), "units": UNITS}}, "0.1 to 0.1"),
        ({"knobs": {"learning_rate": Span(low=0, high=0.1), "units": UNITS}}, "from 1e-05 to 1 is allowed"),
        ({"knobs": {"optimizer": Choice(options=("adam",)), "units": UNITS}}, "two or more of adam, sgd"),
        ({"knobs": {"optimizer": Choice(options=("adam", "x")), "units": UNITS}}, "has adam, x"),
        ({"knobs": {"optimizer": RATE, "units": UNITS}}, "needs a list of options"),
        ({"knobs": {"units": Choice(options=("a", "b")), "l2": RATE}}, "needs a range of numbers"),
        ({"base": SMALL.but(validation_split=0)}, "these settings have no validation images"),
        ({"trials": 101}, "101 runs; at most 100"),
        ({"method": "grid", "knobs": {"learning_rate": Span(low=1e-4, high=1, points=20),
                                      "dropout": Span(low=0, high=0.5, points=20)}}, "400 runs; at most 100"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(BadSweep, match=words.replace(".", r"\.")):
        sweeps.submit(sweep(**changes), Settings(runs=tmp_path))
    assert sweeps.every(tmp_path) == []


def test_a_sweep_of_one_knob_is_a_sweep(tmp_path: Path) -> None:
    two = {"optimizer": Choice(options=("adam", "sgd"))}
    for alone in (
        sweep(knobs={"learning_rate": RATE}, method="tpe", trials=20),
        sweep(knobs={"units": Span(low=4, high=6)}, method="random"),
        sweep(knobs=two, trials=2),
        sweep(knobs=two, method="grid", trials=20),  # a grid has as many runs as there are places
    ):
        sweeps.check(alone, Settings(runs=tmp_path))


def test_the_operator_s_limits_hold(tmp_path: Path, hired: Hired) -> None:
    settings = Settings(runs=tmp_path, max_sweeps=1)
    with pytest.raises(run_queue.NotAllowed, match="epochs"):
        sweeps.submit(sweep(), Settings(runs=tmp_path, max_epochs=1))
    sweeps.submit(sweep(), settings)
    with pytest.raises(run_queue.NotAllowed, match="1 sweeps are running"):
        sweeps.submit(sweep(), settings)
    # Nor can one that rests be woken beside it.
    rests = sweeps.submit(sweep(), Settings(runs=tmp_path))
    run_folder.write_status(rests, run_folder.written_status(rests).model_copy(update={"state": "finished"}))
    for more in (0, 1):
        with pytest.raises(run_queue.NotAllowed, match="1 sweeps are running"):
            sweeps.go_on(rests, settings, more)
    assert sweeps.read(rests).trials == 3


def test_more_runs_are_asked_for_at_the_same_moment_and_all_come(tmp_path: Path, hired: Hired) -> None:
    settings = Settings(runs=tmp_path)
    folder = sweeps.submit(sweep(), settings)
    with ThreadPoolExecutor(8) as people:
        list(people.map(lambda _number: sweeps.go_on(folder, settings, more=1), range(24)))
    assert sweeps.read(folder).trials == 27


# ----------------------------------------------------------------------- how it goes on, look by look


class Stage:
    """A sweep whose runs are played: their directories are real, and written by the test."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self.locks: dict[Path, BaseFileLock] = {}
        self.come()

    def come(self) -> None:
        """A sweeper comes up."""
        self.hold(self.folder)
        self.sweeper = Sweeper(self.folder, self.settings)
        self.sweeper.take_up()

    def hold(self, folder: Path) -> None:
        """The process of a run or a sweep lives."""
        self.locks[folder] = run_folder.worker_lock(folder)
        self.locks[folder].acquire()

    def look(self) -> bool:
        """Have the sweeper look once; it leaves when the sweep rests."""
        rests = self.sweeper.look()
        if rests:
            self.locks.pop(self.folder).release()
        return rests

    def note(self) -> None:
        """Have the sweeper look at its run, and begin no other."""
        self.sweeper.follow(self.sweeper.live[0], "run")

    def begin(self) -> Path:
        """Have the sweeper begin a run, and its worker come up."""
        before = set(run_folder.every(self.settings.runs))
        assert not self.look()
        (run,) = set(run_folder.every(self.settings.runs)) - before
        self.hold(run)
        run_folder.write_status(
            run, run_folder.written_status(run).model_copy(update={"state": "running", "pid": 1})
        )
        return run

    def learn(self, run: Path, *accuracies: float | None) -> None:
        """The run has learned so much, epoch by epoch."""
        for epoch, accuracy in enumerate(accuracies, 1):
            row = {"epoch": epoch, "steps": 1, "seconds": 1.0, "loss": 1.0, "val_loss": 1.0}
            row["val_accuracy"] = accuracy
            records.append_row(run / "metrics.jsonl", row)
            status = run_folder.written_status(run)
            run_folder.write_status(run, status.model_copy(update={"state": "running", "epoch": epoch}))

    def rest(self, run: Path) -> None:
        """Somebody pauses the sweep while this run trains."""
        sweeps.pause(self.folder)
        assert not self.look()
        assert self.asked(run) == "pause"
        self.end(run, "paused")
        assert self.look()
        assert run_folder.status(self.folder).state == "paused"

    def end(self, run: Path, state: run_folder.State = "finished", **changes: Any) -> None:
        status = run_folder.written_status(run)
        run_folder.write_status(run, status.model_copy(update={"state": state, **changes}))
        self.locks.pop(run).release()

    def asked(self, run: Path) -> str:
        return run_folder.request(run).action

    def trials(self) -> list[tuple[str, float | None]]:
        return [(trial.state, trial.accuracy) for trial in optuna_study.read(self.folder)]


@pytest.fixture
def stage(tmp_path: Path, hired: Hired) -> Iterator[Any]:
    settings = Settings(runs=tmp_path, slots=1, warm_minutes=0)
    staged: list[Stage] = []

    def make(**changes: Any) -> Stage:
        staged.append(Stage(sweeps.submit(sweep(**changes), settings), settings))
        return staged[-1]

    yield make
    for played in staged:
        for lock in played.locks.values():
            lock.release()


def test_runs_are_tried_one_after_the_other_until_there_are_enough(stage: Any) -> None:
    played = stage(trials=2)
    first = played.begin()
    assert notes.read(first).tags == ("Wide",)
    assert notes.read(first).name == "Wide 1"
    assert not played.look()  # there is one slot, and it trains
    assert len(run_folder.every(played.settings.runs)) == 1
    played.learn(first, 0.5, 0.6)
    played.look()
    assert played.trials() == [("running", 0.6)]
    played.end(first)
    played.look()
    second = played.sweeper.settings.runs / optuna_study.read(played.folder)[1].run
    assert second != first
    assert records.config(first) != records.config(second)
    played.hold(second)
    played.learn(second, 0.9, 0.8)
    played.end(second, best_epoch=1)  # it took back the weights of its first epoch
    assert played.look()
    assert played.trials() == [("complete", 0.6), ("complete", 0.9)]
    best = sweeps.best(optuna_study.read(played.folder))
    assert best is not None
    assert best.run == second.name
    assert run_folder.status(played.folder).state == "finished"
    for trial in optuna_study.read(played.folder):
        config = records.config(played.settings.runs / trial.run)
        assert config == sweep().config(trial.values)


def test_whoever_falls_behind_is_stopped_early(stage: Any) -> None:
    played = stage(trials=6)
    for accuracy in (0.6, 0.7, 0.8, 0.9):
        run = played.begin()
        played.learn(run, accuracy)
        played.look()
        assert played.asked(run) == "run"  # there is too little to compare with
        played.learn(run, accuracy, accuracy)
        played.end(run)
        # The next look takes note of its end and begins another.
        if accuracy < 0.9:
            played.note()
    played.note()
    good = played.begin()
    played.learn(good, 0.76)
    played.look()
    assert played.asked(good) == "run"  # the median is 0.75
    played.learn(good, 0.76, 0.76)
    played.end(good)
    played.note()
    bad = played.begin()
    played.learn(bad, 0.74)
    played.look()
    assert played.asked(bad) == "stop"
    played.end(bad, "stopped")
    assert played.look()
    assert played.trials()[-1] == ("pruned", 0.74)


def test_without_pruning_nobody_is_stopped(stage: Any) -> None:
    played = stage(trials=6, pruning=False)
    for accuracy in (0.6, 0.7, 0.8, 0.9, 0.9, 0.1):
        run = played.begin()
        played.learn(run, accuracy)
        played.look()
        assert played.asked(run) == "run"
        played.end(run)
        played.note()
    assert played.look()
    assert {state for state, _accuracy in played.trials()} == {"complete"}


def test_a_pause_rests_its_run_and_the_next_sweeper_goes_on_with_it(stage: Any, hired: Hired) -> None:
    played = stage()
    run = played.begin()
    played.learn(run, 0.5)
    played.rest(run)
    sweeps.pause(played.folder)  # once more changes nothing
    assert run_folder.status(played.folder).state == "paused"
    sweeps.go_on(played.folder, played.settings)
    assert run_folder.status(played.folder).state == "queued"
    hired.runs.clear()
    played.come()
    assert hired.runs == [run]  # the run has a worker again
    assert run_folder.status(run).state == "queued"
    assert played.trials() == [("running", 0.5)]


def test_a_stop_ends_its_run_and_begins_no_other(stage: Any) -> None:
    played = stage()
    run = played.begin()
    played.learn(run, 0.5)
    sweeps.stop(played.folder)
    assert not played.look()
    assert played.asked(run) == "stop"
    played.end(run, "stopped")
    assert played.look()
    assert played.trials() == [("pruned", 0.5)]
    assert run_folder.status(played.folder).state == "stopped"
    sweeps.stop(played.folder)
    assert run_folder.status(played.folder).state == "stopped"


def test_a_paused_sweep_that_is_stopped_stops_its_paused_run(stage: Any) -> None:
    played = stage()
    run = played.begin()
    played.rest(run)
    sweeps.stop(played.folder)
    played.come()
    played.look()
    assert run_folder.status(run).state == "stopped"
    assert played.look()
    assert run_folder.status(played.folder).state == "stopped"
    with pytest.raises(BadSweep, match="at most 100"):
        sweeps.go_on(played.folder, played.settings, more=98)
    sweeps.go_on(played.folder, played.settings, more=2)
    assert sweeps.read(played.folder).trials == 5


def test_more_runs_come_after_the_whole_grid_and_lie_within_it(stage: Any) -> None:
    grid = {"learning_rate": Span(low=1e-3, high=1e-2, points=2), "units": Span(low=4, high=8, points=2)}
    played = stage(method="grid", knobs=grid)
    assert [trial.state for trial in optuna_study.read(played.folder)] == ["waiting"] * 4
    for number in range(4):
        run = played.begin()
        played.learn(run, 0.5 + number / 10)
        played.end(run)
        played.note()
    sweeps.go_on(played.folder, played.settings, more=1)  # before it noticed that it is done
    tried = [tuple(trial.values.values()) for trial in optuna_study.read(played.folder)]
    assert sorted(tried) == [(1e-3, 4), (1e-3, 8), (1e-2, 4), (1e-2, 8)]
    run = played.begin()
    config = records.config(run)
    assert 1e-3 <= config.learning_rate <= 1e-2
    assert 4 <= config.hidden_units[0] <= 8
    played.learn(run, 0.5)
    played.end(run)
    assert played.look()


def test_what_happens_to_a_run_happens_to_its_trial(stage: Any, hired: Hired) -> None:
    played = stage(trials=4)
    failed = played.begin()
    played.end(failed, "failed", failure=Failure.of("diverged", epoch=1, step=2))
    played.note()
    gone = played.begin()
    played.locks.pop(gone).release()
    gone.rename(played.settings.runs / ".gone")
    played.note()
    blind = played.begin()
    played.learn(blind, None)
    played.end(blind)
    played.note()
    lost = played.begin()
    for _attempt in range(3):
        hired.runs.clear()
        played.locks.pop(lost).release()  # its process is killed
        assert not played.look()
        assert hired.runs == [lost]  # and gets another one
        played.hold(lost)
        run_folder.write_status(
            lost, run_folder.written_status(lost).model_copy(update={"state": "running", "pid": 1})
        )
    played.locks.pop(lost).release()
    assert played.look()
    trials = optuna_study.read(played.folder)
    assert [trial.state for trial in trials] == ["failed"] * 4
    assert [words(trial.failure) for trial in trials][1:3] == [
        "The run was deleted.",
        "The run has no validation accuracy.",
    ]
    assert trials[0].failure == Failure.of("diverged", epoch=1, step=2)
    assert "killed" in words(trials[3].failure)
    assert sweeps.best(trials) is None


def test_a_network_that_cannot_be_counts_as_tried_and_says_why(stage: Any) -> None:
    base = SMALL.but(architecture="cnn", conv_blocks="2:7:max,2:7:max", training_images=200)
    knobs = {"kernel_size": Span(low=6, high=7, points=2), "filters": Span(low=2, high=4, points=2)}
    base = base.but(conv_blocks="2:3:max,2:3:max,2:3:none")
    played = stage(method="grid", base=base, knobs=knobs)
    for _look in range(4):
        assert not played.look()
    assert played.look()
    assert {trial.state for trial in optuna_study.read(played.folder)} == {"failed"}
    assert all("which is too small" in words(trial.failure) for trial in optuna_study.read(played.folder))
    assert run_folder.every(played.settings.runs) == []


def test_no_room_ends_the_sweep_with_the_reason_and_others_are_waited_for(stage: Any) -> None:
    played = stage()
    played.sweeper.settings = played.settings.model_copy(update={"max_waiting": 0})
    assert not played.look()
    assert played.trials() == []  # the queue is full of other people's runs
    played.sweeper.settings = played.settings.model_copy(update={"max_runs": 0})
    played.sweeper.work()
    played.locks.pop(played.folder).release()
    status = run_folder.status(played.folder)
    assert status.state == "failed"
    assert "There are 0 runs, which" in words(status.failure)


def test_a_damaged_folder_is_no_sweep(tmp_path: Path, stage: Any) -> None:
    played = stage()
    for name, text in (("sweep.json", "{"), ("status.json", "")):
        before = (played.folder / name).read_text()
        (played.folder / name).write_text(text)
        assert sweeps.every(tmp_path) == []
        (played.folder / name).write_text(before)
    assert sweeps.every(tmp_path) == [played.folder]
    (played.folder / "sweep.json").write_text(json.dumps({"name": "x", "knobs": {"__class__": 1}}))
    with pytest.raises(UnknownSweep):
        sweeps.read(played.folder)


def test_a_sweep_is_forgotten_when_it_rests_and_its_runs_stay(stage: Any) -> None:
    played = stage()
    run = played.begin()
    with pytest.raises(BadSweep, match="Stop or pause"):
        sweeps.forget(played.folder)
    sweeps.stop(played.folder)
    played.look()
    played.end(run, "stopped")
    assert played.look()
    sweeps.forget(played.folder)
    assert sweeps.every(played.settings.runs) == []
    assert run_folder.every(played.settings.runs) == [run]


# ------------------------------------------------------------------------------------ what it learns


def begun(folder: Path, plan: Sweep) -> optuna.Study:
    """The study of a sweep whose folder has nothing else."""
    run_folder.write_json(folder / "sweep.json", plan.model_dump(mode="json"))
    return optuna_study.study(folder, plan)


def test_the_knob_that_makes_the_difference_is_the_one_that_matters(tmp_path: Path) -> None:
    plan = sweep(trials=30)
    study = begun(tmp_path, plan)
    assert optuna_study.importance(tmp_path) == {}
    for _number in range(30):
        trial = study.ask(optuna_study.space(plan.knobs))
        study.tell(trial, 1 - abs(trial.params["learning_rate"] - 0.01))
    weights = optuna_study.importance(tmp_path)
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["learning_rate"] > 0.8
    # The numbers of Optuna itself.
    assert weights == optuna.importance.get_param_importances(study)


def test_runs_that_are_all_alike_say_nothing_about_the_knobs(tmp_path: Path) -> None:
    study = begun(tmp_path, sweep())
    for _number in range(10):
        study.tell(study.ask(optuna_study.space(sweep().knobs)), 0.5)
    assert optuna_study.importance(tmp_path) == {}


def test_whoever_goes_on_does_not_draw_the_same_numbers_again(tmp_path: Path) -> None:
    drawn = []
    for _time in range(3):
        study = optuna_study.study(tmp_path, sweep())
        drawn += [study.ask(optuna_study.space(sweep().knobs)).params["learning_rate"] for _trial in range(2)]
    assert len(set(drawn)) == 6
    again = optuna_study.study(tmp_path / "..", sweep()).ask(optuna_study.space(sweep().knobs))
    assert again.params["learning_rate"] == drawn[0]  # and the same seed begins with the same


def test_a_journal_that_a_full_disk_cut_off_anywhere_goes_on(tmp_path: Path) -> None:
    """With every trial that was written whole, and every place of the grid once."""
    plan = sweep(method="grid", knobs={"learning_rate": RATE, "units": UNITS})
    study = begun(tmp_path, plan)
    for accuracy in (0.5, 0.6):
        study.tell(study.ask(), accuracy)
    whole = (tmp_path / "study.log").read_bytes()
    for length in [*range(0, len(whole), len(whole) // 12), len(whole) - 1]:
        (tmp_path / "study.log").write_bytes(whole[:length])
        reopened = optuna_study.study(tmp_path, plan)
        reopened.tell(reopened.ask(), 0.7)
        tried = optuna_study.read(tmp_path)
        assert [trial.accuracy for trial in tried if trial.state == "complete"] in (
            [0.7],
            [0.5, 0.7],
            [0.5, 0.6, 0.7],
        )
        assert len(tried) == len(plan.grid())
        assert len({tuple(trial.values.items()) for trial in tried}) == len(plan.grid())


# --------------------------------------------------------------------------------- the real process


def test_a_sweep_survives_its_process(tmp_path: Path) -> None:
    settings = Settings(runs=tmp_path / "runs", warm_minutes=0)
    folder = sweeps.submit(sweep(trials=2, base=SMALL.but(epochs=40)), settings)
    wait_until(lambda: any(trial.run for trial in optuna_study.read(folder)), "a run was begun")
    pid = json.loads((folder / "coming.json").read_text())["pid"]
    assert run_folder.status(folder).pid == pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: run_folder.status(folder).state == "interrupted", "its end was seen")
    sweeps.go_on(folder, settings)
    status = wait_for_end(folder)
    assert status.state == "finished", (folder / "log.txt").read_text()
    trials = optuna_study.read(folder)
    assert [trial.state for trial in trials] == ["complete", "complete"]
    for trial in trials:
        run = tmp_path / "runs" / trial.run
        assert run_folder.status(run).state == "finished"
        assert trial.accuracy == records.metrics(run)[-1]["val_accuracy"]
        assert trial.epochs == 40
        assert records.config(run).learning_rate == pytest.approx(trial.values["learning_rate"])


def test_a_sweep_that_cannot_take_up_its_run_says_why(stage: Any) -> None:
    played = stage()
    run = played.begin()
    played.rest(run)
    sweeps.go_on(played.folder, played.settings)
    with run_folder.worker_lock(played.folder):
        Sweeper(played.folder, played.settings.model_copy(update={"max_epochs": 1})).work()
    status = run_folder.status(played.folder)
    assert status.state == "failed"
    assert "at most 1 are allowed" in words(status.failure)
    assert run_folder.status(run).state == "paused"
