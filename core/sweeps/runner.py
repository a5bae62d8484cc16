"""The process that runs a sweep: ``python -m core.sweeps.runner SWEEP``. It does not end with the server.

It trains nothing. It asks Optuna for the next settings, queues them as a run like any other, and reports the
result to Optuna. Its whole state is in the sweep's folder, so that another process can continue at any time.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import optuna
from filelock import Timeout
from optuna.trial import FrozenTrial, TrialState

from core.config import ConfigError
from core.failures import Failure, KnownFailure
from core.i18n import _
from core.jobs import run_queue
from core.network.architectures import ImpossibleNetwork
from core.runs import notes, records, run_folder
from core.settings import Settings
from core.sweeps import optuna_study, sweeps
from core.sweeps.sweeps import Sweep

_PATIENCE = 20  # seconds to wait for another process of the same sweep to exit
_POLL = 0.5  # seconds between two checks of the runs
_ATTEMPTS = 3  # to resume an interrupted run, before it counts as failed

# Set by SIGTERM, with which the system or the container asks every process to end.
_leaving = threading.Event()


def main(folder: Path) -> None:
    """Run this sweep, if it should run and no other process runs it."""
    signal.signal(signal.SIGTERM, lambda *_signal: _leaving.set())
    try:
        with run_folder.worker_lock(folder).acquire(timeout=_PATIENCE):
            if run_folder.written_status(folder).state in ("queued", "running"):
                Sweeper(folder, Settings(runs=folder.parents[1])).work()
    except Timeout:
        return  # another process runs it


class Sweeper:
    """Begins or continues a sweep. Its whole state is in the folder.

    Args:
        folder: the folder of the sweep.
        settings: the operator's settings, whose limits apply to each run.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings

    @cached_property
    def study(self) -> optuna.Study:
        return optuna_study.study(self.folder, self.sweep)

    @property
    def sweep(self) -> Sweep:
        return sweeps.read(self.folder)  # read again, because runs may have been added

    @property
    def live(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    @property
    def begun(self) -> int:
        return sum(trial.state != TrialState.WAITING for trial in self.study.get_trials(deepcopy=False))

    def work(self) -> None:
        """Run the sweep until it has finished, or until a pause or a stop is requested."""
        try:
            self.take_up()
            while not self.look():
                time.sleep(_POLL)
        except Exception as error:  # noqa: BLE001
            # The outermost function of the process: the page of the sweep shows any error.
            self._leave(state="failed", failure=Failure.from_exception(error))
            with suppress(OSError):  # the log is on the same disk
                traceback.print_exc()

    def take_up(self) -> None:
        """Begin the sweep, or continue it after an earlier process."""
        self._write(state="running", started=time.time(), failure=None, pid=os.getpid())
        for trial in self.live:
            self._take_up(trial)

    def look(self) -> bool:
        """Follow every run once, and begin the next run if possible. Returns whether the sweep has ended."""
        wanted = "pause" if _leaving.is_set() else run_folder.request(self.folder).action
        for trial in self.live:
            self.follow(trial, wanted)
        live = self.live
        if wanted == "pause":
            resting = (None, *run_folder.RESTING)
            return all(self._state(trial) in resting for trial in live) and self._rest("paused")
        if wanted == "stop":
            return not live and self._rest("stopped")
        if self.begun < self.sweep.trials:
            if len(live) < self.settings.slots and self._has_room():
                self._begin()
        elif not live:
            return self._rest("finished")
        return False

    def _rest(self, state: run_folder.State) -> bool:
        """Write that the sweep ends with this state, unless the request has just changed.

        Returns whether the state was written.
        """
        with run_folder.changing_request(self.folder):
            wanted = run_folder.request(self.folder).action
            if not _leaving.is_set() and wanted != {"paused": "pause", "stopped": "stop"}.get(state, "run"):
                return False
            if state == "finished" and self.begun < self.sweep.trials:
                return False
            self._leave(state=state)
            return True

    def _write(self, **changes: object) -> None:
        run_folder.write_status(self.folder, self._changed(changes))

    def _leave(self, **changes: object) -> None:
        run_folder.write_last_word(self.folder, self._changed(changes | {"ended": time.time()}))

    def _changed(self, changes: dict[str, object]) -> run_folder.Status:
        return run_folder.written_status(self.folder).model_copy(update=changes)

    # ------------------------------------------------------------------------------------- one run

    def _has_room(self) -> bool:
        """Whether a run can be queued now. Raises NotAllowed if runs must be deleted first."""
        run_queue.check_room(self.settings)
        try:
            run_queue.check_queue(self.settings)
        except run_queue.NotAllowed:
            return False  # other runs are waiting, and will free the queue
        return True

    def _begin(self) -> None:
        """Ask Optuna for the next settings, and queue them as a run."""
        sweep = self.sweep
        trial = self.study.ask(optuna_study.space(sweep.knobs))
        try:
            config = sweep.config(trial.params)
            run_queue.check(config, self.settings)
        except (ConfigError, ImpossibleNetwork, run_queue.NotAllowed) as error:
            if isinstance(error, KnownFailure):
                failure = error.failure
            else:
                turned = ", ".join(f"{name}={value}" for name, value in trial.params.items())
                failure = Failure.of("settings_refused", settings=turned)
            self._end(trial, TrialState.FAIL, failure)
            return
        run = run_queue.submit(config, self.settings)
        trial.set_user_attr("run", run.name)
        name = _("{sweep} {number}").format(sweep=sweep.name, number=trial.number + 1)
        notes.write(run, name=name, tags=(sweep.name,))

    def _run(self, trial: FrozenTrial) -> Path:
        return self.settings.runs / str(trial.user_attrs.get("run", "-"))

    def _state(self, trial: FrozenTrial) -> run_folder.State | None:
        try:
            return run_folder.status(self._run(trial)).state
        except run_folder.UnknownRun:
            return None  # the run has just been deleted

    def _take_up(self, trial: FrozenTrial) -> None:
        """Continue a run that an earlier process began."""
        try:
            run = run_folder.find(self.settings.runs, self._run(trial).name)
            if run_folder.status(run).state == "paused" and run_folder.request(self.folder).action == "run":
                run_queue.resume(run, self.settings)
        except run_folder.UnknownRun:
            self._end(trial, TrialState.FAIL, Failure.of("run_gone"))

    def follow(self, trial: FrozenTrial, wanted: run_folder.Action) -> None:
        """Report the accuracies of a run to Optuna, and its result if it has ended.

        Args:
            wanted: the requested action. The run is paused or stopped accordingly.
        """
        run = self._run(trial)
        try:
            status = run_folder.status(run)
        except run_folder.UnknownRun:
            self._end(trial, TrialState.FAIL, Failure.of("run_gone"))
            return
        # The rows are read after the status. So if the run has ended, these are all its rows.
        ours = optuna.trial.Trial(self.study, trial._trial_id)
        for row in records.metrics(run):
            accuracy, epoch = row.get("val_accuracy"), int(row["epoch"])
            if epoch not in trial.intermediate_values and accuracy is not None and math.isfinite(accuracy):
                ours.report(accuracy, epoch)
        match status.state:
            case "finished":
                self._finish(trial, run, status)
            case "stopped":  # by this process, or by a visitor
                self._end(trial, TrialState.PRUNED)
            case "failed":
                self._end(trial, TrialState.FAIL, status.failure)
            case "interrupted" if wanted == "run":
                self._revive(trial, run, status)
            case _ if wanted == "pause":
                run_queue.pause(run)
            case _ if wanted == "stop" or (status.epoch < self.sweep.base.epochs and ours.should_prune()):
                run_queue.stop(run)

    def _finish(self, trial: FrozenTrial, run: Path, status: run_folder.Status) -> None:
        accuracies = {row["epoch"]: row.get("val_accuracy") for row in records.metrics(run)}
        # Early stopping may have restored the weights of an earlier epoch.
        kept = accuracies.get(status.best_epoch or max(accuracies, default=0))
        if kept is None:
            self._end(trial, TrialState.FAIL, Failure.of("not_validated"))
        else:
            self.study.tell(trial.number, kept)

    def _revive(self, trial: FrozenTrial, run: Path, status: run_folder.Status) -> None:
        attempts = trial.user_attrs.get("attempts", 0) + 1
        if attempts > _ATTEMPTS:
            self._end(trial, TrialState.FAIL, status.failure)
            return
        optuna.trial.Trial(self.study, trial._trial_id).set_user_attr("attempts", attempts)
        run_queue.resume(run, self.settings)

    def _end(
        self, trial: FrozenTrial | optuna.Trial, state: TrialState, failure: Failure | None = None
    ) -> None:
        if failure:
            told = failure.model_dump()
            optuna.trial.Trial(self.study, trial._trial_id).set_user_attr("reason", told)
        self.study.tell(trial.number, state=state)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
