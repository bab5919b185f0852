from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.catalog_builder import build_catalog


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole catalog that no test may change."""
    return build_catalog(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def root(pristine: Path, tmp_path: Path) -> Path:
    """A copy of the catalog that a test may damage."""
    return Path(shutil.copytree(pristine, tmp_path / "catalog"))
