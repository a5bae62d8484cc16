"""Download a file. If the download fails, the error says why, and what to do."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from core.failures import causes
from core.i18n import _
from core.lazy import requests

Progress = Callable[[int, int], None]

_TIMEOUT = 20  # seconds without a byte from the server before a download fails
_CHUNK = 1 << 16  # bytes
_MOST_BYTES = 100_000_000  # much more than any file of a data set
_BEGINNING = 512  # bytes at the beginning of a file, by which a web page is recognised
_AS_IT_IS = {"Accept-Encoding": "identity"}  # a compressed file must not be decompressed on the way
_NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN}
# The errors of OpenSSL for a certificate.
_OUT_OF_DATE = {9, 10}
_OF_ANOTHER_NAME = {62, 64}


class FetchFailed(OSError):
    """A download failed. The message says why, and what to do."""


def download(url: str, target: Path, progress: Progress) -> None:
    """Download a file.

    Args:
        progress: called with the number of bytes so far and the total number of bytes.

    Raises:
        FetchFailed: the download failed. The message says why.
        OSError: the file cannot be written.
    """
    try:
        with requests.get(url, stream=True, timeout=_TIMEOUT, headers=_AS_IT_IS) as response:
            response.raise_for_status()
            _write(response, target, progress)
    except FetchFailed:
        raise
    except requests.RequestException as error:
        raise FetchFailed(_why(url, error)) from error
    except OSError as error:
        if error.errno is not None:
            raise
        # The error of requests if the file in REQUESTS_CA_BUNDLE is missing.
        raise FetchFailed(
            _("The certificates cannot be read. {reason}. Correct REQUESTS_CA_BUNDLE.").format(reason=error)
        ) from error
    _refuse_a_web_page(url, target)


def _write(response: requests.Response, target: Path, progress: Progress) -> None:
    total = response.raw.length_remaining or 0  # not all servers send the size
    done = 0
    with target.open("wb") as file:
        for chunk in response.iter_content(_CHUNK):
            done += file.write(chunk)
            if done > _MOST_BYTES:
                raise FetchFailed(
                    _("{host} sends much more data than the file has. Correct the address.").format(
                        host=_host(response.url)
                    )
                )
            progress(min(done, total or done), total or done)


def _why(url: str, error: requests.RequestException) -> str:
    """Why the download failed, from the errors of `requests` and of the libraries below it."""
    host, proxy, errors = _host(url), _proxy(url), list(causes(error))
    match error:
        case requests.exceptions.ProxyError():
            return _why_no_proxy(host, proxy, errors)
        case requests.exceptions.InvalidURL() | requests.exceptions.InvalidSchema():
            # A text that is not a valid address may contain a password.
            return _(
                "{host} cannot be reached ({reason}). Correct the address, or the address of the proxy in "
                "HTTPS_PROXY, and restart the app."
            ).format(host=host, reason="@" if "@" in str(error) else error)
        case requests.exceptions.SSLError():
            return _why_not_secure(host, errors)
        case requests.HTTPError():
            return _why_no_file(host, proxy, error.response.status_code)
        case requests.TooManyRedirects():
            return _("{host} redirects without end. Correct the address.").format(host=host)
        case requests.Timeout():
            return _(
                "{host} cannot be reached: no data arrived for {n} seconds. The network is slow or blocks "
                "the server, or the server is down. Try again later."
            ).format(host=host, n=_TIMEOUT)
    return _why_no_connection(host, errors)


def _why_no_connection(host: str, errors: list[BaseException]) -> str:
    for cause in errors:
        if isinstance(cause, socket.gaierror):
            return _(
                "{host} cannot be reached: the name is unknown. Check this machine's network and the address."
            ).format(host=host)
        if isinstance(cause, ConnectionRefusedError):
            return _(
                "{host} cannot be reached: it refuses the connection. The server is down, or a firewall "
                "blocks it. Try again later."
            ).format(host=host)
        if isinstance(cause, OSError) and cause.errno in _NO_WAY:
            return _(
                "{host} cannot be reached: there is no route to it. Check this machine's network."
            ).format(host=host)
    return _("The connection to {host} ended before the file was complete. Try again.").format(host=host)


def _why_no_file(host: str, proxy: str, status: int) -> str:
    if status == requests.codes.proxy_authentication_required:
        return _password_wanted(proxy)
    return _("The server at {host} sent status {status} instead of the file.").format(
        host=host, status=status
    )


def _why_no_proxy(host: str, proxy: str, errors: list[BaseException]) -> str:
    tunnel = [str(cause) for cause in errors if str(cause).startswith("Tunnel connection failed")]
    if any(" 407 " in words for words in tunnel):
        return _password_wanted(proxy)
    if tunnel:
        return _(
            "The proxy {proxy} does not connect to {host}: {reason}. Ask the administrator of the proxy."
        ).format(proxy=proxy, host=host, reason=tunnel[0].partition(": ")[2])
    return _(
        "{host} cannot be reached: the proxy {proxy} does not answer. Correct HTTPS_PROXY or this "
        "machine's proxy settings, and restart the app."
    ).format(host=host, proxy=proxy)


def _password_wanted(proxy: str) -> str:
    return _(
        "The proxy {proxy} requires a name and a password. Set HTTPS_PROXY to "
        "http://NAME:PASSWORD@{proxy}, and restart the app."
    ).format(proxy=proxy)


def _why_not_secure(host: str, errors: list[BaseException]) -> str:
    failed = [cause for cause in errors if isinstance(cause, ssl.SSLError)]
    refused = [cause.verify_code for cause in failed if isinstance(cause, ssl.SSLCertVerificationError)]
    if not refused:
        return _(
            "No secure connection to {host} is possible ({reason}). A proxy or a firewall may block "
            "it, or the server does not support it."
        ).format(host=host, reason=failed[0].reason if failed else errors[-1])
    if refused[0] in _OUT_OF_DATE:
        return _(
            "The certificate of {host} is out of date, or this machine's clock is wrong. Set the clock, or "
            "try again later."
        ).format(host=host)
    if refused[0] in _OF_ANOTHER_NAME:
        return _(
            "The certificate of {host} was issued for another name, so another server answers. If this "
            "network requires a login, open any page in a browser, log in, and try again."
        ).format(host=host)
    return _(
        "This machine does not trust the certificate of {host}. The cause is often a proxy or a "
        "virus scanner that checks the traffic. Set REQUESTS_CA_BUNDLE to the file of its "
        "certificate, and restart the app."
    ).format(host=host)


def _refuse_a_web_page(url: str, file: Path) -> None:
    """A network that requires a login answers every request with its own page."""
    with file.open("rb") as opened:
        beginning = opened.read(_BEGINNING).lstrip().lower()
    if beginning.startswith((b"<!doctype html", b"<html")):
        raise FetchFailed(
            _(
                "{host} sent a web page instead of the file. If this network requires a login, open any "
                "page in a browser, log in, and try again."
            ).format(host=_host(url))
        )


def _proxy(url: str) -> str:
    """The proxy for this address, as HOST:PORT; "" for none."""
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)) or ""
    return _host(proxy)


def _host(url: str) -> str:
    # Without the name and password that the address may contain.
    return urlsplit(url).netloc.rpartition("@")[2]
