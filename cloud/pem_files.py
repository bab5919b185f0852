"""Certificates and keys in files, checked before grpc sees them."""

from __future__ import annotations

import ssl
from pathlib import Path

from catalog.errors import BadInput


def read_file(path: Path, flag: str) -> bytes:
    """Return what a file holds.

    Raises:
        BadInput: it cannot be read; named by the flag.
    """
    try:
        return path.read_bytes()
    except OSError as e:
        raise BadInput(f"{flag} {path}: {e.strerror}: expected a file that can be read") from e


def check_pair(certificate: Path, key: Path, certificate_flag: str, key_flag: str) -> None:
    """Check what grpc does not, which lets every connection fail instead.

    Raises:
        BadInput: not PEM, an encrypted key, or the two do not match.
    """
    try:
        # The password is never asked for on a terminal: an encrypted key is an error here.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError) as e:
        files = f"{certificate_flag} {certificate}, {key_flag} {key}"
        raise BadInput(f"{files}: expected a PEM certificate and its unencrypted key") from e


def check_authority(path: Path, flag: str) -> None:
    """Check that a file holds certificates.

    Raises:
        BadInput: it does not.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
    except OSError as e:
        raise BadInput(f"{flag} {path}: expected PEM certificates") from e
