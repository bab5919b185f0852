from __future__ import annotations

import pytest

from catalog.store import Catalog, open_catalog
from tests.catalog_builder import build_catalog


@pytest.fixture(scope="session")
def built_catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A catalog of random weights; do not write into it."""
    return open_catalog(build_catalog(tmp_path_factory.mktemp("built")))
