from __future__ import annotations

from sim.cloud import SimulatedCloud


def test_windows_run_at_once_while_a_server_is_free_and_queue_in_order_otherwise() -> None:
    cloud = SimulatedCloud(2)
    assert [cloud.run(0.0, 4.0), cloud.run(1.0, 2.0), cloud.run(1.0, 5.0), cloud.run(2.0, 1.0)] == [
        4.0,
        3.0,
        8.0,  # from 3, when the second server is free
        5.0,  # from 4
    ]
    assert cloud.queued_s == 2.0 + 2.0


def test_a_server_that_has_become_free_waits_for_nothing() -> None:
    cloud = SimulatedCloud(1)
    assert [cloud.run(0.0, 1.0), cloud.run(1.0, 1.0), cloud.run(7.0, 1.0)] == [1.0, 2.0, 8.0]
    assert cloud.queued_s == 0.0
