"""Heads that a server trains: the contract of every trainer, and what may go wrong on the way."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest

from catalog.heads import HeadWeights
from catalog.store import Catalog, open_catalog
from cloud.endpoint import Endpoint
from cloud.head_messages import special_head_to_proto
from cloud.head_training import CatalogTraining
from cloud.remote_trainer import RemoteHeadTrainer
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.rpc.v1.classify_pb2_grpc import OffloadServicer, add_OffloadServicer_to_server
from specializer.background_trainer import BackgroundHeadTrainer
from specializer.cascade import CascadeRates
from specializer.errors import HeadRejected, NotTrainable, TrainerBroke, TrainerBusy, TrainingLate
from specializer.special_head import SpecialHead
from tests.catalog_builder import build_catalog
from tests.cloud.loopback import STEP_LIMIT_S, GatedHost, Loopback, loopback
from tests.cloud.serving import ServeProcess
from tests.cloud.test_head_messages import a_message
from tests.cloud.test_operating import scraped
from tests.specializer.head_trainer_contract import ORDER, HeadTrainerContract, outcome, until


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return open_catalog(build_catalog(tmp_path_factory.mktemp("catalog")))


@pytest.fixture(scope="module")
def behind(catalog: Catalog) -> Iterator[BackgroundHeadTrainer]:
    """What trains behind the server."""
    made = BackgroundHeadTrainer(catalog, most_waiting=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def school(catalog: Catalog, behind: BackgroundHeadTrainer) -> Iterator[Loopback]:
    roomy = BackgroundHeadTrainer(catalog)
    with loopback(GatedHost(), training=CatalogTraining(catalog, roomy)) as server:
        yield server
    roomy.close()


@pytest.fixture(scope="module")
def trainer(school: Loopback, catalog: Catalog) -> Iterator[RemoteHeadTrainer]:
    made = RemoteHeadTrainer(school.endpoint, catalog)
    yield made
    made.close()


@pytest.fixture
def closable(school: Loopback, catalog: Catalog) -> Iterator[RemoteHeadTrainer]:
    made = RemoteHeadTrainer(school.endpoint, catalog)
    yield made
    made.close()


@pytest.fixture
def narrow(catalog: Catalog, behind: BackgroundHeadTrainer) -> Iterator[Loopback]:
    """A server with room for one order behind another."""
    with loopback(GatedHost(), training=CatalogTraining(catalog, behind)) as server:
        yield server


@pytest.fixture
def pupil(narrow: Loopback, catalog: Catalog) -> Iterator[RemoteHeadTrainer]:
    with_room = RemoteHeadTrainer(narrow.endpoint, catalog)
    yield with_room
    with_room.close()


@pytest.fixture
def process(pupil: RemoteHeadTrainer, behind: BackgroundHeadTrainer) -> int:
    """The process that trains behind the narrow server, once it is ready."""
    outcome(pupil.begin(ORDER))
    assert behind.process_id is not None
    return behind.process_id


class TestRemoteHeadTrainer(HeadTrainerContract):
    pass


def test_a_remote_head_is_the_one_that_would_be_trained_here(
    trainer: RemoteHeadTrainer, behind: BackgroundHeadTrainer
) -> None:
    there, here = outcome(trainer.begin(ORDER)), outcome(behind.begin(ORDER))
    assert there.head.weights.weight.tobytes() == here.head.weights.weight.tobytes()
    assert there.head.rates == here.head.rates
    assert there.head.others == here.head.others
    assert min(there.up_bytes, there.down_bytes) > 0 == here.up_bytes == here.down_bytes


def test_a_busy_server_says_when_to_come_back_and_a_cancelled_order_makes_room(
    narrow: Loopback, pupil: RemoteHeadTrainer, process: int, behind: BackgroundHeadTrainer
) -> None:
    os.kill(process, signal.SIGSTOP)
    first = pupil.begin(ORDER)
    until(lambda: behind.waiting == 1)
    second = pupil.begin(ORDER)
    until(lambda: behind.waiting == 2)
    with pytest.raises(TrainerBusy) as refused:
        outcome(pupil.begin(ORDER))
    assert refused.value.retry_after_s > 0.0
    second.cancel()
    until(lambda: narrow.trainings == 1)
    os.kill(process, signal.SIGCONT)
    with pytest.raises(TrainerBroke, match="cancelled") as withdrawn:
        outcome(second)
    (sent,) = withdrawn.value.efforts
    assert min(sent.up_bytes, sent.processor_s) > 0.0 == sent.down_bytes
    assert sent.at_most  # nobody told how long the server worked
    assert all(e.processor_s == 0.0 for e in refused.value.efforts)  # it did not
    assert outcome(first).head.dominant == (7, 2)
    assert behind.waiting == 0
    found = scraped(narrow)
    assert found['mcdnn_trainings_total{status="RESOURCE_EXHAUSTED"}'] == 1
    assert found['mcdnn_trainings_total{status="CANCELLED"}'] == 1
    assert found["mcdnn_trainings_waiting"] == 0


def test_the_deadline_travels_and_what_is_late_is_not_trained_on(
    narrow: Loopback, pupil: RemoteHeadTrainer, process: int, behind: BackgroundHeadTrainer
) -> None:
    os.kill(process, signal.SIGSTOP)
    with pytest.raises(TrainingLate):
        outcome(pupil.begin(replace(ORDER, deadline_s=0.2)))
    until(lambda: narrow.trainings == 0 and behind.waiting == 0)
    until(lambda: not Path(f"/proc/{process}").exists())
    assert outcome(pupil.begin(ORDER)).head.dominant == (7, 2)


def test_a_training_process_that_dies_fails_its_order_alone(
    narrow: Loopback, pupil: RemoteHeadTrainer, process: int, behind: BackgroundHeadTrainer
) -> None:
    os.kill(process, signal.SIGSTOP)
    begun = pupil.begin(ORDER)
    until(lambda: behind.waiting == 1)
    os.kill(process, signal.SIGKILL)
    with pytest.raises(TrainerBroke, match="its log says how"):
        outcome(begun)
    assert outcome(pupil.begin(ORDER)).head.dominant == (7, 2)
    logged = json.loads(narrow.lines[-1])
    assert logged["status"] == "INTERNAL"
    assert "ended by signal 9" in logged["error"]


def test_a_stop_lets_an_order_finish_and_takes_no_other(
    catalog: Catalog, behind: BackgroundHeadTrainer
) -> None:
    outcome(behind.begin(ORDER))
    process = behind.process_id
    assert process is not None
    with loopback(GatedHost(), training=CatalogTraining(catalog, behind), drain_s=STEP_LIMIT_S) as server:
        pupil = RemoteHeadTrainer(server.endpoint, catalog)
        os.kill(process, signal.SIGSTOP)
        begun = pupil.begin(ORDER)
        until(lambda: server.trainings == 1)
        stopping = server.begin_stop()
        with pytest.raises(TrainerBroke):
            outcome(pupil.begin(ORDER))
        os.kill(process, signal.SIGCONT)
        assert outcome(begun).head.dominant == (7, 2)
        stopping.result(STEP_LIMIT_S)
        pupil.close()


def test_a_device_with_another_catalog_gets_no_head(school: Loopback, tmp_path: Path) -> None:
    other = RemoteHeadTrainer(school.endpoint, open_catalog(build_catalog(tmp_path, seed=1)))
    with pytest.raises(NotTrainable, match="not in this server's catalog as asked"):
        outcome(other.begin(ORDER))
    other.close()


def test_a_server_without_features_says_so_without_a_path(tmp_path: Path) -> None:
    catalog = open_catalog(build_catalog(tmp_path))
    (tmp_path / "features" / "wide.identity.train.npy").unlink()
    behind = BackgroundHeadTrainer(catalog, idle_s=STEP_LIMIT_S)
    with loopback(GatedHost(), training=CatalogTraining(catalog, behind)) as server:
        pupil = RemoteHeadTrainer(server.endpoint, catalog)
        with pytest.raises(NotTrainable, match="wide/identity: what the catalog holds") as refused:
            outcome(pupil.begin(ORDER))
        pupil.close()
    behind.close()
    assert str(tmp_path) not in str(refused.value)
    assert str(tmp_path) in json.loads(server.lines[0])["error"]


def test_a_server_that_trains_nothing_says_so(catalog: Catalog) -> None:
    with loopback(GatedHost()) as server:
        pupil = RemoteHeadTrainer(server.endpoint, catalog)
        with pytest.raises(NotTrainable, match="this server trains no heads"):
            outcome(pupil.begin(ORDER))
        pupil.close()


def test_a_server_that_is_killed_in_training_fails_the_order_and_the_next_one_is_fulfilled(
    catalog: Catalog,
) -> None:
    with ServeProcess(catalog.root) as server:
        pupil = RemoteHeadTrainer(server.endpoint, catalog)
        begun = pupil.begin(ORDER)
        server.kill()
        with pytest.raises(TrainerBroke):
            outcome(begun)
        endpoint = server.endpoint
    with ServeProcess(catalog.root, endpoint):
        until(lambda: pupil.begin(ORDER).exception(STEP_LIMIT_S) is None)
        pupil.close()


class Answering(OffloadServicer):
    """A server that answers every order with the same message."""

    def __init__(self, message: pb.TrainHeadResponse) -> None:
        self._message = message

    def TrainHead(self, request, context):  # noqa: N802
        return self._message


def answered(service: OffloadServicer, catalog: Catalog) -> BaseException | None:
    server = grpc.server(ThreadPoolExecutor(1))
    add_OffloadServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    pupil = RemoteHeadTrainer(Endpoint("127.0.0.1", port), catalog)
    error = pupil.begin(ORDER).exception(STEP_LIMIT_S)
    pupil.close()
    server.stop(None).wait()
    return error


@pytest.mark.parametrize(
    "message", [pb.TrainHeadResponse(), pb.TrainHeadResponse(head=a_message(), processor_s=1.0)]
)
def test_a_head_that_makes_no_sense_is_none(message: pb.TrainHeadResponse, catalog: Catalog) -> None:
    error = answered(Answering(message), catalog)
    assert isinstance(error, TrainerBroke)
    assert "a head that makes no sense" in str(error)
    (effort,) = error.efforts
    assert effort.processor_s == message.processor_s
    assert effort.up_bytes > 0


def a_head_of(others: tuple[int, ...]) -> pb.TrainHeadResponse:
    """A head for what ORDER names, on its trunk."""
    rows = 2 + len(others)
    weights = HeadWeights(np.ones((rows, 32), np.float32), np.zeros(rows, np.float32), 1.0)
    head = SpecialHead(weights, ORDER.dominant, CascadeRates(0.9, 0.05, 0.8), 0.5, others=others)
    return pb.TrainHeadResponse(head=special_head_to_proto(head), processor_s=1.0)


def test_a_head_that_tells_other_classes_apart_has_a_row_for_each_class_of_the_task(catalog: Catalog) -> None:
    assert answered(Answering(a_head_of((0, 1, 3, 4, 5, 6, 8, 9))), catalog) is None
    for others in ((0, 1, 3, 4, 5, 6, 8), (0, 1, 3, 4, 5, 6, 8, 9, 10)):
        error = answered(Answering(a_head_of(others)), catalog)
        assert isinstance(error, TrainerBroke)
        assert "a head that makes no sense" in str(error)


@pytest.mark.parametrize("told_s", [float("nan"), float("inf"), -1.0])
def test_a_processor_time_that_makes_no_sense_is_not_charged(told_s: float, catalog: Catalog) -> None:
    error = answered(Answering(pb.TrainHeadResponse(rejected="poor", processor_s=told_s)), catalog)
    assert isinstance(error, HeadRejected)
    assert error.processor_s == 0.0


def test_a_head_that_failed_its_validation_there_is_none_here(catalog: Catalog) -> None:
    error = answered(Answering(pb.TrainHeadResponse(rejected="poor", processor_s=0.5)), catalog)
    assert isinstance(error, HeadRejected)
    (effort,) = error.efforts
    assert effort.processor_s == 0.5
    assert min(effort.up_bytes, effort.down_bytes) > 0


def test_a_server_that_knows_no_heads_is_not_one_to_train_them(catalog: Catalog) -> None:
    assert isinstance(answered(OffloadServicer(), catalog), NotTrainable)


def test_nobody_listens(catalog: Catalog) -> None:
    pupil = RemoteHeadTrainer(Endpoint("127.0.0.1", 1), catalog)
    with pytest.raises(TrainerBroke):
        outcome(pupil.begin(ORDER))
    pupil.close()
