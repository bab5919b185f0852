"""An app's options with their costs added up, made ready for choosing on every request."""

from __future__ import annotations

from dataclasses import dataclass

from engine.scheduling.problem import (
    App,
    Option,
    Place,
    Problem,
    configuration_cost,
    memory_bytes,
    worst_latency_s,
)
from engine.scheduling.unserved import TOO_LARGE, TOO_SLOW, without_options


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One option and what it costs when it runs alone.

    Args:
        place: where it answers.
        pieces: what it needs in the device's memory.
        memory_bytes: what they hold.
        loads: energy and time to load each piece.
        energy_j: expected, for running at the device; sending is left out, as in the paper.
        worst_energy_j: to reserve, sending included.
        cost_usd: expected money for one request.
        run_s: expected execution time of all stages.
        transfers_s: expected time of all exchanges with the cloud.
        device_share: share of that time at the device.
        needs_cloud: any stage runs in the cloud.
    """

    option: Option
    place: Place
    pieces: frozenset[str]
    memory_bytes: int
    loads: tuple[tuple[str, float, float], ...]
    energy_j: float
    worst_energy_j: float
    cost_usd: float
    run_s: float
    transfers_s: float
    device_share: float
    needs_cloud: bool

    def is_again(self, earlier: Candidate) -> bool:
        """Tell whether this is an earlier candidate, perhaps with other costs."""
        same = self.option.variant == earlier.option.variant and self.pieces == earlier.pieces
        return same and _runs(self.option) == _runs(earlier.option)

    def missing(self, resident: frozenset[str]) -> tuple[float, float]:
        """Return the energy and the time to load what is not resident."""
        if self.pieces <= resident:
            return 0.0, 0.0
        absent = [(j, s) for piece, j, s in self.loads if piece not in resident]
        return sum(j for j, _ in absent), sum(s for _, s in absent)


@dataclass(frozen=True, slots=True)
class Candidates:
    """An app's candidates in the orders in which a policy tries them.

    Args:
        best_first: the most accurate first; of equally accurate ones the one at the device.
        at_device: of these, what runs at the device alone, the one with the least energy first.
        in_cloud: the others, the one with the least price first.
        none_because: why there is none, else "".
    """

    best_first: tuple[Candidate, ...] = ()
    at_device: tuple[Candidate, ...] = ()
    in_cloud: tuple[Candidate, ...] = ()
    none_because: str = ""


def candidates_of(problem: Problem, app: App) -> Candidates:
    """Make an app's options ready, without those that could never be served in time or in memory."""
    offered = problem.options.get(app.name, ())
    if not offered:
        return Candidates(none_because=without_options(app))
    limit_bytes = problem.budget.memory_bytes
    fitting = [o for o in offered if memory_bytes(problem.pieces, o.device_pieces) <= limit_bytes]
    if not fitting:
        return Candidates(none_because=TOO_LARGE)
    found = [_candidate(problem, o) for o in fitting]
    in_time = [c for c in found if worst_latency_s(problem, c.option) <= app.latency_limit_s]
    if not in_time:
        return Candidates(none_because=TOO_SLOW)
    return Candidates(
        tuple(sorted(in_time, key=lambda c: (-c.option.accuracy, c.needs_cloud, c.energy_j))),
        tuple(sorted((c for c in in_time if not c.needs_cloud), key=lambda c: c.energy_j)),
        tuple(sorted((c for c in in_time if c.needs_cloud), key=lambda c: c.cost_usd)),
    )


def _runs(option: Option) -> tuple[tuple[Place, tuple[str, ...]], ...]:
    """Return what an option runs where."""
    return tuple((s.place, s.parts) for s in option.stages)


def _candidate(problem: Problem, option: Option) -> Candidate:
    cost = configuration_cost(problem, (option,))
    pieces = tuple(dict.fromkeys(option.device_pieces))
    run_s = cost.run_s + cost.cloud_s
    share = 1.0 if not option.needs_cloud else (cost.run_s / run_s if run_s > 0.0 else 0.0)
    transfers_s = sum(
        problem.link.transfer_s(s.up_bytes, s.down_bytes) for s in option.stages if s.place is Place.CLOUD
    )
    return Candidate(
        option,
        option.place,
        frozenset(pieces),
        memory_bytes(problem.pieces, pieces),
        tuple((p, problem.pieces[p].load_energy_j, problem.pieces[p].load_s) for p in pieces),
        cost.energy_j - cost.radio_j,
        cost.worst_energy_j,
        cost.cost_usd,
        run_s,
        transfers_s,
        share,
        option.needs_cloud,
    )
