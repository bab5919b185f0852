from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.store import Catalog, open_catalog
from specializer.background_trainer import BackgroundHeadTrainer
from specializer.errors import TrainerBroke, TrainerBusy, TrainingFailed, TrainingLate
from specializer.training_process import NICENESS
from tests.catalog_builder import build_catalog
from tests.specializer.head_trainer_contract import ORDER, PATIENCE_S, HeadTrainerContract, outcome, until


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return open_catalog(build_catalog(tmp_path_factory.mktemp("catalog")))


@pytest.fixture(scope="module")
def trainer(catalog: Catalog) -> Iterator[BackgroundHeadTrainer]:
    made = BackgroundHeadTrainer(catalog, most_waiting=2)
    yield made
    made.close()


@pytest.fixture
def closable(catalog: Catalog) -> Iterator[BackgroundHeadTrainer]:
    made = BackgroundHeadTrainer(catalog)
    yield made
    made.close()


@pytest.fixture
def process(trainer: BackgroundHeadTrainer) -> int:
    """The process, once it is ready."""
    outcome(trainer.begin(ORDER))
    found = trainer.process_id
    assert found is not None
    return found


def status_of(process: int, field: str) -> str:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(field))


class TestBackgroundHeadTrainer(HeadTrainerContract):
    pass


def test_it_gives_way_and_has_one_thread(trainer: BackgroundHeadTrainer, process: int) -> None:
    own, lowest = os.getpriority(os.PRIO_PROCESS, 0), 19
    assert os.getpriority(os.PRIO_PROCESS, process) == min(own + NICENESS, lowest)
    assert status_of(process, "Threads") == "1"


def test_the_process_stays_for_the_next_order(trainer: BackgroundHeadTrainer, process: int) -> None:
    for seed in range(2):
        outcome(trainer.begin(replace(ORDER, seed=seed)))
    assert trainer.process_id == process


def test_a_killed_process_fails_its_order_and_the_next_one_finds_a_fresh_one(
    trainer: BackgroundHeadTrainer, process: int
) -> None:
    os.kill(process, signal.SIGSTOP)
    begun = trainer.begin(ORDER)
    until(begun.running)
    os.kill(process, signal.SIGKILL)
    with pytest.raises(TrainerBroke, match="ended by signal 9"):
        outcome(begun)
    assert outcome(trainer.begin(ORDER)).head.dominant == (7, 2)
    assert trainer.process_id != process


def test_a_process_that_hangs_is_replaced_at_the_deadline(
    trainer: BackgroundHeadTrainer, process: int
) -> None:
    os.kill(process, signal.SIGSTOP)
    first = trainer.begin(replace(ORDER, deadline_s=0.2))
    behind = trainer.begin(replace(ORDER, deadline_s=0.1))
    for begun in (behind, first):
        with pytest.raises(TrainingLate, match="head of wide/identity: not trained within"):
            outcome(begun)
    assert outcome(trainer.begin(ORDER)).head.dominant == (7, 2)
    until(lambda: not Path(f"/proc/{process}").exists())


def used_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(("kill", "kind"), [(True, TrainerBroke), (False, TrainingLate)])
def test_what_a_training_took_that_gave_no_head_is_told(
    closable: BackgroundHeadTrainer, kill: bool, kind: type[TrainingFailed]
) -> None:
    begun = closable.begin(replace(ORDER, deadline_s=PATIENCE_S if kill else 3.0))
    until(lambda: begun.running() and closable.process_id is not None)
    process = closable.process_id
    assert process is not None
    before_s = used_s(process)
    until(lambda: used_s(process) >= before_s + 0.05)  # it takes more than that to begin
    os.kill(process, signal.SIGSTOP)
    if kill:
        os.kill(process, signal.SIGKILL)
    error = begun.exception(2.0 * PATIENCE_S)
    assert isinstance(error, kind)
    (effort,) = error.efforts
    assert 0.03 < effort.processor_s < 3.0


def test_an_order_whose_turn_never_came_took_nothing(trainer: BackgroundHeadTrainer, process: int) -> None:
    os.kill(process, signal.SIGSTOP)
    first = trainer.begin(ORDER)
    behind = trainer.begin(replace(ORDER, deadline_s=0.1))
    error = behind.exception(2.0 * PATIENCE_S)
    os.kill(process, signal.SIGCONT)
    assert isinstance(error, TrainingLate)
    assert error.efforts == ()
    outcome(first)


def test_the_queue_is_bounded_and_what_is_cancelled_leaves_it(
    trainer: BackgroundHeadTrainer, process: int
) -> None:
    os.kill(process, signal.SIGSTOP)
    first = trainer.begin(ORDER)
    until(first.running)
    cancelled, last = trainer.begin(ORDER), trainer.begin(replace(ORDER, seed=9))
    with pytest.raises(TrainerBusy) as refused:
        trainer.begin(ORDER).result(0.0)
    assert refused.value.retry_after_s > 0.0
    assert cancelled.cancel()
    instead = trainer.begin(ORDER)
    assert not instead.done()
    os.kill(process, signal.SIGCONT)
    assert outcome(first).head.dominant == outcome(last).head.dominant == outcome(instead).head.dominant
    assert trainer.waiting == 0


def test_its_process_ends_with_it(closable: BackgroundHeadTrainer) -> None:
    until(lambda: closable.process_id is not None)
    process = closable.process_id
    closable.close()
    assert closable.process_id is None
    assert not Path(f"/proc/{process}").exists()


def test_an_idle_process_gives_its_memory_back_and_the_next_order_finds_another(catalog: Catalog) -> None:
    made = BackgroundHeadTrainer(catalog, idle_s=0.2)
    for _ in range(2):
        assert outcome(made.begin(ORDER)).head.dominant == (7, 2)
        until(lambda: made.process_id is None)
    made.close()
