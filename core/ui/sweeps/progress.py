"""A sweep on its page: its progress, its buttons and its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from core import charts, failures, ui
from core.config import PRESETS, assignments
from core.data.datasets import DatasetMissing
from core.i18n import _, ngettext
from core.jobs import run_queue
from core.runs import naming, run_folder
from core.sweeps import optuna_study, sweeps
from core.sweeps.search_space import SWEPT, BadSweep, short
from core.sweeps.sweeps import Sweep, Trial
from core.ui import knobs, state
from core.ui.whole_number import refused, taken, whole

_LOOK = 2.0  # seconds between two updates of a sweep
_COMPARED = 4  # maximum number of runs to compare


def titles() -> dict[str, str]:
    """The title of each setting."""
    return {name: _(knob.swept_title or knob.title) for name, knob in SWEPT.items()}


def trial_words() -> dict[sweeps.State, str]:
    return {
        "waiting": _("waiting"), "running": _("training"), "complete": _("finished"),
        "pruned": _("stopped early"), "failed": _("failed"),
    }  # fmt: skip


def show(folder: Path) -> None:
    """Show a sweep. It is updated while the sweep runs, without a reload of the page."""
    if error := state.SWEEPS_ERROR.pop():
        ui.sorry(error)
    going_on = run_folder.status(folder).state not in run_folder.RESTING
    state.SWEEPS_GOING_ON.set(going_on)
    st.fragment(_look, run_every=_LOOK if going_on else None)(folder)


def _look(folder: Path) -> None:
    try:
        sweep, status = sweeps.read(folder), run_folder.status(folder)
    except (sweeps.UnknownSweep, run_folder.UnknownRun) as error:
        ui.sorry(error)
        return
    if (status.state not in run_folder.RESTING) != state.SWEEPS_GOING_ON.get():
        st.rerun()
    ui.new_charts()
    try:
        trials = optuna_study.read(folder)
    except (sweeps.UnknownSweep, optuna_study.DamagedStudy) as error:
        ui.sorry(error)
        _buttons(folder, status)
        return
    _stand(sweep, status, trials)
    _buttons(folder, status)
    if not any(trial.accuracy is not None for trial in trials):
        return
    _best(sweep, trials)
    _sights(folder, sweep, trials)
    _table(sweep, trials)
    ui.foot(of_fragment=True)


def damaged(folders: Sequence[Path]) -> None:
    """The sweeps that cannot be read, each with a button that deletes it."""
    for folder in folders:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(_("Sweep `{name}` cannot be read: its files are damaged.").format(name=folder.name))
            st.button(_("Delete the sweep"), icon=":material/delete:", key=state.SWEEPS_DAMAGED[folder.name],
                      on_click=_forget_damaged, args=(folder,))  # fmt: skip


def _forget_damaged(folder: Path) -> None:
    try:
        sweeps.forget(folder)
    except (BadSweep, OSError) as error:
        state.SWEEPS_ERROR.set(str(error))


def _stand(sweep: Sweep, status: run_folder.Status, trials: Sequence[Trial]) -> None:
    done = sum(trial.state not in ("waiting", "running") for trial in trials)
    words = _("{done} of {n} runs are done.").format(done=done, n=sweep.trials)
    match status.state:
        case "queued":
            words = _("The sweep begins in a few seconds.")
        case "pausing":
            words += " " + _("The sweep pauses after the current step of its run.")
        case "stopping":
            words += " " + _("The sweep stops. Its run saves what it has learned.")
        case "paused":
            words += " " + _("The sweep is paused. Nothing is lost: the sweep can continue where it stopped.")
        case "stopped":
            words += " " + _("The sweep was stopped.")
        case "interrupted":
            words += " " + _(
                "The process of the sweep ended without an error message. The sweep can "
                "continue where it stopped."
            )
    st.progress(min(1.0, done / sweep.trials), words)
    if status.state == "failed":
        ui.sorry(_("The sweep cannot continue. {reason}").format(reason=failures.words(status.failure)))
    failed = [trial for trial in trials if trial.state == "failed"]
    if failed:
        with st.expander(
            ngettext("{n} run failed", "{n} runs failed", len(failed)).format(n=len(failed)),
            icon=":material/error:",
        ):
            for trial in failed:
                st.markdown(
                    _("{number}: {reason}").format(
                        number=trial.number + 1, reason=ui.plain(failures.words(trial.failure))
                    )
                )


def _buttons(folder: Path, status: run_folder.Status) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if status.state in ("queued", "running"):
            st.button(_("Pause"), icon=":material/pause:", key=state.SWEEPS_PAUSE,
                      on_click=_ask, args=(sweeps.pause, folder))  # fmt: skip
        if status.state not in run_folder.ENDED and status.state != "stopping":
            st.button(_("Stop"), icon=":material/stop:", key=state.SWEEPS_STOP,
                      on_click=_ask, args=(sweeps.stop, folder))  # fmt: skip
        if status.state in run_folder.RESTING and status.state != "finished":
            st.button(_("Continue"), icon=":material/play_arrow:", key=state.SWEEPS_GO_ON, type="primary",
                      on_click=_ask, args=(sweeps.go_on, folder, ui.settings()))  # fmt: skip
        with st.popover(_("More runs"), icon=":material/add:"):
            whole(_("Number of runs to add"), 1, ui.settings().max_trials, key=state.SWEEPS_MORE)
            st.button(_("Add"), key=state.SWEEPS_EXTEND, on_click=_extend, args=(folder,),
                      disabled=state.SWEEPS_MORE in refused())  # fmt: skip
        if status.state in run_folder.RESTING:
            with st.popover(_("Delete"), icon=":material/delete:"):
                st.markdown(_("The sweep is deleted. Its runs stay on the Runs page."))
                st.button(_("Delete the sweep"), key=state.SWEEPS_FORGET, on_click=_ask,
                          args=(sweeps.forget, folder))  # fmt: skip


def _extend(folder: Path) -> None:
    if more := taken(state.SWEEPS_MORE, 1, ui.settings().max_trials):
        _ask(sweeps.go_on, folder, ui.settings(), more)


def _ask(action: Callable[..., None], folder: Path, *args: object) -> None:
    try:
        sweeps.read(folder)  # the sweep may have been deleted in another session
        action(folder, *args)
    except (BadSweep, sweeps.UnknownSweep, run_folder.UnknownRun, run_queue.NotAllowed, DatasetMissing,
            OSError) as error:  # fmt: skip
        state.SWEEPS_ERROR.set(str(error))


def _best(sweep: Sweep, trials: Sequence[Trial]) -> None:
    """The best run so far in words, and links to what can be done with it."""
    best = sweeps.best(trials)
    if best is None or best.accuracy is None:
        return
    names = titles()
    st.header(_("Best so far: {accuracy:.2%}").format(accuracy=best.accuracy), anchor=False)
    values = ", ".join(f"{names[name]} = {short(value)}" for name, value in best.values.items())
    st.markdown(
        _(
            "Run {number}, with {values}. This is the accuracy on the validation images. The run was chosen "
            "by this accuracy, so the value is a little too high. The best of many runs is also partly "
            "luck. Train the same settings with other seeds to be sure."
        ).format(number=best.number + 1, values=ui.plain(values))
    )
    ordered = sorted((other for other in trials if other.state == "complete" and other.run),
                     key=lambda other: -(other.accuracy or 0))  # fmt: skip
    with st.container(horizontal=True):
        if best.run:
            st.page_link(ui.PAGES["train"], label=_("How it trained"), icon=":material/monitoring:",
                         query_params=state.RUN.to(best.run))  # fmt: skip
            st.page_link(ui.PAGES["runs"], label=_("More seeds"), icon=":material/casino:",
                         query_params=state.RUNS.to(best.run))  # fmt: skip
        st.page_link(
            ui.PAGES["train"], label=_("Use these settings on the Train page"), icon=":material/tune:",
            query_params=state.TRAIN_CHANGED.parameter.to(
                assignments(sweep.config(best.values), PRESETS[knobs.FIRST])
            ),
        )  # fmt: skip
        if len(ordered) > 1:
            st.page_link(
                ui.PAGES["runs"], label=_("Compare the best runs"), icon=":material/compare:",
                query_params=state.RUNS.to(",".join(other.run for other in ordered[:_COMPARED])),
            )  # fmt: skip


def _sights(folder: Path, sweep: Sweep, trials: Sequence[Trial]) -> None:
    names = {name: titles()[name] for name in sweep.knobs}
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.header(_("Run by run"), anchor=False)
        ui.chart(charts.history(trials), key=state.SWEEPS_SWEEP_HISTORY,
                        alt=_("The validation accuracy of each run of the sweep"))  # fmt: skip
    complete = sum(trial.state == "complete" for trial in trials)
    with right:
        if len(names) == 1:
            _only_knob(trials, *names.items())
        else:
            _which_matters(_importance(folder, complete), names)
    if complete > 1 and len(names) > 1:
        _every_run(trials, names)


def _only_knob(trials: Sequence[Trial], knob: tuple[str, str]) -> None:
    name, title = knob
    st.header(_("{setting} and accuracy").format(setting=title), anchor=False)
    ui.chart(
        charts.by_knob(trials, name, title), key=state.SWEEPS_SWEEP_BY_KNOB,
        alt=_("The validation accuracy of each run by its {setting}").format(setting=title),
    )  # fmt: skip
    st.caption(
        _("Each run is shown at the value that it tried."),
        help=_("A difference of a few tenths of a percent between neighbours may be chance."),
    )


def _which_matters(weights: Mapping[str, float], names: Mapping[str, str]) -> None:
    st.header(_("Which setting matters"), anchor=False)
    if not weights:
        st.caption(
            _("This chart appears after {n} finished runs with different results.").format(
                n=optuna_study.ENOUGH
            )
        )
        return
    ui.chart(
        charts.importance(weights, names), key=state.SWEEPS_SWEEP_IMPORTANCE,
        alt=_("How much each setting matters"),
    )  # fmt: skip
    st.caption(
        _(
            "How much each setting decides which runs are the best, within the ranges that were tried. With "
            "few runs, this is only a rough estimate."
        )
    )


def _every_run(trials: Sequence[Trial], names: Mapping[str, str]) -> None:
    st.header(_("Every run as a line"), anchor=False)
    with ui.at_least(560):
        ui.chart(
            charts.parallel(trials, names), key=state.SWEEPS_SWEEP_PARALLEL,
            alt=_("Each finished run as a line from its settings to its accuracy"),
            numbers=partial(charts.parallel_numbers, trials, names),
        )  # fmt: skip
    st.caption(
        _(
            "Drag along an axis to see only the runs in that range. Click outside the range to see all runs "
            "again. Blue lines are the most accurate runs, and orange lines are the least accurate runs."
        )
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _importance(folder: Path, complete: int) -> dict[str, float]:
    return optuna_study.importance(folder)


def _table(sweep: Sweep, trials: Sequence[Trial]) -> None:
    names, words = titles(), trial_words()
    begun = [trial for trial in trials if trial.state != "waiting"]
    with st.expander(_("All runs of the sweep"), icon=":material/table:"):
        st.dataframe(
            {
                _("number"): [trial.number + 1 for trial in begun],
                _("state"): [words[trial.state] for trial in begun],
                _("validation accuracy"): [trial.accuracy for trial in begun],
                _("epochs"): [trial.epochs for trial in begun],
                **{names[name]: [trial.values.get(name) for trial in begun] for name in sweep.knobs},
                _("run"): [trial.run for trial in begun],
            },
            hide_index=True, key=state.SWEEPS_TABLE,
            column_config={_("validation accuracy"): st.column_config.NumberColumn(format="percent")},
            alt=_("All runs of the sweep with their settings and results"),
        )  # fmt: skip
        st.page_link(ui.PAGES["runs"], label=_("Show the runs on the Runs page"), icon=":material/table:",
                     query_params=state.RUNS_FIND.parameter.to(sweep.name))  # fmt: skip


def labels(folders: Sequence[Path]) -> dict[str, str]:
    """One line for each sweep, to choose from, by the names of the folders. A line never changes."""
    names = [folder.name for folder in folders]
    return dict(zip(names, naming.unique(list(map(_label, folders)), names), strict=True))


def _label(folder: Path) -> str:
    try:
        sweep = sweeps.read(folder)
    except sweeps.UnknownSweep:
        return folder.name
    settings = ", ".join(titles()[knob] for knob in sweep.knobs)
    return f"{sweep.name} · {settings} · {ui.created(folder)}"
