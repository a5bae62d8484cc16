"""The runs of this visit: what a card says, what its buttons do, and which curves stay in the charts."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.runs import notes, trash
from core.runs.run_folder import State
from tests.conftest import PATIENCE
from tests.support.ended import ended
from tests.support.pages import again

FAST = RunConfig(learning_rate=0.01)
WIDE = FAST.but(hidden_units=(256,), dropout=0.3)


def script() -> None:
    """A page that has nothing but the strip. It remembers what its buttons asked for."""
    from pathlib import Path

    import streamlit as st

    from core import ui
    from core.ui.train import visit

    root, shown = ui.settings().runs, st.session_state["shown"]
    for name in st.session_state.pop("started", []):
        visit.note(root / name)
    for part in ("used", "opened"):
        st.session_state.setdefault(part, [])
    visit.strip(
        root,
        root / shown if shown else None,
        use=lambda run: st.session_state["used"].append(run.name),
        show=lambda run: st.session_state["opened"].append(run.name),
    )
    if shown:
        st.session_state["before"] = [
            (name, [row["val_accuracy"] for row in rows]) for name, rows in visit.before(Path(root / shown))
        ]


def trained(
    root: Path, config: RunConfig, *accuracies: float, state: State = "finished", automatic: bool = False
) -> Path:
    run = ended(root, config, accuracies, state)
    if automatic:
        notes.write(run, automatic=True)
    return run


def visit(started: list[Path], shown: Path | None = None) -> AppTest:
    """The page of somebody who started these runs, the oldest first."""
    app = AppTest.from_function(script, default_timeout=PATIENCE)
    app.session_state["started"] = [run.name for run in started]
    app.session_state["shown"] = shown.name if shown else ""
    return again(app)


def cards(app: AppTest) -> list[tuple[str, str, str]]:
    """What each card says: the changes, the label of its number, and the number."""
    titles = [element.value for element in app.markdown if "**" in element.value]
    return [(title, metric.label, metric.value) for title, metric in zip(titles, app.metric, strict=True)]


@pytest.fixture
def three(runs_folder: Path) -> list[Path]:
    return [
        trained(runs_folder, RunConfig(), 0.1, 0.912),
        trained(runs_folder, FAST, 0.9, 0.937),
        trained(runs_folder, WIDE, 0.91, 0.94, automatic=True),
    ]


def test_before_the_first_run_there_is_no_strip(runs_folder: Path) -> None:
    app = visit([])
    assert not app.header
    assert not app.button


def test_a_card_says_what_was_changed_and_what_was_reached(three: list[Path]) -> None:
    app = visit(three, three[1])
    assert cards(app) == [
        (":gray-badge[automatic] **Units 256, Dropout 0.3**", "Validation accuracy", "94.0%"),
        (":blue-badge[shown] **Learning rate 0.01**", "Validation accuracy", "93.7%"),
        ("**MLP 128**", "Validation accuracy", "91.2%"),
    ]
    # All curves have the same scale, from 74% to 94%.
    pictures = [element.proto.imgs[0] for element in app.get("image")]
    drawn = [base64.b64decode(picture.url.partition(",")[2]).decode() for picture in pictures]
    expected = [[0.91, 0.94], [0.9, 0.937], [0.1, 0.912]]
    assert [re.findall(r",(-?[\d.]+)", svg) for svg in drawn] == [
        [f"{40 * min(1, (0.94 - share) / 0.2):.1f}" for share in curve] for curve in expected
    ]
    assert pictures[0].alt == "Accuracy after each epoch, from 91.0% to 94.0%"


def test_what_has_no_accuracy_says_its_state(runs_folder: Path) -> None:
    first = trained(runs_folder, RunConfig(), 0.8, state="paused")
    failed = trained(runs_folder, RunConfig(), state="failed")
    many = WIDE.but(epochs=9, batch_size=7, validation_split=0)
    app = visit([first, failed, trained(runs_folder, many, state="interrupted")])
    assert cards(app) == [
        ("**Units 256, Dropout 0.3 and 4 more**", "State", "interrupted"),
        ("**The same settings**", "State", "failed"),
        ("**MLP 128**", "State", "paused"),
    ]


def test_only_the_newest_eight_have_a_card(runs_folder: Path) -> None:
    app = visit([trained(runs_folder, RunConfig(seed=seed), 0.9) for seed in range(10)])
    assert [title for title, _label, _value in cards(app)] == [f"**Seed {seed}**" for seed in range(9, 1, -1)]


def test_a_run_that_was_started_again_is_the_newest_and_one_that_is_gone_is_none(three: list[Path]) -> None:
    first, second, third = three
    trash.delete(first.parent, [second.name])
    app = visit([*three, first])
    keys = [button.key for button in app.button if button.key.startswith("train.visit_open")]
    assert keys == [f"train.visit_open_{run.name}" for run in (first, third)]
    # The run before it is the one before the deleted one.
    assert cards(app)[0][0] == "**Units 128, Dropout 0 and 1 more**"


def test_the_buttons_are_named_after_their_runs_and_call_back(three: list[Path]) -> None:
    first, second, _third = three
    app = visit(three, second)
    labels = [button.label for button in app.button]
    assert len(set(labels)) == 9
    app.button(key=f"train.visit_use_{first.name}").click().run()
    app.button(key=f"train.visit_open_{first.name}").click().run()
    assert app.session_state["used"] == [first.name]
    assert app.session_state["opened"] == [first.name]
    assert app.button(key=f"train.visit_open_{second.name}").disabled  # it is shown already


def test_the_curve_of_the_run_before_is_in_the_charts(three: list[Path]) -> None:
    first, second, third = three
    assert curves(visit(three, third)) == [[0.9, 0.937]]
    assert curves(visit(three, second)) == [[0.1, 0.912]]
    assert curves(visit(three, first)) == []
    # Somebody else's run, from a link: the newest one of the visit.
    assert curves(visit([first, second], third)) == [[0.9, 0.937]]
    # A run that has no epoch has no curve.
    empty = trained(first.parent, FAST, state="stopped")
    assert curves(visit([first, empty, third], third)) == [[0.1, 0.912]]


def curves(app: AppTest) -> list[list[float]]:
    before = app.session_state["before"]
    assert len({name for name, _curve in before}) == len(before)
    return [curve for _name, curve in before]


def test_a_pinned_curve_stays_and_its_run_is_kept(three: list[Path]) -> None:
    first, second, third = three
    newest = trained(first.parent, FAST.but(epochs=9), 0.5)
    app = visit([*three, newest], newest)
    assert curves(app) == [[0.91, 0.94]]
    app.button(key=f"train.visit_pin_{first.name}").click().run()
    app.button(key=f"train.visit_pin_{third.name}").click()
    assert curves(again(app)) == [[0.91, 0.94], [0.1, 0.912]]  # the previous one only once
    assert not notes.is_temporary(third)
    assert app.button(key=f"train.visit_pin_{first.name}").label.startswith("Unpin")
    app.button(key=f"train.visit_pin_{first.name}").click()
    assert curves(again(app)) == [[0.91, 0.94]]
    trash.delete(first.parent, [second.name, third.name])
    assert curves(again(app)) == [[0.1, 0.912]]


def test_at_most_eight_curves_stay(runs_folder: Path) -> None:
    runs = [trained(runs_folder, RunConfig(seed=seed), seed / 100) for seed in range(12)]
    app = visit(runs, runs[-1])
    app.session_state["train.pinned"] = [run.name for run in runs[:10]]
    assert curves(again(app)) == [[0.1], *([seed / 100] for seed in range(7))]
