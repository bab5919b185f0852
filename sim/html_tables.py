"""The tables of a report on simulated days, as HTML."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from sim.bound import Bound
from sim.report import DayResult

_NONE = "–"
_LEAST_GAP = 1e-9
_STATIC = "best-static"
_HEADINGS = (
    "policy",
    "accuracy",
    "of the bound",
    "gap closed",
    "not answered",
    "energy",
    "of energy budget",
    "energy overdraft",
    "money",
    "of money budget",
    "loads",
    "evictions",
)


def share_of_bound(accuracy: float, bound: float) -> float | None:
    """Return an accuracy as a share of the bound's, None where the bound is 0."""
    return accuracy / bound if bound > 0.0 else None


def gap_closed(accuracy: float, static: float, bound: float) -> float | None:
    """Return how much of the gap between the best fixed configuration and the bound is closed."""
    return (accuracy - static) / (bound - static) if bound - static > _LEAST_GAP else None


def summary_table(results: Sequence[DayResult], bound: Bound | None) -> str:
    """Return a row a policy, and one for the bound.

    Args:
        results: of one device.
        bound: of its day, where it was computed.
    """
    static = next((r.accuracy for r in results if r.policy == _STATIC), None)
    rows = [_summary_row(r, bound, static) for r in results]
    table = _table(_HEADINGS, rows)
    if bound is None:
        return table
    cells = (
        "clairvoyant bound",
        _percent(bound.accuracy),
        _percent(1.0),
        _percent(gap_closed(bound.accuracy, static, bound.accuracy)) if static is not None else _NONE,
    )
    written = "".join(f"<td>{c}</td>" for c in cells) + "<td></td>" * (len(_HEADINGS) - len(cells))
    return table.replace("</tbody>", f'<tr class="bound">{written}</tr></tbody>')


def _summary_row(r: DayResult, bound: Bound | None, static: float | None) -> tuple[str, ...]:
    share = None if bound is None else share_of_bound(r.accuracy, bound.accuracy)
    gap = None if bound is None or static is None else gap_closed(r.accuracy, static, bound.accuracy)
    energy_budget_j, cost_budget_usd = r.energy_budget_j * r.periods, r.cost_budget_usd * r.periods
    return (
        r.policy,
        _percent(r.accuracy),
        _percent(share),
        _percent(gap),
        f"{r.requests - r.served:,}",
        joules(r.total_energy_j),
        _of(r.total_energy_j, energy_budget_j),
        joules(r.overdraft_j) if r.overdraft_j > 0.0 else "0",
        dollars(r.cost_usd),
        _of(r.cost_usd, cost_budget_usd),
        f"{r.loads:,}",
        f"{r.evictions:,}",
    )


def unserved_table(results: Sequence[DayResult]) -> str:
    """Return a row a reason and a column a policy; "" where everything was answered."""
    counts: dict[str, int] = {}
    for r in results:
        for reason, count in r.unserved.items():
            counts[reason] = counts.get(reason, 0) + count
    reasons = sorted(counts, key=lambda reason: (-counts[reason], reason))
    rows = [(reason, *(_count(r.unserved.get(reason, 0)) for r in results)) for reason in reasons]
    return _table(("not answered because", *(r.policy for r in results)), rows) if rows else ""


def apps_table(results: Sequence[DayResult], weights: Mapping[str, float]) -> str:
    """Return a row an app with its accuracy under every policy.

    Args:
        results: of one device.
        weights: by app.
    """
    rows = []
    for i, app in enumerate(results[0].apps):
        accuracies = (_percent(r.apps[i].accuracy) if r.apps[i].requests else _NONE for r in results)
        rows.append((app.app, f"{weights.get(app.app, 1.0):g}", f"{app.requests:,}", *accuracies))
    return _table(("app", "weight", "requests", *(r.policy for r in results)), rows)


def joules(energy_j: float) -> str:
    """Return an energy as people read it."""
    if math.isinf(energy_j):
        return "no limit"
    return f"{energy_j / 1e3:,.4g} kJ" if energy_j >= 1e4 else f"{energy_j:.4g} J"


def dollars(cost_usd: float) -> str:
    """Return an amount of money as people read it."""
    return "no limit" if math.isinf(cost_usd) else f"${cost_usd:.4g}"


def _of(spent: float, budget: float) -> str:
    """Return what share of a budget was spent."""
    return _percent(spent / budget) if 0.0 < budget < math.inf else _NONE


def _percent(share: float | None) -> str:
    return _NONE if share is None else f"{100.0 * share:.1f} %"


def _count(count: int) -> str:
    return f"{count:,}" if count else ""


def _table(headings: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(h)}</th>" for h in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
