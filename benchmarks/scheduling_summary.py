"""What a group's rows say together: shares of the bound against targets, overdraft, unserved requests."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.report import Row, markdown_table
from benchmarks.scheduling_cases import AS_PUBLISHED, BOUND

DEFAULT = "paced"
PUBLISHED_RULE = "mcdnn2016"
_RULES = (PUBLISHED_RULE, AS_PUBLISHED)
_LISTED = 10
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Target:
    """What the default policy is held to in a group.

    Args:
        mean_share: of the bound, over the scenarios.
        worst_share: of the bound, in any scenario.
        mean_gap_closed: over the scenarios; None where nothing is asked.
        behind: most that it may lag behind the published rule, as a share, where that one stays
            within its budgets; None where nothing is asked.
    """

    mean_share: float
    worst_share: float
    mean_gap_closed: float | None = None
    behind: float | None = None


def by_scenario(rows: Iterable[Row]) -> dict[str, dict[str, Row]]:
    """Return rows by scenario and policy, in their order."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(str(row["scenario"]), {})[str(row["policy"])] = row
    return found


def number(row: Row, name: str) -> float:
    """Return a figure of a row; nan where it has none."""
    value = row[name]
    return math.nan if value is None or isinstance(value, str) else float(value)


def policy_table(rows: Sequence[Row]) -> list[Row]:
    """Return one row a policy: means over the scenarios, the worst one, and what was overdrawn."""
    by_policy: dict[str, list[Row]] = {}
    for row in rows:
        by_policy.setdefault(str(row["policy"]), []).append(row)
    return [_of_policy(policy, own) for policy, own in by_policy.items()]


def _of_policy(policy: str, rows: Sequence[Row]) -> Row:
    shares = _known(rows, "share_of_bound")
    gaps = _known(rows, "gap_closed")
    return {
        "policy": policy,
        "scenarios": len(rows),
        "accuracy_pct_mean": _mean(_known(rows, "accuracy_pct")),
        "accuracy_until_exhausted_pct_mean": _mean(_known(rows, "accuracy_until_exhausted_pct")),
        "share_of_bound_mean": _mean(shares),
        "share_of_bound_worst": min(shares, default=None),
        "gap_closed_mean": _mean(gaps),
        "unserved_pct": _unserved_pct(rows),
        "overdraft_j_most": max(_known(rows, "overdraft_j"), default=None),
        "overdraft_usd_most": max(_known(rows, "overdraft_usd"), default=None),
    }


def _known(rows: Iterable[Row], name: str) -> list[float]:
    return [v for v in (number(r, name) for r in rows) if not math.isnan(v)]


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _unserved_pct(rows: Sequence[Row]) -> float | None:
    known = [r for r in rows if r["unserved"] is not None]
    requests = sum(number(r, "requests") for r in known)
    return 100.0 * sum(number(r, "unserved") for r in known) / requests if requests else None


def verdicts(rows: Sequence[Row], target: Target) -> list[Row]:
    """Return what was asked of the default policy, what came out, and whether that is enough."""
    own = [r for r in rows if r["policy"] == DEFAULT]
    shares = _known(own, "share_of_bound")
    overdraft_j = max(_known(own, "overdraft_j"), default=0.0)
    asked = [
        _verdict("mean share of the bound, at least", target.mean_share, _mean(shares) or 0.0),
        _verdict("worst share of the bound, at least", target.worst_share, min(shares, default=0.0)),
        _verdict("largest overdraft in J, at most", 0.0, overdraft_j, at_most=True),
    ]
    if target.mean_gap_closed is not None:
        gap = _mean(_known(own, "gap_closed")) or 0.0
        asked.append(_verdict("mean gap closed, at least", target.mean_gap_closed, gap))
    if target.behind is not None:
        behind = max((lag for _, lag in _lags(rows)), default=0.0)
        name = f"furthest behind {PUBLISHED_RULE} within its budgets, as a share, at most"
        asked.append(_verdict(name, target.behind, behind, at_most=True))
    return asked


def _verdict(name: str, asked: float, found: float, at_most: bool = False) -> Row:
    kept = found <= asked + _ROUNDING if at_most else found >= asked - _ROUNDING
    return {"asked of paced": name, "target": asked, "found": found, "kept": "yes" if kept else "no"}


