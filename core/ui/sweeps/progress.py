"""A sweep on its page: where it stands, what can be done with it, what it says about the knobs."""

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

_LOOK = 2.0  # seconds between two looks at a sweep that is going on
_COMPARED = 4  # of the best runs, side by side


def titles() -> dict[str, str]:
    """What each knob is called."""
    return {name: _(knob.swept_title or knob.title) for name, knob in SWEPT.items()}


def trial_words() -> dict[sweeps.State, str]:
    return {
        "waiting": _("waiting"), "running": _("training"), "complete": _("finished"),
        "pruned": _("stopped early"), "failed": _("failed"),
    }  # fmt: skip


def show(folder: Path) -> None:
    """The whole sweep. While it goes on, the page looks at it again and again."""
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
        found = optuna_study.read(folder)
    except (sweeps.UnknownSweep, optuna_study.DamagedStudy) as error:
        ui.sorry(error)
        _buttons(folder, status)
        return
    _stand(sweep, status, found)
    _buttons(folder, status)
    if not any(one.accuracy is not None for one in found):
        return
    _best(sweep, found)
    _sights(folder, sweep, found)
    _table(sweep, found)
    ui.foot(of_fragment=True)


def damaged(folders: Sequence[Path]) -> None:
    """The sweeps that cannot be read say so, and can be forgotten."""
    for folder in folders:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(_("Sweep `{name}` cannot be read: its files are damaged.").format(name=folder.name))
            st.button(_("Forget it"), icon=":material/delete:", key=state.SWEEPS_DAMAGED[folder.name],
                      on_click=_forget_damaged, args=(folder,))  # fmt: skip


def _forget_damaged(folder: Path) -> None:
    try:
        sweeps.forget(folder)
    except (BadSweep, OSError) as error:
        state.SWEEPS_ERROR.set(str(error))


