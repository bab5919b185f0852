"""The options that a cloud adds to the scheduling problem of a device.

For each variant that an app may use at the device, and that the cloud lists with the same parts and
the same head, there is one option that sends the window, and one for each place between two parts
where what the first ones give is smaller, in half precision, than the encoded window. Each names what
stands by at the device, so that memory and energy are planned for it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from catalog.devices import RadioProfile
from catalog.store import Catalog
from engine.offload import ExpectedPicture, OfferedVariant
from engine.scheduling.problem import App, Link, Option, Place, Problem, Stage, memory_bytes

_HALF_BYTES = 2
_REQUEST_BYTES = 120  # of a message beside pixels or features: ids, the question, the deadline
_ANSWER_BYTES = 80
_STANDBY_SHARE = 0.1  # of the latency limit: so fast is what stands by, where there is such a variant
_STANDBY_MEMORY = 0.25  # of the memory: so small is it
_STANDBY_LOAD = 0.5  # of the processor, should it have to answer every window


@dataclass(frozen=True, slots=True)
class CloudPrices:
    """What the cloud charges.

    Args:
        usd_per_s: of execution.
        usd_per_byte: sent or received.
    """

    usd_per_s: float = 0.0
    usd_per_byte: float = 0.0

    def cost_usd(self, execution_s: float, moved_bytes: float) -> float:
        """Return the price of one request."""
        return self.usd_per_s * execution_s + self.usd_per_byte * moved_bytes


@dataclass(frozen=True, slots=True)
class CloudOffer:
    """What a device knows of a cloud when it plans.

    Args:
        offered: variants that the cloud answers with.
        link: to it, the wait at the other side included in the round trip.
        lost_share: of requests that get no answer in time, in [0, 1].
        prices: of it.
        pictures: as what a window of its trunk's side travels, by the variant that is asked.
    """

    offered: tuple[OfferedVariant, ...]
    link: Link
    lost_share: float
    prices: CloudPrices
    pictures: Mapping[str, ExpectedPicture]


def expected_link(
    radio: RadioProfile | None,
    round_trip_s: float,
    mbps: float | None = None,
    exchange_j: float | None = None,
) -> Link:
    """Return what is expected of sending by a radio.

    Args:
        radio: None where sending takes no energy that is counted.
        round_trip_s: without the bytes' own time.
        mbps: measured; None for the radio's nominal speed.
        exchange_j: measured energy of an exchange beside that of its bytes; None for a whole tail.
    """
    if radio is None:
        return Link(mbps=math.inf if mbps is None else mbps, round_trip_s=round_trip_s)
    return Link(
        radio.tail_w * radio.tail_s if exchange_j is None else exchange_j,
        radio.up_j_per_byte,
        radio.down_j_per_byte,
        radio.mbps if mbps is None else mbps,
        round_trip_s,
    )


def with_cloud(problem: Problem, catalog: Catalog, offer: CloudOffer, avoid: Collection[str] = ()) -> Problem:
    """Return a problem with the options of a cloud in place of those that it had.

    Args:
        problem: the options at the device come from it.
        catalog: sizes of windows and of what parts give.
        offer: what the cloud answers with and what it takes.
        avoid: pieces that nothing that stands by may need.
    """
    here = {a: tuple(o for o in own if not o.needs_cloud) for a, own in problem.options.items()}
    there = {v.id: v for v in offer.offered}
    standby = _standby_options(replace(problem, options=here), frozenset(avoid))
    options = {
        app: _with_cloud(own, there, standby.get(app), catalog, problem, offer) for app, own in here.items()
    }
    return replace(problem, options=options, link=offer.link)


def without_cloud(problem: Problem) -> Problem:
    """Return a problem without the options of a cloud; itself where it has none."""
    if not any(o.needs_cloud for own in problem.options.values() for o in own):
        return problem
    here = {a: tuple(o for o in own if not o.needs_cloud) for a, own in problem.options.items()}
    return replace(problem, options=here, link=Link())


def _with_cloud(
    own: tuple[Option, ...],
    there: Mapping[str, OfferedVariant],
    standby: Option | None,
    catalog: Catalog,
    problem: Problem,
    offer: CloudOffer,
) -> tuple[Option, ...]:
    """Return an app's options with those of the cloud, most accurate first."""
    found = list(own)
    for option in own:
        (stage,) = option.stages
        listed = there.get(option.variant)
        if listed is None or (listed.part_ids, listed.head_id) != (stage.parts, stage.head):
            continue
        for stages in _ways(option, listed, catalog, problem, offer):
            seen = option if len(stages) > 1 else _through_picture(option, offer)
            if seen.accuracy >= problem.apps[option.app].accuracy_floor:
                found.append(_option(seen, stages, standby, offer.lost_share))
    return tuple(sorted(found, key=lambda o: -o.accuracy))


def _through_picture(option: Option, offer: CloudOffer) -> Option:
    """Return an option with the accuracy that is left where its windows travel as pictures."""
    loss = offer.pictures[option.variant].accuracy_loss
    return replace(option, accuracy=max(0.0, option.accuracy - loss))


