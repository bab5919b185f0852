"""What came of simulated days as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table

from mcdnn.quantities import energy, money, share
from sim.report import DayResult
from sim.sweep_results import Point, Sweep

_MOST_NAMED = 3
_FIGURES = ("requests", "served", "accuracy", "of bound", "energy", "cloud", "overdraft")


def simulation_table(sweep: Sweep) -> Table:
    """Return a row for each result, point by point, in the order of the policies."""
    several = any(len(p.bounds) > 1 for p in sweep.points)
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    names = [*(k.rpartition(".")[2] for k in sweep.parameters), *(["device"] if several else []), "policy"]
    for heading in (*names, *_FIGURES):
        table.add_column(heading, justify="left" if heading in names else "right")
    for point in sweep.points:
        for result in point.results:
            device = [result.device] if several else []
            table.add_row(
                *(str(v) for v in point.values.values()), *device, result.policy, *_figures(point, result)
            )
    return table


def _figures(point: Point, result: DayResult) -> Sequence[str]:
    bound = point.bounds.get(result.device)
    of_bound = None if bound is None or bound.accuracy <= 0.0 else result.accuracy / bound.accuracy
    return (
        f"{result.requests}",
        share(result.served_share),
        share(result.accuracy),
        share(of_bound),
        energy(result.total_energy_j),
        money(result.cost_usd),
        energy(result.overdraft_j),
    )


def unserved_lines(results: Sequence[DayResult]) -> Iterator[str]:
    """Yield how many requests were not served, and why, by policy, with the apps that missed most."""
    several = len({r.device for r in results}) > 1
    for result in results:
        where = f"{result.device}: {result.policy}" if several else result.policy
        for reason, count in sorted(result.unserved.items(), key=lambda item: -item[1]):
            missed = {a.app: a.unserved[reason] for a in result.apps if reason in a.unserved}
            yield f"{where}: {count} unserved: {reason} ({_most(missed)})"


def _most(missed: Mapping[str, int]) -> str:
    """Return the largest counts with their apps, and how many further apps there are."""
    most = sorted(missed, key=lambda app: -missed[app])
    named = ", ".join(f"{app} {missed[app]}" for app in most[:_MOST_NAMED])
    further = len(most) - _MOST_NAMED
    return named if further <= 0 else f"{named} and {further} other app{'s' if further > 1 else ''}"