def _lags(rows: Sequence[Row]) -> list[tuple[str, float]]:
    """Return by how much the default is less accurate, wherever a published rule stays in its budgets."""
    return [
        (
            f"{scenario} ({rule})",
            1.0 - number(own[DEFAULT], "accuracy_pct") / number(own[rule], "accuracy_pct"),
        )
        for scenario, own in by_scenario(rows).items()
        for rule in _RULES
        if rule in own
        and DEFAULT in own
        and _in_budget(own[rule])
        and number(own[rule], "accuracy_pct") > 0.0
    ]


def _in_budget(row: Row) -> bool:
    return number(row, "overdraft_j") <= _ROUNDING and number(row, "overdraft_usd") <= _ROUNDING


def remarks(rows: Sequence[Row], target: Target) -> list[str]:
    """Name the scenarios where the default falls behind what is asked, or leaves more unserved."""
    below = [
        (scenario, f"{number(own[DEFAULT], 'share_of_bound'):.4f}")
        for scenario, own in by_scenario(rows).items()
        if number(own[DEFAULT], "share_of_bound") < target.worst_share
    ]
    limit = target.behind if target.behind is not None else 0.005
    behind = [(scenario, f"{100.0 * lag:.2f} %") for scenario, lag in _lags(rows) if lag > limit]
    return [
        _listing(f"Scenarios in which `{DEFAULT}` stays below the worst share asked", below),
        _listing(
            f"Scenarios in which `{DEFAULT}` is more than {100.0 * limit:g} % below `{PUBLISHED_RULE}` "
            "where that stays within its budgets",
            behind,
        ),
        _listing(
            f"Scenarios in which `{DEFAULT}` leaves more requests unserved than `{PUBLISHED_RULE}` "
            "where that stays within its budgets",
            _more_unserved(rows),
        ),
    ]


def _more_unserved(rows: Sequence[Row]) -> list[tuple[str, str]]:
    found = []
    for scenario, own in by_scenario(rows).items():
        rules = [own[rule] for rule in _RULES if rule in own and _in_budget(own[rule])]
        most = max((number(own[DEFAULT], "unserved") - number(r, "unserved") for r in rules), default=0.0)
        if most > 0.0:
            found.append((most, scenario))
    return [(scenario, f"{most:.0f} more") for most, scenario in sorted(found, reverse=True)]


def _listing(what: str, found: Sequence[tuple[str, str]]) -> str:
    if not found:
        return f"{what}: none."
    named = "; ".join(f"{scenario}: {figure}" for scenario, figure in found[:_LISTED])
    more = f"; and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return f"{what}: {len(found)}: {named}{more}."


def scenario_table(rows: Sequence[Row]) -> list[Row]:
    """Return one row a scenario: the bound's accuracy and every policy's share of it.

    What overdraws a budget is marked with `!`: it is no fair comparison.
    """
    policies = list(dict.fromkeys(str(r["policy"]) for r in rows if r["policy"] != BOUND))
    table: list[Row] = []
    for scenario, own in by_scenario(rows).items():
        row: dict[str, str | float | int | None] = {
            "scenario": scenario,
            "bound_pct": number(own[BOUND], "accuracy_pct"),
        }
        table.append(row | {p: _share(own.get(p)) for p in policies})
    return table


def _share(row: Row | None) -> str:
    if row is None or row["share_of_bound"] is None:
        return ""
    mark = "" if _in_budget(row) else " !"
    return f"{number(row, 'share_of_bound'):.3f} / {row['unserved']}{mark}"


def table_lines(title: str, about: str, rows: Sequence[Row], picture: Sequence[str] = ()) -> list[str]:
    """Return a section that is a table."""
    return [f"## {title}", "", about, "", *picture, *markdown_table(rows), ""]


def group_lines(
    title: str, about: str, rows: Sequence[Row], target: Target | None, picture: Sequence[str] = ()
) -> list[str]:
    """Return a group's section: what was asked, every policy, every scenario."""
    lines = [f"## {title}", "", about, ""]
    if target is not None:
        lines += [*markdown_table(verdicts(rows, target)), ""]
        lines += [line for remark in remarks(rows, target) for line in (remark, "")]
    return [
        *lines,
        *picture,
        *markdown_table(policy_table(rows)),
        "",
        "Share of the bound / requests unserved; `!` where a budget was overdrawn:",
        "",
        *markdown_table(scenario_table(rows)),
        "",
    ]


GROUP_TARGETS: Mapping[str, Target] = {
    "grid": Target(0.99, 0.97, behind=0.005),
    "memory": Target(0.97, 0.94),
    "days": Target(0.97, 0.93, mean_gap_closed=0.70),
}
