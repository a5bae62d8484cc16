"""A file that does not come: what lies in the way is said by name, and what to do about it."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from core.data import download
from core.data.download import FetchFailed

Talk = Callable[[socket.socket], None]
HERE = "127.0.0.1"


@contextlib.contextmanager
def listening(talk: Talk) -> Iterator[str]:
    """A server that talks like this to everybody who connects. Its address, as HOST:PORT."""
    with socket.create_server((HERE, 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _address = server.accept()
                    with connection, contextlib.suppress(OSError):
                        talk(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"{HERE}:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def answering(head: str, body: bytes = b"", size: int | None = None) -> Talk:
    """HTTP: this status with these headers, and a body that is said to be so long."""
    length = len(body) if size is None else size

    def talk(connection: socket.socket) -> None:
        connection.recv(4096)
        # Or the next request may come on this connection, which ends here.
        lines = (f"HTTP/1.1 {head}", "Connection: close", f"Content-Length: {length}", "", "")
        connection.sendall("\r\n".join(lines).encode() + body)

    return talk


def silent(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def secure(certificate: trustme.LeafCert, then: Talk, *, proxy: bool = False) -> Talk:
    """TLS with this certificate; as a proxy that reads along, after it was asked to connect."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)

    def talk(connection: socket.socket) -> None:
        if proxy:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as secured:
            then(secured)

    return talk


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy is set, and nobody waits long."""
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(download, "_TIMEOUT", 0.5)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def reason(url: str, folder: Path) -> str:
    """Why the file does not come from there."""
    with pytest.raises(FetchFailed) as failed:
        download.download(url, folder / "file", lambda done, total: None)
    return str(failed.value)


LOG_IN = " If this network requires a login, open any page in a browser, log in, and try again."


@pytest.mark.parametrize(("talk", "expected"), [
    (silent, "{there} cannot be reached: no data arrived for 0.5 seconds. The network is slow or blocks the "
             "server, or the server is down. Try again later."),
    (answering("404 Not Found"), "The server at {there} sent status 404 instead of the file."),
    (answering("503 Service Unavailable"), "The server at {there} sent status 503 instead of the file."),
    (answering("200 OK", b"PK too short", 100),
     "The connection to {there} ended before the file was complete. Try again."),
    (lambda connection: None, "The connection to {there} ended before the file was complete. Try again."),
    (answering("200 OK", b"\n<!DOCTYPE HTML><title>Welcome</title>"),
     "{there} sent a web page instead of the file." + LOG_IN),
    (answering("302 Found\r\nLocation: /login"),
     "{there} redirects without end. Correct the address."),
])  # fmt: skip
def test_what_a_server_does_wrong_is_said(talk: Talk, expected: str, tmp_path: Path) -> None:
    with listening(talk) as there:
        assert reason(f"http://{there}/file", tmp_path) == expected.format(there=there)


def test_a_server_that_is_not_there_is_told_from_a_name_that_is_not(tmp_path: Path) -> None:
    with socket.create_server((HERE, 0)) as free:
        there = f"{HERE}:{free.getsockname()[1]}"
    assert reason(f"http://operator:secret@{there}/file", tmp_path) == (
        f"{there} cannot be reached: it refuses the connection. The server is down, or a firewall blocks it. "
        "Try again later."
    )
    # Of an interface that is not there: no name server has to be asked to know that this is nobody's.
    assert reason("http://[fe80::1%25nowhere]/file", tmp_path).endswith(
        " cannot be reached: the name is unknown. Check this machine's network and the address."
    )


def test_an_address_that_is_none_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cannot be reached (No connection adapters were found" in reason(
        "gopher://data.example/f", tmp_path
    )
    monkeypatch.setenv("HTTP_PROXY", "spdy://proxy.example:1")
    sentence = reason("http://data.example/file", tmp_path)
    assert sentence.startswith("data.example cannot be reached (Proxy URL had unsupported scheme spdy")
    assert sentence.endswith("or the address of the proxy in HTTPS_PROXY, and restart the app.")


def test_a_server_that_sends_without_end_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_MOST_BYTES", 1_000_000)

    def endless(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65_536))

    with listening(endless) as there:
        assert reason(f"http://{there}/file", tmp_path) == (
            f"{there} sends much more data than the file has. Correct the address."
        )
    assert (tmp_path / "file").stat().st_size < 2_000_000


# --------------------------------------------------------------------------------------------- certificates


def test_a_certificate_says_what_is_wrong_with_it(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    good = answering("200 OK", b"the file")
    old = datetime(2020, 1, 1, tzinfo=UTC)
    with listening(secure(trustme.CA().issue_cert(HERE), good)) as there:
        assert reason(f"https://{there}/file", tmp_path) == (
            f"This machine does not trust the certificate of {there}. The cause is often a proxy or a virus "
            "scanner that checks the traffic. Set REQUESTS_CA_BUNDLE to the file of its certificate, and "
            "restart the app."
        )
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with listening(secure(authority.issue_cert(HERE, not_after=old), good)) as there:
        assert reason(f"https://{there}/file", tmp_path) == (
            f"The certificate of {there} is out of date, or this machine's clock is wrong. Set the clock, or "
            "try again later."
        )
    with listening(secure(authority.issue_cert("login.example"), good)) as there:
        assert reason(f"https://{there}/file", tmp_path) == (
            f"The certificate of {there} was issued for another name, so another server answers." + LOG_IN
        )
    with listening(answering("400 Bad Request")) as there:
        assert reason(f"https://{there}/file", tmp_path).startswith(
            f"No secure connection to {there} is possible (WRONG_VERSION_NUMBER). A proxy or a firewall"
        )
    # And with what is advised, it comes.
    with listening(secure(authority.issue_cert(HERE), good)) as there:
        download.download(f"https://{there}/file", tmp_path / "file", lambda done, total: None)
    assert (tmp_path / "file").read_bytes() == b"the file"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))
    sentence = reason("https://data.example/file", tmp_path)
    assert "nowhere.pem" in sentence
    assert sentence.endswith("Correct REQUESTS_CA_BUNDLE.")


# --------------------------------------------------------------------------------------------------- proxies


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_dead_is_named_without_its_password(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((HERE, 0)) as free:
        there = f"{HERE}:{free.getsockname()[1]}"
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://operator:secret@{there}/")
    assert reason(f"{scheme}://data.example/file", tmp_path) == (
        f"data.example cannot be reached: the proxy {there} does not answer. Correct HTTPS_PROXY or this "
        "machine's proxy settings, and restart the app."
    )


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password_says_so(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = answering("407 Proxy Authentication Required\r\nProxy-Authenticate: Basic")
    with listening(wanted) as there:
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://operator:wrong@{there}")
        assert reason(f"{scheme}://data.example/file", tmp_path) == (
            f"The proxy {there} requires a name and a password. Set HTTPS_PROXY to "
            f"http://NAME:PASSWORD@{there}, and restart the app."
        )


def test_a_proxy_that_refuses_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(answering("403 Forbidden")) as there:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{there}")
        assert reason("https://data.example/file", tmp_path) == (
            f"The proxy {there} does not connect to data.example: 403 Forbidden. Ask the administrator of "
            "the proxy."
        )


def test_a_proxy_that_reads_along_is_let_through_with_its_certificate(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = secure(authority.issue_cert("data.example"), answering("200 OK", b"the file"), proxy=True)
    with listening(forged) as there:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{there}")
        assert "does not trust the certificate of data.example. The cause is often a proxy" in reason(
            "https://data.example/file", tmp_path
        )
        authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
        download.download("https://data.example/file", tmp_path / "file", lambda done, total: None)
    assert (tmp_path / "file").read_bytes() == b"the file"


# ------------------------------------------------------------------------------------- whatever else comes


@given(st.binary(max_size=300))
def test_whatever_a_server_answers_is_a_file_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, answer: bytes
) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    target = tmp_path_factory.getbasetemp() / f"whatever-{os.getpid()}"
    with listening(talk) as there:
        try:
            download.download(f"http://{there}/file", target, lambda done, total: None)
        except FetchFailed as error:
            message = str(error)
        else:
            message = there
    assert there in message
