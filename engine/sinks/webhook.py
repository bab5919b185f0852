"""Results posted as JSON to a web address: one connection, kept open, and every wait bounded."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from catalog.errors import BadInput
from engine.errors import RecipientAway, ResultsRefused
from engine.sinks.dated_results import DatedResult, dated_to_row

_TRIED_AGAIN = (401, 403, 404, 407, 408, 425, 429)
_LONGEST_PAUSE_S = 3600.0
_MOST_ANSWER_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class WebAddress:
    """Where to post, of which only the first half may be shown: paths and queries hold secrets.

    Args:
        scheme: "http" or "https".
        host: name or address.
        port: of the server.
        target: path and query.
    """

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_web_address(url: str, where: str) -> WebAddress:
    """Read a URL.

    Args:
        url: never shown, since it may be a secret.
        where: key that it was given by, for the error.

    Raises:
        BadInput: it is none, or holds a user name.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as e:
        raise BadInput(f"{where}: not a URL: {e}") from e
    if parts.scheme not in ("http", "https") or not host:
        raise BadInput(f"{where}: expected a URL like https://example.org/results")
    if not _is_host(host):
        raise BadInput(f"{where}: its host is none that a name server could know")
    if parts.username is not None:
        raise BadInput(f"{where}: a user name in it: put what lets this device in into headers or token_file")
    if not url.isascii() or any(c.isspace() for c in url):
        raise BadInput(f"{where}: expected no spaces and no letters that are not ASCII")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebAddress(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target)


def _is_host(host: str) -> bool:
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


class Webhook:
    """A recipient that posts each batch as a JSON array of results.

    2xx is success. 408, 425, 429 and 5xx are tried again, not before Retry-After; so is whatever the
    network does, and so are 401, 403, 404 and 407, which say nothing of the results: a token that has
    expired is renewed at the other side. Any other answer, redirections included, means that the same
    would come again.

    Args:
        address: where to.
        headers: sent with every request; never shown.
        timeout_s: for a request in all, from connecting to the last byte of the answer.
        ca: PEM file of who signed the server's certificate; those that the system trusts by default.
    """

    def __init__(
        self, address: WebAddress, headers: Mapping[str, str], timeout_s: float, ca: Path | None = None
    ) -> None:
        self._address = address
        self._headers = {"Content-Type": "application/json", "User-Agent": "mcdnn", **headers}
        self._timeout_s = timeout_s
        self._tls = None if address.scheme == "http" else ssl.create_default_context(cafile=ca)
        self._connection: http.client.HTTPConnection | None = None
        self._cut_off = False

    def deliver(self, results: Sequence[DatedResult]) -> None:
        """Post a batch; see Recipient."""
        body = orjson.dumps([dated_to_row(r) for r in results])
        try:
            status, retry_after = self._posted(body)
        except (OSError, http.client.HTTPException) as e:
            self.close()
            raise self._away(e) from e
        if status in _TRIED_AGAIN or status >= 500:
            raise RecipientAway(f"{self._address} answers {status}", pause_asked_s(retry_after))
        if not 200 <= status < 300:
            raise ResultsRefused(f"answered {status}")

    def interrupt(self) -> None:
        """Cut the connection; see Recipient."""
        self._cut_off = True
        self._cut(self._connection)

    def close(self) -> None:
        """Close the connection; see Recipient."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _posted(self, body: bytes) -> tuple[int, str | None]:
        """Post; where the server had closed an idle connection, once more on a new one."""
        kept = self._connection is not None
        try:
            return self._post(body)
        except (BrokenPipeError, ConnectionResetError):
            if not kept or self._cut_off:
                raise
        self.close()
        return self._post(body)

    def _post(self, body: bytes) -> tuple[int, str | None]:
        """Return the answer's status and its Retry-After."""
        connection = self._connection = self._connection or self._connect()
        # Time-outs of a socket are for each read: a server that sends a byte now and then would hold
        # the request for ever. What was cut looks like an answer that ended.
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self._cut(connection)

        watch = threading.Timer(self._timeout_s, give_up)
        watch.daemon = True
        watch.start()
        try:
            connection.request("POST", self._address.target, body, self._headers)
            response = connection.getresponse()
            response.read(_MOST_ANSWER_BYTES)
        finally:
            watch.cancel()
        if late.is_set() or self._cut_off:
            raise TimeoutError
        if response.will_close or not response.isclosed():
            self.close()
        return response.status, response.headers.get("Retry-After")

    def _connect(self) -> http.client.HTTPConnection:
        host, port, timeout_s = self._address.host, self._address.port, self._timeout_s
        if self._tls is None:
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=self._tls)

    def _cut(self, connection: http.client.HTTPConnection | None) -> None:
        sock = None if connection is None else connection.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _away(self, cause: Exception) -> RecipientAway:
        """Say what happened, without anything of the request."""
        if isinstance(cause, TimeoutError):
            return RecipientAway(f"{self._address}: no answer within {self._timeout_s:g} s")
        if isinstance(cause, ssl.SSLCertVerificationError):
            return RecipientAway(f"{self._address}: its certificate is not trusted: {cause.verify_message}")
        if isinstance(cause, OSError) and cause.strerror:
            return RecipientAway(f"{self._address}: {cause.strerror}")
        return RecipientAway(f"{self._address}: broke off ({type(cause).__name__})")


def pause_asked_s(retry_after: str | None) -> float:
    """Return the seconds that Retry-After asks for (RFC 9110, section 10.2.3), an hour at most; else 0."""
    if retry_after is None:
        return 0.0
    if retry_after.strip().isdigit():
        return min(float(retry_after), _LONGEST_PAUSE_S)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    left_s = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(left_s, 0.0), _LONGEST_PAUSE_S)
