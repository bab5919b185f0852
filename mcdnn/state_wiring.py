"""`state` of ENGINE.toml: a run goes on with the period that the last one left."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.ledger import Ledger
from engine.period_standing import PeriodStanding
from engine.scheduling.problem import Budget
from engine.state.moments import now_here, passed_s
from engine.state.spending_keeper import NotKept, SpendingKeeper, SpendingNotes
from engine.state.spending_record import DamagedRecord, SpendingRecord
from engine.state.state_folder import StateFolder
from mcdnn.engine_file import BudgetTable, EngineFile
from mcdnn.quantities import energy, money
from mcdnn.wiring import make_budget

_log = logging.getLogger(__name__)


def open_spending(file: EngineFile, ledger: Ledger, live: bool) -> SpendingNotes:
    """Have a ledger go on where the last run ended; what is returned keeps what it spends from now on.

    Args:
        file: says where, if anywhere.
        ledger: nothing is spent of it yet.
        live: whether its clock is the real one.

    Raises:
        BadInput: the folder cannot be written, or another run keeps its state there.
    """
    if file.state is None:
        return NotKept()
    if not live:
        _log.warning("state: not kept: recordings at full speed have a time of their own")
        return NotKept()
    folder = StateFolder(Path(file.state))
    try:
        granted, terms = make_budget(file), terms_of(file.budget)
        _resume(folder, ledger, granted, terms)
    except BaseException:
        folder.close()
        raise
    return SpendingKeeper(
        folder.write_spending, now_here, granted.energy_j, granted.cost_usd, terms, folder.close
    )


def terms_of(budget: BudgetTable) -> dict[str, Any]:
    """Return what a budget's spending is compared by."""
    return budget.model_dump(exclude={"memory_mb"})


def _resume(folder: StateFolder, ledger: Ledger, granted: Budget, terms: Mapping[str, Any]) -> None:
    try:
        record = folder.spending()
    except DamagedRecord as e:
        ledger.resume(_used_up(granted), 0.0)
        _log.error(
            "%s: what was spent is not known: the budget counts as used up, and renews %s; to "
            "begin with a full one, stop the run and empty the folder",
            e,
            ledger.renewal(0.0),
        )
        return
    if record is not None:
        goes_on = ledger.resume(record.at_worst(), passed_s(record.written, now_here()))
        _tell(folder, record, ledger, terms, goes_on)


def _used_up(granted: Budget) -> PeriodStanding:
    work_j = granted.energy_j if math.isfinite(granted.energy_j) else 0.0
    spent_usd = granted.cost_usd if math.isfinite(granted.cost_usd) else 0.0
    return PeriodStanding(0.0, work_j=work_j, spent_usd=spent_usd)


def _tell(
    folder: StateFolder, record: SpendingRecord, ledger: Ledger, terms: Mapping[str, Any], goes_on: bool
) -> None:
    where = folder.spending_path
    if not goes_on:
        _log.info("%s: the period that was left is over: a new one begins", where)
        return
    if record.ahead_j or record.ahead_usd:
        _log.warning(
            "%s: the last run did not end in good order: %s and %s that it may have spent count as spent",
            where,
            energy(record.ahead_j),
            money(record.ahead_usd),
        )
    changed = sorted(k for k in terms if terms[k] != record.terms.get(k))
    if changed:
        _log.warning("%s: budget %s changed: what was spent stays spent", where, ", ".join(changed))
    left = ledger.left(0.0)
    _log.info("%s: goes on with %s left, renewed %s", where, energy(left.energy_j), ledger.renewal(0.0))
