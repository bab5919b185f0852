"""What a device shows to a server, and how it makes sure of the server: TLS, certificates, a token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from catalog.errors import BadInput
from cloud.endpoint import Endpoint
from cloud.pem_files import check_authority, check_pair, read_file

TOKEN_KEY = "authorization"
SCHEME = "Bearer "


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a device shows to a server.

    Args:
        encrypted: whether to connect by TLS.
        ca: PEM of who signs servers' certificates; None for those that the system trusts.
        certificate: PEM of the device's own, with its key; None for none.
        key: PEM.
        token: None for none.
    """

    encrypted: bool = False
    ca: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = None
    token: str | None = None

    def check(self, endpoint: Endpoint) -> None:
        """Check that these may be shown to a server.

        Raises:
            BadInput: a token would travel unencrypted between machines.
        """
        if self.token is not None and not (self.encrypted or endpoint.loopback):
            raise BadInput(f"cloud {endpoint}: a token would travel unencrypted: connect by TLS")

    def channel(self, endpoint: Endpoint, options: Sequence[tuple[str, int]]) -> grpc.Channel:
        """Return a channel to a server.

        Raises:
            BadInput: a token would travel unencrypted between machines.
        """
        self.check(endpoint)
        if self.encrypted:
            credentials = grpc.ssl_channel_credentials(self.ca, self.key, self.certificate)
            return grpc.secure_channel(str(endpoint), credentials, options)
        return grpc.insecure_channel(str(endpoint), options)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with every call."""
        return () if self.token is None else ((TOKEN_KEY, SCHEME + self.token),)


PLAIN = Credentials()


def uses_tls(endpoint: Endpoint, asked: bool | None, certificates: bool) -> bool:
    """Return whether to encrypt: where that is asked or certificates are named, else beyond this machine.

    Args:
        asked: None where nothing is said.
        certificates: whether any is named.
    """
    return certificates or (not endpoint.loopback if asked is None else asked)


def read_credentials(
    ca: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    token_file: Path | None = None,
    encrypted: bool = True,
) -> Credentials:
    """Read what a device shows to a server.

    Args:
        ca: PEM of who signs servers' certificates; None for those that the system trusts.
        certificate: PEM of the device's own; with key or not at all.
        key: PEM, not encrypted.
        token_file: holds the token and nothing else.
        encrypted: whether to connect by TLS; needed for the others but the token.

    Raises:
        BadInput: a file cannot be read or holds something else.
    """
    if (certificate is None) != (key is None):
        raise BadInput("cloud: a certificate and its key: expected both or neither")
    if not encrypted and (ca or certificate):
        raise BadInput("cloud: certificates without TLS: expected encrypted, or none of them")
    if ca is not None:
        check_authority(ca, "cloud ca")
    if certificate is not None and key is not None:
        check_pair(certificate, key, "cloud certificate", "cloud key")
    token = None
    if token_file is not None:
        token = read_file(token_file, "cloud token").decode(errors="replace").strip()
        if not (token.isascii() and len(token.split()) == 1):
            raise BadInput(f"cloud token {token_file}: expected one line with the token")
    own = _pem(certificate, "cloud certificate"), _pem(key, "cloud key")
    return Credentials(encrypted, _pem(ca, "cloud ca"), *own, token)


def _pem(path: Path | None, flag: str) -> bytes | None:
    return None if path is None else read_file(path, flag)
