"""What goes to the training process and comes back: lines of JSON, and heads as the catalog stores them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import orjson

from catalog.errors import CatalogError
from catalog.store import head_from_bytes, head_to_bytes
from specializer.cascade import CascadeRates
from specializer.cascade_threshold import CascadeAim
from specializer.errors import HeadRejected, NotTrainable, TrainerBroke, TrainingFailed
from specializer.special_head import SecondHead, SpecialHead

_REJECTED, _IMPOSSIBLE, _BROKE = "rejected", "impossible", "broke"


@dataclass(frozen=True, slots=True)
class SecondErrand:
    """What a second head may be on; see head_trainer.SecondOrder.

    Args:
        part_ids: see Errand.
    """

    trunk: str
    part_ids: tuple[str, ...]
    cost: float


@dataclass(frozen=True, slots=True)
class Errand:
    """An order as it goes to the process; its deadline is kept outside.

    Args:
        part_ids: of the trunk as whoever orders knows it; the catalog on disk must have the same.
    """

    trunk: str
    part_ids: tuple[str, ...]
    task: str
    dominant: tuple[int, ...]
    seed: int
    aim: CascadeAim
    generic_trunk: str = ""
    second: SecondErrand | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A head that came back, and the processor time that it took."""

    head: SpecialHead
    processor_s: float


def errand_to_line(errand: Errand) -> bytes:
    """Return the line of an order."""
    return orjson.dumps(errand) + b"\n"


def errand_from_line(line: bytes) -> Errand:
    """Return the order of a line."""
    told = orjson.loads(line)
    return Errand(
        told["trunk"],
        tuple(told["part_ids"]),
        told["task"],
        tuple(told["dominant"]),
        told["seed"],
        CascadeAim(**told["aim"]),
        told["generic_trunk"],
        _second_errand(told["second"]),
    )


def _second_errand(told: Any) -> SecondErrand | None:
    return None if told is None else SecondErrand(told["trunk"], tuple(told["part_ids"]), told["cost"])


def made_to_line(made: Made) -> bytes:
    """Return the line of a head."""
    head = made.head
    told = {
        "head": base64.b64encode(head_to_bytes(head.weights)).decode(),
        "dominant": head.dominant,
        "rates": head.rates,
        "threshold": head.threshold,
        "falls_short": head.falls_short,
        "prior_shift": head.prior_shift,
        "others": head.others,
        "second": None if head.second is None else _second_told(head.second),
        "processor_s": made.processor_s,
    }
    return orjson.dumps(told) + b"\n"


def _second_told(second: SecondHead) -> dict[str, Any]:
    weights = base64.b64encode(head_to_bytes(second.weights)).decode()
    return {
        "trunk": second.trunk,
        "head": weights,
        "threshold": second.threshold,
        "others": second.others,
    }


def _second_head(told: Any) -> SecondHead | None:
    if told is None:
        return None
    weights = head_from_bytes(base64.b64decode(told["head"]), "training process")
    return SecondHead(told["trunk"], weights, told["threshold"], tuple(told["others"]))


def failure_to_line(error: Exception, details: str = "") -> bytes:
    """Return the line of an order that gave no head.

    Args:
        error: why.
        details: for who looks for a fault.
    """
    kind, why = _BROKE, str(error) or type(error).__name__
    if isinstance(error, HeadRejected):
        kind = _REJECTED
    elif isinstance(error, NotTrainable):
        kind, why, details = _IMPOSSIBLE, error.message, error.detail
    told = {
        "failed": kind,
        "why": why,
        "processor_s": getattr(error, "processor_s", 0.0),
        "details": details,
    }
    return orjson.dumps(told) + b"\n"


def outcome_from_line(line: bytes) -> Made | TrainingFailed:
    """Return the head of a line, or why there is none; a line that makes no sense is such a reason."""
    try:
        told = orjson.loads(line)
        if "failed" in told:
            return _failure(told["failed"], told["why"], told["processor_s"], told["details"])
        weights = head_from_bytes(base64.b64decode(told["head"]), "training process")
        head = SpecialHead(
            weights,
            tuple(told["dominant"]),
            CascadeRates(**told["rates"]),
            told["threshold"],
            told["falls_short"],
            _second_head(told["second"]),
            told["prior_shift"],
            tuple(told["others"]),
        )
        return Made(head, told["processor_s"])
    except (ValueError, KeyError, TypeError, CatalogError) as e:
        broke = TrainerBroke("the training process answered nonsense")
        broke.__cause__ = e
        return broke


def _failure(kind: str, why: str, processor_s: float, details: str) -> TrainingFailed:
    if kind == _REJECTED:
        return HeadRejected(why, processor_s)
    if kind == _IMPOSSIBLE:
        return NotTrainable(why, details)
    broke = TrainerBroke(f"the training process failed: {why}")
    if details:
        broke.add_note(details)
    return broke
