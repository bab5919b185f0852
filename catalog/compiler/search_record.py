"""What a search has decided so far, on disk as search.json: enough to go on as if it had never ended."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from catalog.compiler.early_stopping import StopRule
from catalog.durable_file import write_whole
from catalog.errors import BadInput, CatalogError

SCHEMA_VERSION = 1


class End(StrEnum):
    """What became of a decision."""

    UNDER_WAY = "under way"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """How long a search goes on.

    Args:
        max_candidates: trunks to begin, all runs together; None for as many as there are.
        budget_s: seconds to work, all runs together; besides the full size of each family nothing is begun
            that is expected to end later.

    Raises:
        BadInput: neither is given, or one is not positive.
    """

    max_candidates: int | None = None
    budget_s: float | None = None

    def __post_init__(self) -> None:
        if self.max_candidates is None and self.budget_s is None:
            raise BadInput("a search without a limit: expected a number of candidates or a time")
        if self.max_candidates is not None and self.max_candidates < 1:
            raise BadInput(f"max_candidates {self.max_candidates}: expected at least 1")
        if self.budget_s is not None and not 0.0 < self.budget_s < float("inf"):
            raise BadInput(f"budget of {self.budget_s / 60.0:g} minutes: expected more than 0")


@dataclass(frozen=True, slots=True)
class Decision:
    """One trunk that was chosen to be made.

    Args:
        candidate: its name.
        distance: how far from the front it was expected, see front_gaps.Choice.
        stop: when its training is to be ended early.
        end: what became of it.
        reason: why it was stopped or failed.
        curve: training accuracy after each epoch, in [0, 1].
        seconds: that it took; None where that is not known.
    """

    candidate: str
    distance: float
    stop: StopRule | None = None
    end: End = End.UNDER_WAY
    reason: str | None = None
    curve: tuple[float, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """A search as it stands.

    Args:
        limits: how long it goes on.
        ahead: trunks that may be under way at a time: a decision waits for all but the last of these.
        decisions: in the order in which they were taken.
        spent_s: seconds worked, all runs together.
    """

    limits: SearchLimits
    ahead: int
    decisions: tuple[Decision, ...] = ()
    spent_s: float = 0.0
    schema_version: int = field(default=SCHEMA_VERSION)


_RECORD = TypeAdapter(SearchRecord)


def record_file(root: Path) -> Path:
    """Return where a catalog keeps the record of its search."""
    return root / "search.json"


def read_record(root: Path) -> SearchRecord | None:
    """Read the record of a begun search; None where there is none.

    Raises:
        CatalogError: it is damaged, or of another version.
    """
    path = record_file(root)
    if not path.is_file():
        return None
    try:
        record = _RECORD.validate_json(path.read_bytes())
    except (OSError, ValidationError, BadInput) as e:
        raise CatalogError(f"{path}: not the record of a search: compile into another folder") from e
    if record.schema_version != SCHEMA_VERSION:
        raise CatalogError(
            f"{path}: schema_version {record.schema_version}: this version reads {SCHEMA_VERSION}"
        )
    return record


def write_record(root: Path, record: SearchRecord) -> None:
    """Write the record so that a kill leaves the old or the new one.

    Raises:
        RunFailed: the disk cannot be written.
    """
    write_whole(record_file(root), (json.dumps(asdict(record), indent=1) + "\n").encode())
