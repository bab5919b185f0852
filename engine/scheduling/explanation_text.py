"""Explanations as lines for a terminal and as JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from engine.scheduling.explanation import AppExplained, BudgetPace, Explanation, OptionExplained
from engine.scheduling.policy import Plan, State

_MOST_NAMED = 12
_UNITS = ((1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))
_COLUMNS = (
    "",
    "option",
    "accuracy",
    "value",
    "alone",
    "beside",
    "money",
    "processor",
    "latency",
    "worth",
    "",
)


def explanation_to_lines(explanation: Explanation) -> list[str]:
    """Return an explanation as plain text, a line each, columns aligned."""
    e = explanation
    lines = [_moment(e), *_budgets(e), _prices(e.plan), *_pieces(e)]
    for app in e.apps:
        lines += ["", _heading(app), *_table(app.options)]
    return lines


def explanation_to_json(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as what json.dumps takes; what has no limit is None."""
    written = orjson.dumps(explanation, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)  # inf becomes null
    read: dict[str, Any] = orjson.loads(written)
    return read


def _plain(value: State | frozenset[str]) -> dict[str, Any] | list[str]:
    """Return what orjson knows in place of what it does not."""
    return value._asdict() if isinstance(value, State) else sorted(value)


def _moment(e: Explanation) -> str:
    s = e.state
    parts = [f"at {e.t_s:.6g} s: a window of {e.input_type}"]
    if s.context:
        parts.append(f"context {s.context}")
    parts.append(_link(s))
    if s.backlog_s > 0.0:
        parts.append(f"waited {s.backlog_s:.3g} s")
    return ", ".join(parts)


def _link(state: State) -> str:
    if not state.connected:
        return "no connection"
    return "connected" if math.isinf(state.mbps) else f"connected at {state.mbps:.3g} Mbit/s"


def _budgets(e: Explanation) -> list[str]:
    together = f"{_in(e.together.energy_j, 'J')}, ${e.together.cost_usd:.3g}"
    return [
        f"energy: {_left(e.energy, lambda j: _in(j, 'J'))}",
        f"money: {_left(e.money, lambda usd: f'${usd:.3g}')}",
        f"this window takes: {together} and {_in(e.together.processor_s, 's')} of the processor",
    ]


def _left(budget: BudgetPace, written: Callable[[float], str]) -> str:
    if math.isinf(budget.budget):
        return "no limit"
    left = f"{written(budget.left)} of {written(budget.budget)} left"
    return left if budget.pace is None else f"{left}, {budget.pace:.2f} of an even pace"


def _prices(plan: Plan) -> str:
    if plan.prices is None:
        return "prices: none, the policy follows a rule of its own"
    p = plan.prices
    priced = f"{p.per_j:.4g} a J, {p.per_usd:.4g} a $, {p.per_processor_s:.4g} a processor second"
    return f"prices in right answers: {priced}" + (f" ({plan.note})" if plan.note else "")


def _pieces(e: Explanation) -> list[str]:
    resident = e.state.resident
    missing = [p for p in e.plan.resident if p not in resident]
    listed = (
        ("in memory", sorted(resident)),
        ("being loaded", sorted(e.state.loading)),
        ("planned and not in memory", missing),
        ("asked for by this choice", e.wanted),
    )
    rates = [f"{app} at most {hz:.3g} a second" for app, hz in e.plan.rates_hz.items()]
    lines = [f"{what}: {_names(pieces)}" for what, pieces in listed if pieces]
    return [*lines, f"rates lowered: {', '.join(rates)}"] if rates else lines


def _names(pieces: Sequence[str]) -> str:
    more = len(pieces) - _MOST_NAMED
    named = ", ".join(pieces[:_MOST_NAMED])
    return f"{named} and {more} more" if more > 0 else named


def _heading(app: AppExplained) -> str:
    limit = "" if math.isinf(app.latency_limit_s) else f", limit {app.latency_limit_s:g} s"
    floor = f", nothing below {app.accuracy_floor:.1%} is offered" if app.accuracy_floor > 0.0 else ""
    chosen = app.chosen
    answer = f"not answered: {app.unserved}" if chosen is None else f"{chosen.variant} {chosen.where}"
    return f"{app.app} (weight {app.weight:g}{limit}{floor}): {answer}"


def _table(options: Sequence[OptionExplained]) -> list[str]:
    if not options:
        return []
    rows = [_COLUMNS, *(_row(o) for o in options)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
    return [_aligned(row, widths) for row in rows]


def _row(o: OptionExplained) -> tuple[str, ...]:
    return (
        ">" if o.chosen else "",
        f"{o.variant} {o.where}",
        f"{o.accuracy:.1%}",
        f"{o.value:.4g}",
        _in(o.alone.energy_j, "J"),
        _in(o.marginal.energy_j, "J"),
        f"${o.marginal.cost_usd:.3g}",
        _in(o.marginal.processor_s, "s"),
        _in(o.worst_latency_s, "s"),
        f"{o.worth:.4g}",
        "chosen" if o.ruled_out is None else o.ruled_out.why,
    )


def _in(value: float, unit: str) -> str:
    """Return three significant digits with a fitting prefix."""
    size, prefix = next((u for u in _UNITS if abs(value) >= u[0]), _UNITS[-1] if value else _UNITS[2])
    return f"{value / size:.3g} {prefix}{unit}"


def _aligned(row: Iterable[str], widths: Sequence[int]) -> str:
    """Align the option and the last column to the left, figures to the right."""
    cells = [
        cell.ljust(width) if i in (0, 1, len(widths) - 1) else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
