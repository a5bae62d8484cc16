"""What our processes write beside the folders that they are given, and whom they call: nobody."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from core.config import RunConfig
from core.runs import run_folder
from core.settings import Settings
from core.sweeps import sweeps
from core.sweeps.search_space import Span
from core.sweeps.sweeps import Sweep
from tests.conftest import PATIENCE, Hired, wait_until
from tests.support.browser import answers, free_port

PROJECT = Path(run_folder.__file__).parents[2]
STRACE = shutil.which("strace")

# The embedded digits, see core.data.datasets; Keras's own settings; and of the fonts, what Keras's charts
# need.
MAY_BE_WRITTEN = re.compile(r"\.cache/mnist-lab/mnist-5k\.npz|\.keras/keras\.json|\.cache/matplotlib/.*")


class Newcomer:
    """Somebody with an empty home folder, and a proxy that writes down whom a process wants to call.

    Attributes:
        home: the home folder.
        asked: the first line of each request that reached the proxy.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.asked: list[str] = []
        self.proxy = socket.create_server(("127.0.0.1", 0))
        self._trace = folder / "trace.txt"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                caller, _address = self.proxy.accept()
            except OSError:
                return  # the test is over
            with caller:
                self.asked.append(caller.recv(1000).decode(errors="replace").split("\r")[0])

    def start(self, *words: object, cwd: Path = PROJECT) -> subprocess.Popen[str]:
        proxy = f"http://127.0.0.1:{self.proxy.getsockname()[1]}"
        kept = ("KERAS_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "ORT_DISABLE_TELEMETRY")
        environment = {name: value for name, value in os.environ.items() if name not in kept}
        environment |= {"HOME": str(self.home), "USERPROFILE": str(self.home), "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), proxy)
        watched = [STRACE, "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect", "-o", self._trace] * bool(
            STRACE
        )
        return subprocess.Popen(
            [*map(str, (*watched, sys.executable, *words))],
            cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip

    def run(self, *words: object) -> None:
        process = self.start(*words)
        output, _errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, output

    def is_left_alone(self) -> None:
        """Nobody outside of this machine was called, and the home folder holds what it may, and no more."""
        traced = self._trace.read_text().splitlines() if self._trace.exists() else []
        outside = [line for line in traced if re.search(r"AF_INET6?\b", line) and not _is_here(line)]
        assert self.asked + outside == []
        assert {file for file in self.written if not MAY_BE_WRITTEN.fullmatch(file)} == set()

    @property
    def written(self) -> set[str]:
        """The files in the home folder."""
        return {str(file.relative_to(self.home)) for file in self.home.rglob("*") if file.is_file()}


def _is_here(line: str) -> bool:
    # To port 1, Streamlit sends nothing: it only has the system say by which of its addresses it would.
    return any(sign in line for sign in ("127.0.0.1", '"::1"', "htons(1)"))


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    person = Newcomer(tmp_path)
    yield person
    person.proxy.close()


def test_who_trains_a_network_calls_nobody_and_writes_what_is_said(
    newcomer: Newcomer, runs_folder: Path
) -> None:
    settings = ("hidden_units=4", "training_images=100", "epochs=1")
    newcomer.run("-m", "core", "train", *(word for setting in settings for word in ("--set", setting)))
    assert [run_folder.has_model(run) for run in run_folder.every(runs_folder)] == [True]
    newcomer.is_left_alone()


def test_a_sweep_calls_nobody_and_writes_nothing(newcomer: Newcomer, runs_folder: Path, hired: Hired) -> None:
    """Its runs are trained as any other; so it is stopped before the first."""
    knobs = {"learning_rate": Span(low=0.001, high=0.01), "dropout": Span(low=0, high=0.5)}
    folder = sweeps.submit(Sweep(name="Quiet", base=RunConfig(), knobs=knobs, method="tpe"), Settings())
    sweeps.stop(folder)
    newcomer.run("-m", "core.sweeps.runner", folder)
    assert (run_folder.status(folder).state, run_folder.every(runs_folder)) == ("stopped", [])
    newcomer.is_left_alone()
    assert newcomer.written == set()


LOADS_THE_STARTER = (
    "from core.runs import run_folder; from core.network import predict; predict.load(run_folder.STARTER)"
)


@pytest.mark.parametrize("words", [
    ("-m", "core", "predict", run_folder.STARTER, "digit.png"),
    ("-c", LOADS_THE_STARTER),
    ("-c", f"import benchmarks.understanding; {LOADS_THE_STARTER}"),
])  # fmt: skip
def test_who_reads_a_digit_calls_nobody_and_writes_nothing(
    newcomer: Newcomer, tmp_path: Path, words: tuple[object, ...]
) -> None:
    ink = np.full((140, 140), 255, np.uint8)
    ink[30:110, 60:75] = 0
    Image.fromarray(ink).save(tmp_path / "digit.png")
    newcomer.run(*(tmp_path / word if word == "digit.png" else word for word in words))
    newcomer.is_left_alone()
    assert newcomer.written == set()


def test_a_server_asks_nobody_for_its_address_wherever_it_is_started(
    newcomer: Newcomer, tmp_path: Path
) -> None:
    """Headless and open to all, as in a container; then a page of another site tries to connect."""
    port = free_port()
    options = ("--server.headless=true", f"--server.port={port}", "--server.address=0.0.0.0")
    server = newcomer.start("-m", "streamlit", "run", PROJECT / "app.py", *options, cwd=tmp_path)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}"), "the server answers")
        address = f"ws://127.0.0.1:{port}/_stcore/stream"
        visit(address)
        with pytest.raises(InvalidStatus, match="403"), connect(address, origin="http://elsewhere.example"):
            pass
    finally:
        end(server)
    newcomer.is_left_alone()
    assert newcomer.written == set()


def end(server: subprocess.Popen[str]) -> None:
    """With whoever watches it."""
    if sys.platform == "win32":
        server.kill()
    else:
        os.killpg(server.pid, signal.SIGKILL)
    server.communicate()


def visit(address: str) -> None:
    """Open the app's first page, as a browser does, and wait until it is there."""
    with connect(address, subprotocols=["streamlit"], max_size=None) as server:
        server.send(BackMsg(rerun_script={}).SerializeToString())
        while ForwardMsg.FromString(server.recv(PATIENCE)).WhichOneof("type") != "script_finished":
            pass
