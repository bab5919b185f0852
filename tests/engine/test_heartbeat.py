from __future__ import annotations

from engine.heartbeat import Heartbeat


def test_silence_begins_with_the_last_beat() -> None:
    now_s = [3.0]
    heartbeat = Heartbeat(lambda: now_s[0])
    now_s[0] = 5.0
    assert heartbeat.silent_s() == 2.0
    heartbeat.beat()
    assert heartbeat.silent_s() == 0.0