def _option(option: Option, stages: tuple[Stage, ...], standby: Option | None, lost_share: float) -> Option:
    """Return an option in the cloud; what is lost is answered by what stands by, or not at all."""
    if standby is None:
        return replace(option, accuracy=(1.0 - lost_share) * option.accuracy, stages=stages)
    accuracy = (1.0 - lost_share) * option.accuracy + lost_share * standby.accuracy
    stands_by = replace(standby.stages[0], probability=lost_share)
    return replace(option, accuracy=accuracy, stages=stages, standby=stands_by)


def _ways(
    option: Option, listed: OfferedVariant, catalog: Catalog, problem: Problem, offer: CloudOffer
) -> list[tuple[Stage, ...]]:
    """Return the stages of each way to run a variant in the cloud, whole or from some part on."""
    (stage,) = option.stages
    picture_bytes = offer.pictures[option.variant].size_bytes
    ways: list[tuple[Stage, ...]] = []
    for cut in range(len(stage.parts)):
        up_bytes = picture_bytes
        if cut:
            up_bytes = _HALF_BYTES * math.prod(catalog.parts[stage.parts[cut - 1]].output_shape)
            if up_bytes >= picture_bytes:
                continue
        run_s = _run_s(stage, cut, listed, problem)
        up = round(up_bytes) + _REQUEST_BYTES
        away = Stage(
            Place.CLOUD,
            stage.parts[cut:],
            stage.head,
            up_bytes=up,
            down_bytes=_ANSWER_BYTES,
            run_s=run_s,
            cost_usd=offer.prices.cost_usd(run_s, up + _ANSWER_BYTES),
        )
        ways.append((Stage(Place.DEVICE, stage.parts[:cut]), away) if cut else (away,))
    return ways


def _run_s(stage: Stage, cut: int, listed: OfferedVariant, problem: Problem) -> float:
    """Return the execution time of what is left of a variant in the cloud.

    The whole variant's is what the cloud has told, or that of the device until it has; parts are taken
    to have the same share of it at both places.
    """
    here_s = math.fsum(problem.pieces[p].run_s for p in stage.pieces)
    left_s = math.fsum(problem.pieces[p].run_s for p in stage.pieces[cut:])
    if listed.run_s is None:
        return left_s
    return listed.run_s * (left_s / here_s if here_s > 0.0 else 1.0)


def _standby_options(problem: Problem, avoid: frozenset[str]) -> dict[str, Option]:
    """Return, by app, what answers at the device when the cloud does not; apps without any are left out.

    Apps about the same input type stand by on the same trunk where they can: it is held, and run,
    once for all of them.
    """
    found: dict[str, Option] = {}
    for input_type in dict.fromkeys(a.input_type for a in problem.apps.values()):
        apps = [a for a in problem.apps.values() if a.input_type == input_type]
        usable = {a.name: _usable(problem, a, avoid) for a in apps}
        together = [a for a in apps if usable[a.name]]
        trunk = _best_trunk(problem, together, usable)
        for app in together:
            own = usable[app.name]
            on_it = [o for o in own if o.stages[0].parts == trunk]
            found[app.name] = on_it[0] if on_it else min(own, key=lambda o: _worst_s(problem, o))
    return found


def _usable(problem: Problem, app: App, avoid: frozenset[str]) -> list[Option]:
    return [
        o
        for o in problem.options.get(app.name, ())
        if avoid.isdisjoint(o.device_pieces)
        and memory_bytes(problem.pieces, o.device_pieces) <= problem.budget.memory_bytes
        and _worst_s(problem, o) <= app.latency_limit_s
    ]


def _best_trunk(
    problem: Problem, apps: list[App], usable: Mapping[str, list[Option]]
) -> tuple[str, ...] | None:
    """Return the trunk that serves most apps and, of those fast and small enough, serves them best.

    Where none is fast and small enough, it is the fastest.
    """
    carried: dict[tuple[str, ...], dict[str, Option]] = {}
    for app in apps:
        for option in usable[app.name]:
            carried.setdefault(option.stages[0].parts, {})[app.name] = option
    most = max((len(on) for on in carried.values()), default=0)
    carried = {trunk: on for trunk, on in carried.items() if len(on) == most}
    modest = [t for t, on in carried.items() if _is_modest(problem, apps, on)]
    if modest:
        weights = {a.name: a.weight for a in apps}
        return max(modest, key=lambda t: sum(weights[a] * o.accuracy for a, o in carried[t].items()))
    return min(carried, key=lambda t: _run_worst_s(problem, t), default=None)


def _is_modest(problem: Problem, apps: list[App], on: Mapping[str, Option]) -> bool:
    """Tell whether what stands by is fast enough for a burst of lost answers, and small enough to be kept."""
    pieces = dict.fromkeys(p for o in on.values() for p in o.device_pieces)
    together_s = _run_worst_s(problem, pieces)
    windows_hz = problem.windows_hz.get(apps[0].input_type, 0.0)
    return (
        together_s <= _STANDBY_SHARE * min(a.latency_limit_s for a in apps)
        and windows_hz * together_s <= _STANDBY_LOAD
        and memory_bytes(problem.pieces, pieces) <= _STANDBY_MEMORY * problem.budget.memory_bytes
    )


def _worst_s(problem: Problem, option: Option) -> float:
    return _run_worst_s(problem, option.device_pieces)


def _run_worst_s(problem: Problem, pieces: Collection[str]) -> float:
    return math.fsum(problem.pieces[p].run_worst_s for p in pieces)
