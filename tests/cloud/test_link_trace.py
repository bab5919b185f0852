from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import BadInput
from cloud.link_conditions import Cut, LinkConditions
from cloud.link_trace import LinkChange, read_link_trace

USUAL = LinkConditions(delay_s=0.02, loss=0.01)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_connection_and_bandwidth_are_read_together(tmp_path: Path) -> None:
    connectivity = written(tmp_path / "c.csv", "t_s,connected\n1,1\n4,0\n6,1\n")
    bandwidth = written(tmp_path / "b.csv", "t_s,mbps\n0,8\n4,0.1\n")
    fast = LinkConditions(0.02, 1e6, 1e6, 0.01)
    slow = LinkConditions(0.02, 12_500.0, 12_500.0, 0.01)
    assert read_link_trace(connectivity, bandwidth, USUAL) == (
        LinkChange(0.0, LinkConditions(0.02, 1e6, 1e6, 0.01, Cut.STALL)),
        LinkChange(1.0, fast),
        LinkChange(4.0, LinkConditions(0.02, 12_500.0, 12_500.0, 0.01, Cut.STALL)),
        LinkChange(6.0, slow),
    )


def test_one_of_them_is_enough(tmp_path: Path) -> None:
    connectivity = written(tmp_path / "c.csv", "t_s,connected\n0,1\n2,0\n")
    found = read_link_trace(connectivity, None, USUAL, Cut.RESET)
    assert found == (
        LinkChange(0.0, USUAL),
        LinkChange(2.0, LinkConditions(0.02, loss=0.01, cut=Cut.RESET)),
    )
    bandwidth = written(tmp_path / "b.csv", "t_s,mbps\n3,8\n")
    assert [c.conditions.up_bytes_per_s for c in read_link_trace(None, bandwidth, USUAL)] == [0.0, 1e6]
    assert read_link_trace(None, None, USUAL) == (LinkChange(0.0, USUAL),)


@pytest.mark.parametrize(
    ("column", "text", "told"),
    [
        ("connected", "t_s,connected\n0,2\n", "line 2: connected = 2: expected 0 or 1"),
        ("connected", "t_s,connected\n3,1\n1,0\n", "line 3: t_s = 1: earlier than 3"),
        ("mbps", "t_s,mbps\n0,-1\n", "line 2: mbps = '-1'"),
        ("mbps", "t_s,speed\n0,1\n", "mbps"),
    ],
)
def test_a_trace_that_makes_no_sense_is_told_by_its_line(
    tmp_path: Path, column: str, text: str, told: str
) -> None:
    path = written(tmp_path / "trace.csv", text)
    with pytest.raises(BadInput, match=told):
        if column == "connected":
            read_link_trace(path, None, USUAL)
        else:
            read_link_trace(None, path, USUAL)
