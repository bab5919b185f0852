"""On which trunks heads for a few classes promise to save an app processor time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.scheduling.problem import Option, Problem, memory_bytes, worst_latency_s
from engine.scheduling.special_options import generic_options, run_s
from specializer.cascade import CascadeRates, RatesByCount, Stakes


@dataclass(frozen=True, slots=True)
class Promise:
    """A trunk for heads, and maybe another one for second heads.

    Args:
        option: generic variant on the trunk of the first head.
        second: likewise of the second; None for no second head.
        stakes: processor time, in s.
    """

    option: Option
    second: Option | None
    stakes: Stakes


def promising_trunks(
    problem: Problem,
    generic: Option,
    shared: frozenset[str],
    rates: Mapping[str, RatesByCount],
    head_s: float,
    skew: float,
) -> list[Promise]:
    """Return on which trunks specialising promises to save an app processor time.

    What other apps run anyway costs nothing, whichever of the models needs it. Trunks that do not fit into
    memory beside the generic one, or with which an answer may come too late, are left out: no policy would
    choose what is made of them.

    Args:
        generic: what answers the app now.
        shared: pieces that other apps run for the same windows.
        rates: by variant id, of heads on its trunk.
        head_s: processor time of one head.
        skew: for which trunks are compared.

    Returns:
        Those that save anything at that skew without being less accurate, each with the second trunk that
        adds most to it; first the one that saves most over all numbers of classes.
    """

    def own_s(option: Option, ran: frozenset[str]) -> float:
        return run_s(problem.pieces, (p for p in option.stages[0].pieces if p not in ran))

    trunks = [
        o
        for o in generic_options(problem, generic.app)
        if o.variant in rates
        and o.stages[0].parts != generic.stages[0].parts
        and _may_be_chosen(problem, generic, (o,))
    ]
    generic_s = own_s(generic, shared)

    def stakes_of(first: Option, second: Option | None) -> Stakes:
        ran = shared.union(first.stages[0].pieces)
        return Stakes(
            rates[first.variant] if second is None else _of_both(rates[first.variant], rates[second.variant]),
            generic.accuracy,
            generic_s,
            own_s(first, shared),
            head_s,
            0.0 if second is None else own_s(second, ran),
        )

    alone = [Promise(o, None, stakes_of(o, None)) for o in trunks]
    seconds = [p for p in alone if _saved_over_counts(p.stakes, skew) > 0.0]
    found = []
    for promise in alone:
        first = promise.option
        slower = [s.option for s in seconds if s.stakes.special_cost > promise.stakes.special_cost]
        behind = [o for o in slower if _may_be_chosen(problem, generic, (first, o))]
        both = [Promise(first, o, stakes_of(first, o)) for o in behind]
        best = max([promise, *both], key=lambda p: _saved_over_counts(p.stakes, skew))
        if _saved_over_counts(best.stakes, skew) > 0.0:
            found.append(best)
    return sorted(found, key=lambda p: -_saved_over_counts(p.stakes, skew))


def _may_be_chosen(problem: Problem, generic: Option, before: tuple[Option, ...]) -> bool:
    """Tell whether a cascade on these trunks fits into memory, and answers in time at the worst."""
    cascade = replace(generic, stages=(*(o.stages[0] for o in before), *generic.stages))
    fits = memory_bytes(problem.pieces, cascade.device_pieces) <= problem.budget.memory_bytes
    return fits and worst_latency_s(problem, cascade) <= problem.apps[generic.app].latency_limit_s


def _of_both(first: RatesByCount, second: RatesByCount) -> RatesByCount:
    """Return what is expected of two heads: to be as right as the second, asked what the first passes on."""
    return RatesByCount({n: _second_asked(first.of(n), second.of(n)) for n in second.counts})


def _second_asked(first: CascadeRates, second: CascadeRates) -> CascadeRates:
    return replace(second, second_in=first.in_to_other, second_out=first.accuracy_out)


def _saved_over_counts(stakes: Stakes, skew: float) -> float:
    """Return what is saved on a window, added up over the numbers of classes for which anything is."""
    saved_s = 0.0
    for count in stakes.rates.counts:
        rates = stakes.rates.of(count)
        if rates.accuracy(skew, stakes.generic_accuracy) >= stakes.generic_accuracy:
            saved_s += max(0.0, stakes.saved(rates, skew, 0.0))
    return saved_s
