"""A local site with files to fetch."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer


@contextlib.contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """A real server on this machine, by its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/mnist.npz"
        finally:
            server.shutdown()
            thread.join()


class Folder(SimpleHTTPRequestHandler):
    """Serves the files of a folder, and keeps count."""

    requests = 0

    def do_GET(self) -> None:
        Folder.requests += 1
        super().do_GET()

    def log_message(self, *_args: object) -> None:
        pass
