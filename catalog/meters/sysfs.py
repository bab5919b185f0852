"""Reads numbers out of the files that a kernel shows its sensors in."""

from __future__ import annotations

from pathlib import Path

from catalog.errors import MeterFailed


def read_number(file: Path) -> int:
    """Return the whole number in a file.

    Raises:
        MeterFailed: it cannot be read, or holds no number.
    """
    try:
        return int(file.read_text(encoding="ascii"))
    except OSError as e:
        raise MeterFailed(f"{file}: {e.strerror or e}") from e
    except ValueError as e:
        raise MeterFailed(f"{file}: holds no number") from e
