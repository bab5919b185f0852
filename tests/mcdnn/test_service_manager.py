"""sd_notify over real sockets: addresses, the watchdog's terms, and managers that are not there."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mcdnn.service_manager import UNSUPERVISED, NotifySocket, begin_reload, supervision
from tests.mcdnn.notify_socket import NotifySocket as Listener


@pytest.mark.parametrize("abstract", [False, True])
def test_a_manager_is_told_at_a_path_or_an_abstract_address(tmp_path: Path, abstract: bool) -> None:
    with Listener(f"@{tmp_path}" if abstract else str(tmp_path / "notify")) as listener:
        told = supervision({"NOTIFY_SOCKET": listener.address}, 7)
        told.manager.tell("READY=1", "STATUS=a = b")
        assert listener.next() == {"READY": "1", "STATUS": "a = b"}
        assert told.watchdog_s is None


def test_a_reload_is_begun_with_the_clock_that_systemd_compares(tmp_path: Path) -> None:
    with Listener(str(tmp_path / "notify")) as listener:
        manager = NotifySocket(listener.address)
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        begin_reload(manager)
        told = listener.next()
        assert told["RELOADING"] == "1"
        assert before <= int(told["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_a_watchdog_is_minded_where_this_process_is_meant(
    tmp_path: Path, environment: dict[str, str], watchdog_s: float | None
) -> None:
    with Listener(str(tmp_path / "notify")) as listener:
        assert supervision({"NOTIFY_SOCKET": listener.address, **environment}, 7).watchdog_s == watchdog_s


def test_without_a_manager_nobody_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert supervision({"WATCHDOG_USEC": "1000"}, 7) is UNSUPERVISED
    assert not caplog.records
    assert supervision({"NOTIFY_SOCKET": "vsock:2:1234"}, 7) is UNSUPERVISED
    assert "expected a path or @name" in caplog.text


def test_a_manager_that_is_gone_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manager = NotifySocket(str(tmp_path / "gone"))
    manager.tell("READY=1")
    manager.tell("WATCHDOG=1")
    assert [r.getMessage() for r in caplog.records] == [
        f"NOTIFY_SOCKET {tmp_path / 'gone'}: cannot be told anything: No such file or directory"
    ]
