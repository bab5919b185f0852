"""How a run stands at one moment, as values: what the live table, the closing summary and --json show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.capture import CaptureCounts, SourceFigures
from engine.gating.standing_answers import NOTHING_PASSED_OVER, GateFigures
from engine.ledger import LedgerLine
from engine.meter_figures import NO_METER, MeterFigures
from engine.sinks.sink_figures import SinkFigures
from engine.truth import TruthCounts


@dataclass(frozen=True, slots=True)
class AppFigures:
    """One app so far.

    Args:
        app: its name.
        requests: windows that it asked about.
        served: answered within its latency limit.
        unserved: requests by the reason why they were not served.
        known: requests whose true class the source knows, served or not.
        correct: of these, served with the true class.
        latency_mean_s: of all answers, late ones included; None without any.
        latency_p95_s: likewise, to within 1 %.
        energy_j: its share of what running and waited-for loading took, by origin of the figure.
        cost_usd: its share of the cloud's bill.
        variants: answers by variant.
        places: answers by place: "device", "cloud" and "split".
        variant: that answered last.
        reused: further windows for which an earlier answer about the same track stood; in none of the
            figures above.
        reused_known: of these, those whose true class the source knows.
        reused_correct: of these, those for which the answer was right.
    """

    app: str
    requests: int = 0
    served: int = 0
    unserved: Mapping[str, int] = field(default_factory=dict)
    known: int = 0
    correct: int = 0
    latency_mean_s: float | None = None
    latency_p95_s: float | None = None
    energy_j: Mapping[str, float] = field(default_factory=dict)
    cost_usd: float = 0.0
    variants: Mapping[str, int] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)
    variant: str | None = None
    reused: int = 0
    reused_known: int = 0
    reused_correct: int = 0

    @property
    def served_share(self) -> float | None:
        """Share of requests that were served, or None without any."""
        return self.served / self.requests if self.requests else None

    @property
    def accuracy(self) -> float | None:
        """Share of right answers where truth is known, an unserved request counting as wrong.

        Answers that were reused count like any other.
        """
        known = self.known + self.reused_known
        return (self.correct + self.reused_correct) / known if known else None


@dataclass(frozen=True, slots=True)
class BudgetFigures:
    """What is left of the current period's budget.

    Args:
        energy_j: granted for the period, base load and what was carried over included; inf without a limit.
        energy_left_j: neither spent nor held.
        cost_usd: granted for the period; inf without a limit.
        cost_left_usd: neither spent nor held.
        period_left_s: until the budget renews.
        renewal: the same for people, "in 3 h 20 min".
        overdraft_j: spent beyond the budgets of all periods.
        overdraft_usd: likewise.
        spent_j: in this period, base load up to now included.
        spent_usd: in this period.
        period_s: length of the period, expected where only an event ends it.
        renewals: how often a period has ended.
    """

    energy_j: float = math.inf
    energy_left_j: float = math.inf
    cost_usd: float = math.inf
    cost_left_usd: float = math.inf
    period_left_s: float = math.inf
    renewal: str = ""
    overdraft_j: float = 0.0
    overdraft_usd: float = 0.0
    spent_j: float = 0.0
    spent_usd: float = 0.0
    period_s: float = math.inf
    renewals: int = 0

    @property
    def is_limited(self) -> bool:
        """Whether energy or money may run out."""
        return math.isfinite(self.energy_j) or math.isfinite(self.cost_usd)


@dataclass(frozen=True, slots=True)
class MemoryFigures:
    """What parts and heads hold.

    Args:
        used_bytes: now.
        peak_bytes: at most so far.
        limit_bytes: inf without a limit.
        loads: pieces that came into memory.
        evictions: pieces that left it to make room.
    """

    used_bytes: int = 0
    peak_bytes: int = 0
    limit_bytes: float = math.inf
    loads: int = 0
    evictions: int = 0


@dataclass(frozen=True, slots=True)
class CloudFigures:
    """What became of requests that were sent to the cloud.

    Args:
        sent: to it.
        answered: by it.
        stood_in: answered by the device, because the cloud was silent for too long.
        lost: answered by nobody.
    """

    sent: int = 0
    answered: int = 0
    stood_in: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class SpecialNews:
    """Something that happened while specialising.

    Args:
        t_s: on the source's clock.
        app: whose head it is about.
        text: what, with classes and reason, for people.
    """

    t_s: float
    app: str
    text: str


@dataclass(frozen=True, slots=True)
class SpecialFigures:
    """What specialising came to.

    Args:
        heads: trained.
        entered: how often a head was taken into use.
        left: how often one was left.
        answered: requests that a specialised head answered alone.
        passed_on: requests that went on to the generic variant.
        checked: answers of specialised heads that the generic variant checked, and gave its own for.
        saved_s: processor time that generic variants would have taken beyond what was taken.
        multiply_adds: of the parts that ran for requests that the device answered, heads left out.
        latest: what happened last, for people.
        recent: the latest of what happened, in order.
    """

    heads: int = 0
    entered: int = 0
    left: int = 0
    answered: int = 0
    passed_on: int = 0
    checked: int = 0
    saved_s: float = 0.0
    multiply_adds: int = 0
    latest: str = ""
    recent: tuple[SpecialNews, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything beside the results, read from its owners at one moment by the engine's thread.

    Among them frames passed over because nothing had changed, and how many things were tracked.
    """

    captured: CaptureCounts = field(default_factory=CaptureCounts)
    truth: TruthCounts = field(default_factory=TruthCounts)
    spent: tuple[LedgerLine, ...] = ()
    budget: BudgetFigures = BudgetFigures()
    memory: MemoryFigures = MemoryFigures()
    sinks: tuple[SinkFigures, ...] = ()
    cloud: CloudFigures = CloudFigures()
    sources: tuple[SourceFigures, ...] = ()
    special: SpecialFigures = SpecialFigures()
    meter: MeterFigures = NO_METER
    gated: GateFigures = NOTHING_PASSED_OVER
    tracks: int = 0

    @property
    def spent_j(self) -> float:
        """Energy of all categories so far, whatever its origin: for a picture, not for a table."""
        return sum(line.energy_j for line in self.spent)

    @property
    def spent_by_origin_j(self) -> dict[str, float]:
        """Energy of all categories so far, by origin of the figures."""
        origins: dict[str, float] = {}
        for line in self.spent:
            origins[line.origin] = origins.get(line.origin, 0.0) + line.energy_j
        return {origin: energy_j for origin, energy_j in origins.items() if energy_j}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run at one moment.

    Args:
        t_s: time of the latest frame on the source's clock.
        elapsed_s: since the run began.
        frames: processed.
        apps: those of the run first, then in the order in which they came or first asked.
        standing: frames captured, truth found, spending, budget, memory and what became of results.
    """

    t_s: float = 0.0
    elapsed_s: float = 0.0
    frames: int = 0
    apps: tuple[AppFigures, ...] = ()
    standing: Standing = Standing()

    @property
    def requests(self) -> int:
        """Requests of all apps."""
        return sum(a.requests for a in self.apps)

    @property
    def served_share(self) -> float | None:
        """Share of all requests that were served, or None without any."""
        return sum(a.served for a in self.apps) / self.requests if self.requests else None

    @property
    def accuracy(self) -> float | None:
        """Share of right answers over all requests whose truth is known, unserved ones being wrong."""
        known = sum(a.known + a.reused_known for a in self.apps)
        correct = sum(a.correct + a.reused_correct for a in self.apps)
        return correct / known if known else None

    @property
    def reused(self) -> int:
        """Answers of all apps that stood along a track, beside the requests."""
        return sum(a.reused for a in self.apps)

    @property
    def unserved(self) -> dict[str, int]:
        """Requests of all apps by the reason why they were not served, the most frequent first."""
        reasons: dict[str, int] = {}
        for app in self.apps:
            for reason, count in app.unserved.items():
                reasons[reason] = reasons.get(reason, 0) + count
        return dict(sorted(reasons.items(), key=lambda r: -r[1]))
