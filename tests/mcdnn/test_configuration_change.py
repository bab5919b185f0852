"""What differs between two configurations, and what a run can follow of it."""

from __future__ import annotations

from typing import Any

import pytest

from mcdnn.configuration_change import SourceChange, change_between, source_change
from mcdnn.engine_file import EngineFile, SourceTable, parse_engine_table

OLD: dict[str, Any] = {"catalog": "c", "app": [{"name": "who", "task": "identity"}]}


def read(**changes: Any) -> EngineFile:
    return parse_engine_table({**OLD, **changes}, "e.toml")


def test_nothing_differs_from_itself() -> None:
    change = change_between(read(), read())
    assert (change.followed, change.fixed) == ((), ())


@pytest.mark.parametrize(
    ("changes", "followed", "fixed"),
    [
        ({"policy": "original", "app": []}, ("policy", "app"), ()),
        ({"device": {"threads": 2}, "specialize": True}, ("specialize",), ("device",)),
        ({"state": "s"}, (), ("state",)),
        ({"budget": {"energy_j": 1.0, "period": "1h"}}, ("budget",), ()),
        ({"budget": {"energy_j": 1.0, "period": "charge"}}, (), ('budget.period to or from "charge"',)),
    ],
)
def test_each_key_is_followed_or_named(
    changes: dict[str, Any], followed: tuple[str, ...], fixed: tuple[str, ...]
) -> None:
    old, new = read(), read(**changes)
    change = change_between(old, new)
    assert (change.followed, change.fixed) == (followed, fixed)
    for key in EngineFile.model_fields:
        taken = new if key in followed else old
        assert getattr(change.file, key) == getattr(taken, key)
    assert change.file.where == "e.toml"


def test_a_source_that_is_other_in_anything_goes_and_comes() -> None:
    door, yard, hall = (SourceTable(uri=u) for u in ("rtsp://a", "rtsp://b", "rtsp://c"))
    slower = door.model_copy(update={"fps": 2.0})
    assert source_change([door, yard], [yard, slower, hall]) == SourceChange((door,), (slower, hall))
    assert source_change([door, yard], [yard, door]) == SourceChange()
