"""The spending of a period as it lies on disk: JSON that says whether it is whole.

{"format": "mcdnn spending 1", "sha256": of the record's bytes, "record": {...}}
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from catalog.errors import RunFailed
from engine.energy_origin import EnergyOrigin
from engine.ledger import Category
from engine.period_standing import PeriodStanding, SpentLine
from engine.state.moments import Moment

FORMAT = "mcdnn spending 1"
_SORTED = orjson.OPT_SORT_KEYS


class DamagedRecord(RunFailed):
    """Say what is wrong with a record."""


@dataclass(frozen=True, slots=True)
class SpendingRecord:
    """What was written down.

    Args:
        written: when.
        standing: of the period then.
        ahead_j: what may be spent beyond that before the next record; 0 at the end of a run.
        ahead_usd: likewise.
        terms: of the budget that it was spent of, for comparison.
    """

    written: Moment
    standing: PeriodStanding
    ahead_j: float
    ahead_usd: float
    terms: Mapping[str, Any]

    def at_worst(self) -> PeriodStanding:
        """Return the period with all that may have been spent since this was written."""
        standing = self.standing
        if not (self.ahead_j or self.ahead_usd):
            return standing
        assumed = SpentLine(Category.ASSUMED, EnergyOrigin.MODELLED, self.ahead_j, self.ahead_usd)
        return replace(
            standing,
            work_j=standing.work_j + self.ahead_j,
            spent_usd=standing.spent_usd + self.ahead_usd,
            lines=_with(standing.lines, assumed),
        )


_RECORD = TypeAdapter(SpendingRecord)


def record_to_bytes(record: SpendingRecord) -> bytes:
    """Return what is written."""
    body = asdict(record)
    digest = hashlib.sha256(orjson.dumps(body, option=_SORTED)).hexdigest()
    whole = {"format": FORMAT, "sha256": digest, "record": body}
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | _SORTED)


def record_from_bytes(data: bytes) -> SpendingRecord:
    """Read it back.

    Raises:
        DamagedRecord: it is not what was written, or another version wrote it.
    """
    try:
        whole = orjson.loads(data)
        if whole["format"] != FORMAT:
            raise DamagedRecord(f"format {whole['format']!r}: expected {FORMAT!r}")
        if hashlib.sha256(orjson.dumps(whole["record"], option=_SORTED)).hexdigest() != whole["sha256"]:
            raise DamagedRecord("the checksum does not fit")
        record: SpendingRecord = _RECORD.validate_python(whole["record"])
        return record
    except (orjson.JSONDecodeError, KeyError, TypeError, ValidationError) as e:
        raise DamagedRecord(f"not a record of spending: {str(e).splitlines()[0]}") from e


def _with(lines: tuple[SpentLine, ...], more: SpentLine) -> tuple[SpentLine, ...]:
    """Return lines with one more, added to one of its kind."""
    same = [x for x in lines if (x.category, x.origin) == (more.category, more.origin)]
    rest = tuple(x for x in lines if x not in same)
    energy_j = more.energy_j + sum(x.energy_j for x in same)
    return (*rest, replace(more, energy_j=energy_j, cost_usd=more.cost_usd + sum(x.cost_usd for x in same)))
