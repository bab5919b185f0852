from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.backends.table import open_backend
from catalog.store import Catalog, open_catalog
from catalog.tasks import InputType, Task
from cloud.client import CloudClient
from cloud.hosting import HostedCatalog
from cloud.limits import Limits
from tests.catalog_builder import build_catalog
from tests.cloud.loopback import Loopback, loopback


@pytest.fixture(scope="session")
def small_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalog(tmp_path_factory.mktemp("catalog"))


@pytest.fixture(scope="session")
def opened(small_catalog: Path) -> Catalog:
    return open_catalog(small_catalog)


@pytest.fixture
def two_inputs(opened: Catalog) -> Catalog:
    """The same catalog, with one more input type, a task on it and a variant of that task."""
    contents = opened.contents
    letters = Task("letters", "letter", ("a", "b"))
    variant = replace(contents.variants[0], id="wide/letters", task="letters")
    return Catalog(
        opened.root,
        replace(
            contents,
            input_types=(*contents.input_types, InputType("letter")),
            tasks=(*contents.tasks, letters),
            variants=(*contents.variants, variant),
        ),
    )


@pytest.fixture
def hosted(opened: Catalog) -> Iterator[HostedCatalog]:
    host = HostedCatalog(opened, open_backend("onnxruntime"), math.inf, Limits().batch_windows)
    yield host
    host.close()


@pytest.fixture
def server(hosted: HostedCatalog) -> Iterator[Loopback]:
    with loopback(hosted) as running:
        yield running


@pytest.fixture
def client(server: Loopback) -> Iterator[CloudClient]:
    with CloudClient(server.endpoint) as connected:
        yield connected
