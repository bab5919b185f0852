"""When a sink is called: at once where it says so, otherwise with frames that were gathered."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import Queue

import pytest

from engine.frames import Frame
from engine.results import Result
from engine.sinks.callback import CallbackSink
from engine.sinks.fan_out import FanOut
from engine.sinks.result_list import ResultList
from tests.engine.media import frame, result

_LONG_S = 30.0
_HOUR_S = 3600.0


class Called:
    """A callback that waits for being called."""

    def __init__(self) -> None:
        self._results: Queue[Result] = Queue()
        self.sink = CallbackSink(self._results.put)

    def next(self) -> Result:
        return self._results.get(timeout=_LONG_S)


class Ordinary(ResultList):
    """Says when it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.called = threading.Semaphore(0)

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        super().accept(frame, results)
        self.called.release()


class Patient(Ordinary):
    """May be called an hour late."""

    gather_s = _HOUR_S


def test_a_callback_is_called_with_each_frame_before_the_next_one_though_others_are_gathered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.sinks.sink_thread._GATHER_S", _HOUR_S)
    called, listed = Called(), ResultList()
    fan_out = FanOut([listed, called.sink], capacity_frames=100)
    for i in range(5):
        fan_out.accept(frame(i), [result(i)])
        assert called.next() == result(i)
    assert listed.frames == []
    fan_out.close()
    assert listed.frames == list(range(5))


def test_a_sink_that_may_be_called_late_is_called_once_half_of_what_may_wait_is_there() -> None:
    patient, ordinary = Patient(), Ordinary()
    fan_out = FanOut([patient, ordinary], capacity_frames=6)
    for i in range(2):
        fan_out.accept(frame(i), [result(i)])
        assert ordinary.called.acquire(timeout=_LONG_S)
    assert patient.frames == []
    fan_out.accept(frame(2), [result(2)])
    for _ in range(3):
        assert patient.called.acquire(timeout=_LONG_S)
    fan_out.close()
