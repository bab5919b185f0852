"""Groups of rows that were measured before: a run that is killed loses the group under way, no more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report import Row
from catalog.durable_file import write_whole
from catalog.errors import BadInput

_FOLDER = "groups"


@dataclass(frozen=True, slots=True)
class MeasuredGroup:
    """Rows of one group and when they were measured, in ISO 8601."""

    rows: tuple[Row, ...]
    date: str


class MeasuredGroups:
    """Files of a work folder, one a group.

    Args:
        work: where a benchmark keeps things.
        quick: whether they are of a quick run, which are kept apart.
    """

    def __init__(self, work: Path, quick: bool) -> None:
        self._folder = work / (f"{_FOLDER}-quick" if quick else _FOLDER)

    def put(self, name: str, rows: Sequence[Row]) -> MeasuredGroup:
        """Keep what was just measured."""
        group = MeasuredGroup(tuple(rows), datetime.now(UTC).isoformat(timespec="seconds"))
        self._folder.mkdir(parents=True, exist_ok=True)
        record = {"date": group.date, "rows": [dict(r) for r in rows]}
        write_whole(self._folder / f"{name}.json", json.dumps(record, indent=1).encode())
        return group

    def get(self, name: str) -> MeasuredGroup | None:
        """Return what was measured last; None where nothing was.

        Raises:
            BadInput: the file is damaged.
        """
        path = self._folder / f"{name}.json"
        if not path.is_file():
            return None
        try:
            record = json.loads(path.read_bytes())
            return MeasuredGroup(tuple(record["rows"]), record["date"])
        except (ValueError, KeyError, TypeError) as e:
            raise BadInput(f"{path}: not what this benchmark wrote: remove it and measure again") from e
