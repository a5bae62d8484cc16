"""A run on the Train page: where it stands, what can be done with it, what there is to see of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core import ui
from core.config import KNOBS, ConfigError, RunConfig
from core.data import datasets
from core.failures import words
from core.i18n import _, ngettext
from core.jobs import estimate, run_queue
from core.network.architectures import ImpossibleNetwork
from core.runs import adviser, records, run_folder
from core.ui import knobs, query, run_picker, state, training_views
from core.ui.state import Key
from core.ui.whole_number import refused, whole

# Seconds between two looks at a run that is going on: so many for each of its epochs, but no fewer and
# no more than these. Where there are many epochs to come, the server is to have little to do.
NUMBERS = (0.03, 0.3, 1.0)
CURVES = (0.05, 1.0, 5.0)
LOG_END = 20_000  # characters of the log to show

Rows = Sequence[dict[str, Any]]


def show(run: Path) -> None:
    """The whole run. While it goes on, its parts look at it again and again, and nobody has to reload."""
    try:
        status, config = run_folder.status(run), records.plan(run)
    except run_folder.UnknownRun as error:
        ui.sorry(error)
        return
    going_on = _goes_on(status)
    # The parts compare with this, and have the page made anew when the run has come to rest, or off it.
    state.TRAIN_GOING_ON.set(going_on)
    st.fragment(_stand, run_every=_every(NUMBERS, config) if going_on else None)(run)
    if going_on or status.epoch:
        _steering(run, status, config)
        st.fragment(_sights, run_every=_every(CURVES, config) if going_on else None)(run)
    if status.state in ("failed", "interrupted"):
        with st.expander(_("The log"), icon=":material/terminal:"):
            st.code(_log(run), language=None, wrap_lines=True)


def _every(pace: tuple[float, float, float], config: RunConfig) -> float:
    per_epoch, least, most = pace
    return min(most, max(least, per_epoch * config.epochs))


def _log(run: Path) -> str:
    try:
        return (run / "log.txt").read_text("utf-8", errors="replace")[-LOG_END:]
    except OSError:
        return _("There is no log.")


# --------------------------------------------------------------------------------- where it stands


def _stand(run: Path) -> None:
    """The state in words, the newest numbers, and the buttons that go with it."""
    try:
        status, config = run_folder.status(run), records.plan(run)
    except run_folder.UnknownRun as error:
        ui.sorry(error)
        return
    if _goes_on(status) != state.TRAIN_GOING_ON.get():
        st.rerun()
    epochs = records.metrics(run)
    newest = records.newest_batch(run)
    _state(run, status, config, epochs, newest)
    _buttons(run, status)
    _numbers(status, epochs, newest)


def _goes_on(status: run_folder.Status) -> bool:
    """Whether to look again: a worker that has not come up in time may still do so on a busy machine."""
    return status.state not in run_folder.RESTING or (status.state == "interrupted" and not status.pid)


def _state(
    run: Path, status: run_folder.Status, config: RunConfig, epochs: Rows, newest: dict[str, Any] | None
) -> None:
    match status.state:
        case "queued":
            st.progress(0.0, text=_waiting(run))
        case "running" | "pausing" | "stopping":
            steps = max(1, status.steps * config.epochs)
            done = max(0, status.epoch - 1) * status.steps + status.step
            st.progress(min(1.0, done / steps), text=_progress(run, status, config))
        case "paused":
            st.info(_paused(status, config), icon=":material/pause_circle:")
        case "interrupted":
            st.warning(ui.plain(words(status.failure)), icon=":material/power_off:")
            st.caption(_kept(run))
        case "failed":
            ui.sorry(words(status.failure))
            if not status.diverged and status.can_resume:
                st.caption(_kept(run))
        case "finished" | "stopped":
            _outcome(run, status)


def _waiting(run: Path) -> str:
    line = run_queue.line(run.parent)
    before = line.ahead(run)
    if not before:
        if len(line.training) < ui.settings().slots:
            return _("Starting the training process and TensorFlow, which takes a few seconds")
        text = _("Next in line")
    else:
        place = len(before) + 1
        text = _("Number {place} in line").format(place=place)
    seconds = estimate.waiting(line.training, before, ui.settings().slots)
    return _("{place} · its turn comes in about {time}").format(place=text, time=ui.duration(seconds))


def _phases() -> dict[run_folder.Phase, str]:
    return {
        "importing": _("Starting TensorFlow, which takes a few seconds"),
        "loading": _("Reading the data"),
        "compiling": _("Building the network"),
        "evaluating": _("Reading the test images"),
    }


def _progress(run: Path, status: run_folder.Status, config: RunConfig) -> str:
    if status.phase == "training":
        text = _("Epoch {epoch} of {epochs} · step {step:,} of {steps:,}").format(
            epoch=status.epoch, epochs=config.epochs, step=status.step, steps=status.steps
        )
    else:
        text = _phases().get(status.phase, _("Training"))
    if status.state == "pausing":
        return _("{progress} · pausing after this step").format(progress=text)
    if status.state == "stopping":
        return _("{progress} · stopping after this step").format(progress=text)
    if status.phase != "training":
        return text
    left = ui.duration(estimate.remaining(run))
    return _("{progress} · about {time} left").format(progress=text, time=left)


def _paused(status: run_folder.Status, config: RunConfig) -> str:
    if not status.epoch:
        return _("Paused before it began. It goes to the end of the line when you resume it.")
    return _(
        "Paused in epoch {epoch} of {epochs}, after step {step:,} of {steps:,}. Nothing is lost: it will "
        "go on exactly here."
    ).format(epoch=status.epoch, epochs=config.epochs, step=status.step, steps=status.steps)


def _kept(run: Path) -> str:
    done = len(records.metrics(run))
    if not run_folder.has_checkpoint(run) or not done:
        return _("It had not finished an epoch, so it will begin anew.")
    return ngettext(
        "{n} epoch is kept. It will go on after that.", "{n} epochs are kept. It will go on after them.", done
    ).format(n=done)


def _outcome(run: Path, status: run_folder.Status) -> None:
    if status.test_accuracy is None:
        st.info(_("Stopped before it began to train."), icon=":material/stop_circle:")
        return
    text = _("Finished in {time}. It reads {accuracy:.2%} of the test images right.")
    if status.state == "stopped":
        text = _("Stopped after {time}. It reads {accuracy:.2%} of the test images right.")
    text = text.format(time=ui.duration(status.worked), accuracy=status.test_accuracy)
    if status.stopped_early:
        text += " " + _("It ended early after epoch {epoch}, because the loss had stopped falling.").format(
            epoch=status.epoch
        )
        if status.best_epoch:
            text += " " + _("Its weights are those of epoch {best}, the best one.").format(
                best=status.best_epoch
            )
    st.success(text, icon=":material/check_circle:")
    if status.state == "finished" and (off := estimate.off(run)):
        st.caption(
            _("Estimated beforehand: {estimated}. It took {took}.").format(
                estimated=ui.duration(off.estimated), took=ui.duration(off.took)
            )
        )
    with st.container(horizontal=True):
        query = state.RUN.to(run.name)
        st.page_link(ui.PAGES["evaluate"], label=_("See what it confuses"), icon=":material/fact_check:",
                     query_params=query)  # fmt: skip
        st.page_link(ui.PAGES["draw"], label=_("Draw a digit for it"), icon=":material/draw:",
                     query_params=query)  # fmt: skip


def _numbers(status: run_folder.Status, epochs: Rows, newest: dict[str, Any] | None) -> None:
    row = newest if status.state not in run_folder.RESTING and newest else (epochs[-1] if epochs else newest)
    if not row:
        return
    with st.grid(4, min_column_width=140):
        st.metric(_("Training loss"), ui.number(row.get("loss"), "{:.4f}"), border=True)
        st.metric(_("Training accuracy"), ui.number(row.get("accuracy"), "{:.2%}"), border=True)
        if epochs and "val_loss" in epochs[-1]:
            st.metric(_("Validation loss"), ui.number(epochs[-1]["val_loss"], "{:.4f}"), border=True)
            st.metric(_("Validation accuracy"), ui.number(epochs[-1]["val_accuracy"], "{:.2%}"), border=True)


# -------------------------------------------------------------------------------- what can be done


def _buttons(run: Path, status: run_folder.Status) -> None:
    """What can be done with a run in this state."""
    with st.container(horizontal=True):
        if status.state in ("queued", "running") and _button(
            _("Pause"), "pause", _("Leaves the processor after the current step and keeps everything."),
            key=state.TRAIN_PAUSE,
        ):  # fmt: skip
            _ask(run_queue.pause, run)
        if status.state in ("paused", "interrupted", "stopped") or (
            status.state == "failed" and not status.diverged and status.can_resume
        ):
            _resume_or_data(run, status)
        if status.state in ("queued", "running", "pausing", "paused", "interrupted") and _button(
            _("Stop"), "stop", _("Ends it after the current step; what it has learned becomes its model."),
            key=state.TRAIN_STOP,
        ):  # fmt: skip
            _ask(run_queue.stop, run)
    if status.state == "finished":
        _train_on(run, status)


def _resume_or_data(run: Path, status: run_folder.Status) -> None:
    """The button that has it go on; or, without its data, the way to that."""
    name = records.config(run).dataset
    try:
        datasets.check(name)
    except datasets.DatasetMissing as error:
        if words(status.failure) != str(error):
            st.warning(ui.plain(error), icon=":material/download:")
        ui.link_to_data(name)
    else:
        hint = _("Goes on exactly where it was.")
        if _button(_("Resume"), "play_arrow", hint, key=state.TRAIN_RESUME, primary=True):
            _resume(run)


def _button(
    label: str, icon: str, hint: str, key: Key[Any], *, primary: bool = False, disabled: bool = False
) -> bool:
    return st.button(
        label,
        icon=f":material/{icon}:",
        key=key,
        help=hint,
        type="primary" if primary else "secondary",
        disabled=disabled,
    )


def _ask(what: Callable[[Path], None], run: Path) -> None:
    try:
        what(run)
    except OSError as error:
        _sorry(error, run)
    else:
        st.rerun()


def _train_on(run: Path, status: run_folder.Status) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        more = whole(_("Epochs more"), 1, round(KNOBS["epochs"].high), key=state.TRAIN_MORE_EPOCHS, width=140)
        mended = state.TRAIN_MORE_EPOCHS not in refused()
        hint = _("Goes on with the weights it has.")
        pressed = _button(_("Train on"), "fast_forward", hint, key=state.TRAIN_TRAIN_ON, disabled=not mended)
        if pressed and mended:
            _resume(run, epochs=status.epoch + more)


def _resume(run: Path, epochs: int | None = None) -> None:
    try:
        run_queue.resume(run, ui.settings(), epochs)
    except (run_queue.NotAllowed, datasets.DatasetMissing, ConfigError, ImpossibleNetwork, OSError) as error:
        _sorry(error, run)
    else:
        st.rerun()


def _sorry(error: Exception, run: Path) -> None:
    if isinstance(error, OSError):
        ui.sorry(
            _("{folder} cannot be written to: {reason}.").format(folder=run, reason=error.strerror or error)
        )
    else:
        ui.sorry(error)


def _steering(run: Path, status: run_folder.Status, config: RunConfig) -> None:
    """The knobs that can be turned while it trains, or before it goes on."""
    if status.state in ("finished", "stopped", "stopping"):
        return
    going_on = status.state not in run_folder.RESTING
    now = {name: getattr(config, name) for name, knob in KNOBS.items() if knob.live}
    if status.diverged:  # what it diverged with would make it do so again
        now["learning_rate"] /= 10
    with (
        st.expander(
            _("Turn a knob while it trains") if going_on else _("Turn a knob before it goes on"),
            icon=":material/tune:",
            expanded=status.diverged,
        ),
        st.form(state.TRAIN_STEERING, border=False),
    ):
        st.caption(
            _("A new value takes effect from the next epoch on, and the curves show where. Under a schedule, "
              "the learning rate is its largest value.")
        )  # fmt: skip
        turned = {
            name: st.select_slider(
                _(KNOBS[name].title), sorted({*KNOBS[name].places, now[name]}), now[name],
                format_func="{:g}".format, key=state.TRAIN_STEER[name],
            )
            for name in now
        }  # fmt: skip
        label, icon = _("Set from the next epoch on"), ":material/check:"
        if status.diverged:
            label, icon = _("Resume with these values"), ":material/play_arrow:"
        if st.form_submit_button(label, icon=icon, key=state.TRAIN_SET):
            steered = _steer(run, **turned)
            if steered and status.diverged:
                _resume(run)


def _steer(run: Path, **values: float) -> bool:
    """Whether the values were taken."""
    try:
        run_queue.steer(run, **values)
    except (ConfigError, OSError) as error:
        _sorry(error, run)
        return False
    st.toast(_("Set from the next epoch on."), icon=":material/check:")
    return True


# ------------------------------------------------------------------------------- what there is to see


def _sights(run: Path) -> None:
    """The advice, and the charts that were chosen."""
    try:
        status, config = run_folder.status(run), records.plan(run)
    except run_folder.UnknownRun:
        return  # the other part says so
    epochs = records.metrics(run)
    _advice(run, status, config)
    names = {
        "curves": _("Loss and accuracy"),
        "pace": _("Learning rate and time"),
        "digits": _("Digit by digit"),
        "layers": _("Inside the layers"),
    }
    match query.switch(_("What to look at"), state.TRAIN_VIEW, names):
        case "pace":
            training_views.pace(epochs, config)
        case "digits":
            training_views.digits(epochs, records.spec(run))
        case "layers":
            training_views.layers(run)
        case _:
            training_views.curves(run, status, config, epochs)


def _advice(run: Path, status: run_folder.Status, config: RunConfig) -> None:
    found = adviser.about(run)
    for advice in found:
        with st.container(border=True, key=state.TRAIN_ADVICE[advice.topic]):
            st.markdown(f":material/lightbulb: **{advice.verdict}** {advice.evidence} {advice.suggestion}")
            _follow(run, status, config, advice)


def _follow(run: Path, status: run_folder.Status, config: RunConfig, advice: adviser.Advice) -> None:
    """The button that does what the advice says."""
    follow = state.TRAIN_FOLLOW[advice.topic]
    if not advice.change:
        if status.state == "running" and _button(
            _("Stop here"), "stop", _("What it has learned becomes its model."), key=follow
        ):
            _ask(run_queue.stop, run)
        return
    words = ", ".join(f"`{name} = {value}`" for name, value in advice.change.items())
    if advice.live and status.state not in run_folder.ENDED:
        label, icon = _("Set {change} from the next epoch on").format(change=words), "tune"
        if _button(label, icon, _("The run goes on."), key=follow):
            _steer(run, **advice.change)
        return
    label, icon = _("Set up a run with {change}").format(change=words), "tune"
    if _button(label, icon, _("This run stays as it is."), key=follow):
        knobs.turn(config.but(**advice.change))
        leave()
        st.rerun()


def leave() -> None:
    """Back from this run to the knobs."""
    state.TRAIN_WATCHED.set(None)
    query.write(state.RUN, None)


def watch(name: str) -> None:
    """Show the run of this name, which somebody asked for or trained, and make it the visitor's own."""
    state.TRAIN_WATCHED.set(name)
    run_picker.make_own(name)
    query.write(state.RUN, name)


def watched(root: Path) -> Path | None:
    """The run to show: the one that the address names, else the one that this visitor looked at last.

    Who goes back to an address without a run goes back to the knobs.
    """
    name = state.RUN.get()
    if not name and query.went_back():
        leave()
    try:
        found = run_folder.find(root, name or state.TRAIN_WATCHED.get() or "")
    except run_folder.UnknownRun as error:
        if name:
            st.warning(ui.plain(error))
        return None
    watch(found.name)
    return found
