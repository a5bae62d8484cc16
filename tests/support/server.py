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
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from core.jobs import executor, run_queue
from core.jobs.local import Local
from core.runs import records
from core.settings import Settings
from core.worker import __main__ as worker
from tests.support import light


def fork(module: str, words: Sequence[str], _output: object) -> Any:
    """`core.jobs.local.spawn`, of a worker."""
    assert module == "core.worker"
    pid = os.fork()
    if pid == 0:
        try:
            os.close(sys.stdout.fileno())  # or whoever waits for an answer would not see this server die
            worker.print_to = lambda _file: None
            if words[0] == "--conclude":
                worker.attempt(Path(words[1]))
            else:
                worker.main(
                    Settings.model_validate_json(words[0]), Path(words[1]), Local(attends=False, start=fork)
                )
        finally:
            os._exit(0)
    return Forked(pid)


class Forked(NamedTuple):
    pid: int

    def poll(self) -> int | None:
        return None if psutil.pid_exists(self.pid) else 0


def serve() -> None:
    settings = Settings(slots=4, max_waiting=1000, warm_minutes=0)
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
    light.install()
    # Nobody waits for the workers' ends here.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with executor.using(Local(start=fork)):
        serve()