def _stand(sweep: Sweep, status: run_folder.Status, found: Sequence[Trial]) -> None:
    done = sum(one.state not in ("waiting", "running") for one in found)
    words = _("{done} of {n} runs are done.").format(done=done, n=sweep.trials)
    match status.state:
        case "queued":
            words = _("It begins in some seconds.")
        case "pausing":
            words += " " + _("It pauses after the step that its run is in.")
        case "stopping":
            words += " " + _("It stops; its run writes down what it has learned.")
        case "paused":
            words += " " + _("It is paused. Nothing is lost: it goes on where it was.")
        case "stopped":
            words += " " + _("It was stopped.")
        case "interrupted":
            words += " " + _("Its process has ended without a word. It can go on where it was.")
    st.progress(min(1.0, done / sweep.trials), words)
    if status.state == "failed":
        ui.sorry(_("The sweep cannot go on. {reason}").format(reason=failures.words(status.failure)))
    failed = [one for one in found if one.state == "failed"]
    if failed:
        with st.expander(
            ngettext("{n} run failed", "{n} runs failed", len(failed)).format(n=len(failed)),
            icon=":material/error:",
        ):
            for one in failed:
                st.markdown(
                    _("{number}: {reason}").format(
                        number=one.number + 1, reason=ui.plain(failures.words(one.failure))
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
            st.button(_("Go on"), icon=":material/play_arrow:", key=state.SWEEPS_GO_ON, type="primary",
                      on_click=_ask, args=(sweeps.go_on, folder, ui.settings()))  # fmt: skip
        with st.popover(_("More runs"), icon=":material/add:"):
            whole(_("How many more"), 1, ui.settings().max_trials, key=state.SWEEPS_MORE)
            st.button(_("Add"), key=state.SWEEPS_EXTEND, on_click=_extend, args=(folder,),
                      disabled=state.SWEEPS_MORE in refused())  # fmt: skip
        if status.state in run_folder.RESTING:
            with st.popover(_("Delete"), icon=":material/delete:"):
                st.markdown(_("The sweep is forgotten; its runs stay on the Runs page."))
                st.button(_("Forget the sweep"), key=state.SWEEPS_FORGET, on_click=_ask,
                          args=(sweeps.forget, folder))  # fmt: skip


def _extend(folder: Path) -> None:
    if more := taken(state.SWEEPS_MORE, 1, ui.settings().max_trials):
        _ask(sweeps.go_on, folder, ui.settings(), more)


def _ask(what: Callable[..., None], folder: Path, *args: object) -> None:
    try:
        sweeps.read(folder)  # it may have been deleted elsewhere
        what(folder, *args)
    except (BadSweep, sweeps.UnknownSweep, run_folder.UnknownRun, run_queue.NotAllowed, DatasetMissing,
            OSError) as error:  # fmt: skip
        state.SWEEPS_ERROR.set(str(error))


def _best(sweep: Sweep, found: Sequence[Trial]) -> None:
    """The best run so far, in words, and what to do with it."""
    one = sweeps.best(found)
    if one is None or one.accuracy is None:
        return
    names = titles()
    st.header(_("Best so far: {accuracy:.2%}").format(accuracy=one.accuracy), anchor=False)
    values = ", ".join(f"{names[name]} = {short(value)}" for name, value in one.values.items())
    st.markdown(
        _(
            "Run {number}, with {values}. That is on the validation images, by which it was chosen, so it is "
            "a little too good; and the best of many is partly luck. Train it with other seeds to be sure."
        ).format(number=one.number + 1, values=ui.plain(values))
    )
    ordered = sorted((other for other in found if other.state == "complete" and other.run),
                     key=lambda other: -(other.accuracy or 0))  # fmt: skip
    with st.container(horizontal=True):
        if one.run:
            st.page_link(ui.PAGES["train"], label=_("How it trained"), icon=":material/monitoring:",
                         query_params=state.RUN.to(one.run))  # fmt: skip
            st.page_link(ui.PAGES["runs"], label=_("More seeds"), icon=":material/casino:",
                         query_params=state.RUNS.to(one.run))  # fmt: skip
        st.page_link(
            ui.PAGES["train"], label=_("Turn the Train page's knobs to it"), icon=":material/tune:",
            query_params=state.TRAIN_CHANGED.parameter.to(
                assignments(sweep.config(one.values), PRESETS[knobs.FIRST])
            ),
        )  # fmt: skip
        if len(ordered) > 1:
            st.page_link(
                ui.PAGES["runs"], label=_("Compare the best"), icon=":material/compare:",
                query_params=state.RUNS.to(",".join(other.run for other in ordered[:_COMPARED])),
            )  # fmt: skip


def _sights(folder: Path, sweep: Sweep, found: Sequence[Trial]) -> None:
    names = {name: titles()[name] for name in sweep.knobs}
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.header(_("Run by run"), anchor=False)
        ui.chart(charts.history(found), key=state.SWEEPS_SWEEP_HISTORY,
                        alt=_("The validation accuracy of each run of the sweep"))  # fmt: skip
    complete = sum(one.state == "complete" for one in found)
    with right:
        if len(names) == 1:
            _only_knob(found, *names.items())
        else:
            _which_matters(_importance(folder, complete), names)
    if complete > 1 and len(names) > 1:
        _every_run(found, names)


def _only_knob(found: Sequence[Trial], knob: tuple[str, str]) -> None:
    name, title = knob
    st.header(_("{knob} and accuracy").format(knob=title), anchor=False)
    ui.chart(
        charts.by_knob(found, name, title), key=state.SWEEPS_SWEEP_BY_KNOB,
        alt=_("The validation accuracy of each run by its {knob}").format(knob=title),
    )  # fmt: skip
    st.caption(
        _("Every run at the value that it tried. Neighbours that differ by a few tenths of a percent may do "
          "so by chance.")
    )  # fmt: skip


def _which_matters(weights: Mapping[str, float], names: Mapping[str, str]) -> None:
    st.header(_("Which knob matters"), anchor=False)
    if not weights:
        st.caption(_("After {n} finished runs that are not all alike.").format(n=optuna_study.ENOUGH))
        return
    ui.chart(
        charts.importance(weights, names), key=state.SWEEPS_SWEEP_IMPORTANCE,
        alt=_("How much each knob matters"),
    )  # fmt: skip
    st.caption(
        _(
            "Of what sets the best runs apart, so much is each knob's doing, within the ranges that "
            "were tried. With few runs it is a guess."
        )
    )


def _every_run(found: Sequence[Trial], names: Mapping[str, str]) -> None:
    st.header(_("Every run as a line"), anchor=False)
    with ui.at_least(560):
        ui.chart(
            charts.parallel(found, names), key=state.SWEEPS_SWEEP_PARALLEL,
            alt=_("Each finished run as a line across its knobs to its accuracy"),
            numbers=partial(charts.parallel_numbers, found, names),
        )  # fmt: skip
    st.caption(
        _(
            "Drag along an axis to see only the runs that pass there; click beside the mark to see all "
            "again. Blue lines read best, orange ones worst."
        )
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _importance(folder: Path, complete: int) -> dict[str, float]:
    return optuna_study.importance(folder)


def _table(sweep: Sweep, found: Sequence[Trial]) -> None:
    names, words = titles(), trial_words()
    begun = [one for one in found if one.state != "waiting"]
    with st.expander(_("All runs of the sweep"), icon=":material/table:"):
        st.dataframe(
            {
                _("number"): [one.number + 1 for one in begun],
                _("state"): [words[one.state] for one in begun],
                _("validation accuracy"): [one.accuracy for one in begun],
                _("epochs"): [one.epochs for one in begun],
                **{names[name]: [one.values.get(name) for one in begun] for name in sweep.knobs},
                _("run"): [one.run for one in begun],
            },
            hide_index=True, key=state.SWEEPS_TABLE,
            column_config={_("validation accuracy"): st.column_config.NumberColumn(format="percent")},
            alt=_("All runs of the sweep with their knobs and what came of them"),
        )  # fmt: skip
        st.page_link(ui.PAGES["runs"], label=_("See them on the Runs page"), icon=":material/table:",
                     query_params=state.RUNS_FIND.parameter.to(sweep.name))  # fmt: skip


def labels(folders: Sequence[Path]) -> dict[str, str]:
    """Sweeps in a line each that stays the same, for a list to choose from, by their folders' names."""
    names = [folder.name for folder in folders]
    return dict(zip(names, naming.unique(list(map(_label, folders)), names), strict=True))


def _label(folder: Path) -> str:
    try:
        sweep = sweeps.read(folder)
    except sweeps.UnknownSweep:
        return folder.name
    moment = f"{folder.name[4:6]}-{folder.name[6:8]} {folder.name[9:11]}:{folder.name[11:13]}"
    return _("{name} · {knobs} · {moment} UTC").format(
        name=sweep.name, knobs=", ".join(titles()[knob] for knob in sweep.knobs), moment=moment
    )
