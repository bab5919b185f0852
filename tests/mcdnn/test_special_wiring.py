"""Where heads are trained, as a configuration has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.scheduling.problem import Budget
from mcdnn.engine_file import parse_engine_table
from mcdnn.special_wiring import head_trainer, training_prices
from mcdnn.wiring import Setup, open_setup
from specializer.head_trainer import TrainingResult
from tests.catalog_builder import build_catalog
from tests.cloud.serving import ServeProcess
from tests.specializer.head_trainer_contract import ORDER, outcome


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalog(tmp_path_factory.mktemp("catalog"))


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServeProcess]:
    with ServeProcess(folder) as process:
        yield process


def setup_of(folder: Path, **tables: object) -> Setup:
    return open_setup(parse_engine_table({"catalog": str(folder), **tables}, "test"))


def trained(setup: Setup, budget: Budget) -> TrainingResult:
    with closing(head_trainer(setup, training_prices(setup, budget))) as trainer:
        return outcome(trainer.begin(ORDER))


def test_a_head_is_trained_by_a_server_where_that_is_cheaper(folder: Path, server: ServeProcess) -> None:
    setup = setup_of(folder, cloud={"endpoint": str(server.endpoint), "usd_per_s": 1e-6})
    result = trained(setup, Budget(energy_j=1000.0, cost_usd=1.0))
    assert min(result.up_bytes, result.down_bytes) > 0


def test_a_head_is_trained_here_where_only_money_is_short(folder: Path, server: ServeProcess) -> None:
    setup = setup_of(folder, cloud={"endpoint": str(server.endpoint), "usd_per_s": 1e-6})
    result = trained(setup, Budget(cost_usd=1.0))
    assert result.up_bytes == result.down_bytes == 0


def test_a_head_is_trained_here_where_the_server_is_gone_or_none_is_configured(folder: Path) -> None:
    gone = setup_of(folder, cloud={"endpoint": "127.0.0.1:1"})
    for setup in (gone, setup_of(folder)):
        result = trained(setup, Budget(energy_j=1000.0, cost_usd=1.0))
        assert result.up_bytes == result.down_bytes == 0
