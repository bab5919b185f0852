"""Data that is not part of the project: tests on it are skipped, with the reason, where it is absent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


def outside_file(name: str) -> Path:
    """Return a file below the folder that MCDNN_DATA names, or skip the test."""
    return _present(name, Path.is_file)


def outside_folder(name: str) -> Path:
    """Return a folder below the folder that MCDNN_DATA names, or skip the test."""
    return _present(name, Path.is_dir)


def _present(name: str, is_there: Callable[[Path], bool]) -> Path:
    root = os.environ.get("MCDNN_DATA")
    if not root:
        pytest.skip("MCDNN_DATA is not set: docs/data.md says where the data comes from")
    path = Path(root) / name
    if not is_there(path):
        pytest.skip(f"{path} is missing: docs/data.md says where the data comes from")
    return path
