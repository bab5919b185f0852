"""What the published figures 11 and 12 show, as tables: by models, and by send cost and specialised time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from benchmarks.report import Row
from benchmarks.scheduling_cases import BOUND, parameter
from benchmarks.scheduling_summary import number


def served_pct(row: Row) -> float:
    """Return the share of requests that were served."""
    return 100.0 * (1.0 - number(row, "unserved") / number(row, "requests"))


def energy_a_request_j(row: Row) -> float:
    """Return the energy of all requests by their number."""
    return number(row, "energy_j") / number(row, "requests")


def figure11_table(rows: Sequence[Row]) -> list[Row]:
    """Return served share, energy a request and accuracy by number of models: means over the traces."""
    lived = [r for r in rows if r["policy"] != BOUND]
    points = dict.fromkeys((parameter(r, "models"), str(r["policy"])) for r in lived)
    found: list[Row] = []
    for models, policy in points:
        own = [r for r in lived if r["policy"] == policy and parameter(r, "models") == models]
        found.append(
            {
                "models": int(models),
                "load_rate_mb_per_request": _mean(own, lambda r: parameter(r, "load_rate_mb_per_request")),
                "policy": policy,
                "served_pct": _mean(own, served_pct),
                "energy_a_request_j": _mean(own, energy_a_request_j),
                "accuracy_pct": _mean(own, lambda r: number(r, "accuracy_pct")),
            }
        )
    return found


def figure12_table(rows: Sequence[Row]) -> list[Row]:
    """Return the served share of every policy by send cost and specialised time."""
    points: dict[tuple[float, float], dict[str, float]] = {}
    for row in rows:
        if row["policy"] != BOUND:
            point = (parameter(row, "send_j"), parameter(row, "specialised_share"))
            points.setdefault(point, {})[f"{row['policy']}, served_pct"] = served_pct(row)
    return [{"send_j": send_j, "specialised_pct": 100.0 * s, **own} for (send_j, s), own in points.items()]


def _mean(rows: Sequence[Row], measure: Callable[[Row], float]) -> float:
    return fmean(map(measure, rows))
