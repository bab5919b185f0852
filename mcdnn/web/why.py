"""Why every app is answered the way it is, in a sentence, with the options that it was chosen from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from engine.scheduling.explanation import AppExplained, Explanation, OptionExplained, Taken
from engine.scheduling.latest_choices import LatestChoices
from engine.scheduling.policy import Plan, Prices
from engine.scheduling.problem import App
from engine.scheduling.ruled_out import Rule
from mcdnn.figures_table import trunk
from mcdnn.quantities import energy, latency, money

_MOST_OPTIONS = 16
_SAME_ACCURACY = 5e-4
_WHY_IN_WORDS = {
    Rule.CONTEXT: "of no use for what is seen now",
    Rule.FLOOR: "below the accuracy floor",
    Rule.CONNECTION: "without a connection",
    Rule.MEMORY: "too large for the memory",
    Rule.LATENCY: "too slow",
    Rule.ENERGY: "more than the energy that is left",
    Rule.MONEY: "more than the money that is left",
    Rule.RESIDENCY: "not in memory",
    Rule.WORTH: "not worth what they cost",
    Rule.MIX: "taking turns with it",
    Rule.POLICY: "ruled out by the policy",
}


def why(choices: LatestChoices) -> list[dict[str, Any]]:
    """Return an entry for every app: what it asks, what answers, why, and all options."""
    explained = choices.explain()
    return [_entry(app, explained.get(app.name)) for app in choices.apps.values()]


def _entry(app: App, explained: tuple[Explanation, AppExplained] | None) -> dict[str, Any]:
    asked = {
        "app": app.name,
        "task": app.task,
        "input_type": app.input_type,
        "rate_hz": [app.least_hz, _limit(app.wanted_hz)],
        "latency_limit_s": _limit(app.latency_limit_s),
        "weight": app.weight,
        "accuracy_floor": app.accuracy_floor,
    }
    if explained is None:
        return asked | {"why": "It has not been asked yet.", "chosen": None, "options": []}
    explanation, its = explained
    chosen = its.chosen
    return asked | {
        "t_s": explanation.t_s,
        "plan": _plan(explanation.plan),
        "why": sentence(explanation, its),
        "chosen": None if chosen is None else _option(chosen),
        "options": [_option(o) for o in _most_accurate(its.options)],
        "options_left_out": max(0, len(its.options) - _MOST_OPTIONS),
    }


def sentence(explanation: Explanation, app: AppExplained) -> str:
    """Say why an app was answered as it was."""
    chosen = app.chosen
    if chosen is None:
        return f"Not answered: {app.unserved or 'not chosen'}."
    better = [o for o in app.options if o.accuracy > chosen.accuracy + _SAME_ACCURACY]
    if not better:
        return "It is the most accurate that is offered."
    best = max(better, key=lambda o: o.accuracy)
    said = f"{trunk(best.variant)} {best.where} is {_points(best, chosen)} more accurate, but "
    said += _but(explanation.plan.prices, best, chosen)
    rest = [o for o in better if o is not best]
    return f"{said}.{_others(rest)}"


def _plan(plan: Plan) -> str:
    """Say what the plan is and what it values resources at, "" for policies without one."""
    said = [f"The plan {plan.note}." if plan.note else ""]
    if plan.prices is not None:
        p = plan.prices
        said.append(
            f"A joule is worth {p.per_j:.3g} right answers now, a dollar {p.per_usd:.3g}, a second of the "
            f"processor {p.per_processor_s:.3g}."
        )
    return " ".join(s for s in said if s)


def _but(prices: Prices | None, best: OptionExplained, chosen: OptionExplained) -> str:
    """Say what kept the most accurate option from being taken."""
    ruled_out = best.ruled_out
    if ruled_out is None:
        return "it was not taken"
    if ruled_out.rule is Rule.WORTH and prices is not None:
        return f"{_dearer(prices, best.marginal, chosen.marginal)}, which that is not worth now"
    if ruled_out.rule is Rule.MIX:
        return "the plan affords it for a share of the windows only: the two take turns"
    return ruled_out.why


def _dearer(prices: Prices, best: Taken, chosen: Taken) -> str:
    """Name the resource in which an option costs most more, at the plan's prices."""
    by_price = {
        (best.energy_j - chosen.energy_j) * prices.per_j: _instead(
            energy(best.energy_j), energy(chosen.energy_j), "energy"
        ),
        (best.cost_usd - chosen.cost_usd) * prices.per_usd: _instead(
            money(best.cost_usd), money(chosen.cost_usd), "the cloud's price"
        ),
        (best.processor_s - chosen.processor_s) * prices.per_processor_s: _instead(
            latency(best.processor_s), latency(chosen.processor_s), "processor time"
        ),
    }
    return by_price[max(by_price)]


def _instead(more: str, less: str, of: str) -> str:
    return f"takes {more} instead of {less} of {of} a window"


def _points(best: OptionExplained, chosen: OptionExplained) -> str:
    return f"{100.0 * (best.accuracy - chosen.accuracy):.1f} points"


def _others(options: Sequence[OptionExplained]) -> str:
    """Say in how many ways further options that are more accurate were ruled out."""
    if not options:
        return ""
    counts: dict[str, int] = {}
    for option in options:
        words = _WHY_IN_WORDS[option.ruled_out.rule] if option.ruled_out else "not taken"
        counts[words] = counts.get(words, 0) + 1
    named = ", ".join(f"{count} {words}" for words, count in _most_frequent(counts))
    return f" More accurate, too: {named}."


def _most_frequent(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda c: -c[1])


def _most_accurate(options: Sequence[OptionExplained]) -> list[OptionExplained]:
    """Return the most accurate options, and what was chosen wherever it stands."""
    ordered = sorted(options, key=lambda o: -o.accuracy)
    return [o for i, o in enumerate(ordered) if i < _MOST_OPTIONS or o.chosen]


def _option(o: OptionExplained) -> dict[str, Any]:
    return {
        "variant": o.variant,
        "where": o.where,
        "accuracy": o.accuracy,
        "energy_j": o.marginal.energy_j,
        "processor_s": o.marginal.processor_s,
        "cost_usd": o.marginal.cost_usd,
        "worst_latency_s": _limit(o.worst_latency_s),
        "chosen": o.chosen,
        "ruled_out": None if o.ruled_out is None else o.ruled_out.why,
    }


def _limit(value: float) -> float | None:
    return value if math.isfinite(value) else None
