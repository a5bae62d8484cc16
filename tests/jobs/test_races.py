"""Two servers on one folder, two tabs at once: whatever comes first, a run has one worker and one state."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import RunConfig
from core.runs import run_folder
from core.runs.run_folder import Status
from tests.conftest import wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the servers here fork")
PROJECT = Path(run_folder.__file__).parents[2]

Words = list[str]


def outcomes(state: str, first: Words, second: Words) -> set[str]:
    """Where a run may come to from this state, if two people each say these words, in whatever order."""
    if not first and not second:
        return {state}
    states = set()
    for words, others in ((first, second), (second, first)):
        if words:
            for after in outcomes_of_one(state, words[0]):
                states |= outcomes(after, words[1:], others)
    return states


def outcomes_of_one(state: str, word: str) -> set[str]:
    match word:
        case "resume":
            return {"running"}
        case "stop":
            return {"stopped"}
        case _:
            # While it is about to stop, it can still be paused; once it has, it cannot.
            return {"stopped", "paused"} if state == "stopped" else {"paused"}


def test_what_may_come_of_two_peoples_words() -> None:
    assert outcomes("running", ["stop"], ["resume"]) == {"stopped", "running"}
    assert outcomes("paused", ["pause"], ["resume"]) == {"paused", "running"}
    assert outcomes("stopped", ["resume"], ["resume", "pause"]) == {"paused", "running"}


class Server:
    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.server"], cwd=PROJECT, text=True,
            env=os.environ | {"MNIST_LAB_RUNS": str(root)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def ask(self, moment: float, wait: float, action: str, run: Path) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps([moment, wait, action, str(run)]) + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline().strip()
        assert line, "the server died"
        return line

    def close(self) -> None:
        with self.process:
            assert self.process.stdin
            self.process.stdin.close()


class Two:
    """Two servers on one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.servers = [Server(root) for _ in range(2)]

    def do(self, run: Path, *wanted: tuple[int, float, str]) -> list[str]:
        """Ask for these at the same moment: by server, after a wait in seconds, what."""
        moment = time.time() + 0.01
        for server, wait, action in wanted:
            self.servers[server].ask(moment, wait, action, run)
        return [self.servers[server].answer() for server, _wait, _what in wanted]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    pair = Two(tmp_path_factory.mktemp("two"))
    run = paused(pair.root)
    pair.do(run, (0, 0, "pause"), (1, 0, "pause"))  # both are up
    yield pair
    for server in pair.servers:
        server.close()


def paused(root: Path) -> Path:
    run = run_folder.create(root, RunConfig())
    now = time.time()
    run_folder.write_status(run, Status(state="paused", created=now, queued=now, heartbeat=now))
    return run


def settled(run: Path) -> bool:
    """Whether everybody who was asked has come, and either trains or has left."""
    status = run_folder.status(run)
    if status.state == "running":
        return status.phase == "training"
    return status.state in run_folder.RESTING and not run_folder.worker_is_alive(run)


def trained(run: Path) -> list[list[str]]:
    file = run / "trained.txt"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def assert_one_at_a_time(run: Path) -> None:
    """Every beginning is followed by its own end, before anybody else begins."""
    notes = trained(run)
    for (first, worker), (second, other) in zip(notes[::2], notes[1::2], strict=False):
        assert (first, second, worker) == ("begin", "end", other), notes


def wait_until_settled(run: Path) -> str:
    # Twice, with a moment between: a worker may be on its way.
    for _ in range(2):
        wait_until(lambda: settled(run), f"{run} had settled", every=0.02)
        time.sleep(0.05)
    return run_folder.status(run).state


def test_two_servers_that_resume_a_run_at_once_start_it_once(two: Two) -> None:
    for _ in range(5):
        run = paused(two.root)
        two.do(run, (0, 0, "resume"), (1, 0, "resume"))
        assert wait_until_settled(run) == "running"
        assert len(trained(run)) == 1
        two.do(run, (0, 0, "stop"), (1, 0, "stop"))
        assert wait_until_settled(run) == "stopped"
        assert_one_at_a_time(run)


def test_two_servers_that_are_asked_for_runs_at_once_train_each_of_them(two: Two) -> None:
    config = paused(two.root)
    made = two.do(config, (0, 0, "submit"), (1, 0, "submit"), (0, 0, "submit"))
    assert len(set(made)) == 3
    for run in map(Path, made):
        assert wait_until_settled(run) == "running"
        two.do(run, (1, 0, "stop"))
        assert wait_until_settled(run) == "stopped"
        assert len(trained(run)) == 2
        assert_one_at_a_time(run)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_two_tabs_ask_at_once_a_run_ends_as_one_of_them_wanted(two: Two, seed: int) -> None:
    draw = random.Random(seed)
    run = paused(two.root)
    state = "paused"
    for _ in range(3):
        wanted = [
            (server, draw.choice([0, 0, 0.003, 0.03]), draw.choice(["resume", "pause", "stop"]))
            for server in (0, 1)
            for _ in range(draw.randint(1, 3))
        ]
        two.do(run, *wanted)
        first, second = ([word for server, _wait, word in wanted if server == number] for number in (0, 1))
        legal = outcomes(state, first, second)
        state = wait_until_settled(run)
        assert state in legal, (first, second, trained(run))
        assert_one_at_a_time(run)
    two.do(run, (0, 0, "stop"))
    assert wait_until_settled(run) == "stopped"
    assert len(trained(run)) % 2 == 0
