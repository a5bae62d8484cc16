"""A server in a process of its own: does to runs what it reads, at the moment it is told to.

Each line on its standard input is JSON: ``[moment, wait, action, run]``; it answers each with a line.
Its workers are the real ones but for their training, which is an hour of nothing: so they are forked,
and take no seconds to start. Who trains says so in the run's ``trained.txt``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import types
from pathlib import Path

from core.jobs import processes, run_queue
from core.jobs.run_queue import Ask
from core.runs import records
from core.settings import Settings
from core.worker import __main__ as worker
from core.worker.recorder import Journal


def train(run: Path, journal: Journal, action: Ask) -> None:
    """`core.worker.training.train` without a network."""
    note(run, "begin")
    journal.update(phase="training", epochs=1, epoch=1, step=1)
    (run / "checkpoint.npz").touch()
    while (wanted := action()) != "stop":
        if wanted == "pause":
            note(run, "end")
            if journal.pause(action):
                return
            note(run, "begin")
        time.sleep(0.001)
    note(run, "end")
    journal.end("stopped")


def note(run: Path, event: str) -> None:
    with (run / "trained.txt").open("ab", buffering=0) as file:
        file.write(f"{event} {os.getpid()}\n".encode())


def fork(words: list[str], *_streams: object) -> types.SimpleNamespace:
    """`core.jobs.processes.spawn`."""
    pid = os.fork()
    if pid == 0:
        try:
            os.close(sys.stdout.fileno())  # or whoever waits for an answer would not see this server die
            worker.main(Path(words[0]), int(words[1]))
        finally:
            os._exit(0)
    return types.SimpleNamespace(pid=pid)


def serve() -> None:
    settings = Settings(slots=4, max_waiting=1000)
    for line in sys.stdin:
        moment, wait, action, run = json.loads(line)
        time.sleep(max(0, moment + wait - time.time()))
        match action:
            case "submit":
                answer = str(run_queue.submit(records.config(Path(run)), settings))
            case "resume":
                run_queue.resume(Path(run), settings)
                answer = "done"
            case _:
                {"pause": run_queue.pause, "stop": run_queue.stop}[action](Path(run))
                answer = "done"
        print(answer, flush=True)


if __name__ == "__main__":
    module = types.ModuleType("core.worker.training")
    module.train = train
    sys.modules["core.worker.training"] = module
    processes.spawn = fork
    # Nobody waits for the workers' ends here.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    serve()
