"""Tokens that let somebody in: names by token, of which only digests are kept."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from catalog.errors import BadInput
from cloud.pem_files import read_file

_LEAST_TOKEN_CHARS = 16


class Tokens:
    """Knows whose a token is.

    Args:
        by_token: names of devices or people.
    """

    def __init__(self, by_token: dict[str, str]) -> None:
        self._names = [(_digest(token), name) for token, name in by_token.items()]

    def name_of(self, token: str) -> str | None:
        """Return whose a token is, None for an unknown one; takes as long whatever it is."""
        digest = _digest(token)
        return self._first([(hmac.compare_digest(known, digest), name) for known, name in self._names])

    def seal(self, token: str, text: str) -> str:
        """Return what proves, without telling the token, that who wrote the text has it."""
        return _seal(_digest(token), text)

    def sealed_by(self, text: str, seal: str) -> str | None:
        """Return whose token sealed a text, None for no known one; takes as long whatever it is."""
        given = seal.encode()
        return self._first(
            [(hmac.compare_digest(_seal(known, text).encode(), given), name) for known, name in self._names]
        )

    @staticmethod
    def _first(matches: list[tuple[bool, str]]) -> str | None:
        return next((name for matched, name in matches if matched), None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _seal(digest: bytes, text: str) -> str:
    return hmac.new(digest, text.encode(), hashlib.sha256).hexdigest()


def read_tokens(path: Path, flag: str = "--token-file") -> Tokens:
    """Read a file with one NAME:TOKEN a line; empty lines and those that begin with # are passed over.

    Args:
        flag: by which it was given, for errors.

    Raises:
        BadInput: it cannot be read, or a line is something else; the error never tells a token.
    """
    by_token: dict[str, str] = {}
    for number, line in enumerate(read_file(path, flag).decode(errors="replace").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, _, token = (part.strip() for part in text.partition(":"))
        where = f"{flag} {path}: line {number}"
        if not name or len(token) < _LEAST_TOKEN_CHARS or not token.isascii():
            least = f"{_LEAST_TOKEN_CHARS} characters or more"
            raise BadInput(f"{where}: expected NAME:TOKEN, the token of {least}")
        if token in by_token:
            raise BadInput(f"{where}: the token of {by_token[token]} again: expected one a name")
        by_token[token] = name
    if not by_token:
        raise BadInput(f"{flag} {path}: no token in it: expected one NAME:TOKEN a line")
    return Tokens(by_token)
