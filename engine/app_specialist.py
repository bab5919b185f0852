"""One app's specialised heads: on which trunk, in front of which variant, and which one is in use."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from catalog.store import Catalog
from engine.head_orders import HeadsWanted, NamedHead, TrainerOrders, TrainingAccount
from engine.scheduling.problem import Option, Problem
from engine.scheduling.promising_trunks import Promise, promising_trunks
from engine.scheduling.special_options import OfferedSecond, SpecialOffer, generic_options
from specializer.best_of_orders import BestOfOrders, Candidate
from specializer.cascade import RatesByCount, Stakes
from specializer.expected_saving import ExpectedSaving
from specializer.head_trainer import HeadTrainer, SecondOrder
from specializer.policy import Seen
from specializer.remembered_heads import RememberedHeads
from specializer.specialist import Event, Specialist, Step

_LATEST = 50  # answers that tell what usually answers
_FIRST_LOOK = 5
_LOOK_EVERY = 25
_MOSTLY = 0.6
_OTHER_SHARE = 0.05
COMPARED_AT = 0.95  # skew for which trunks are compared
MOST_TRUNKS = 2  # on which a head is tried: each takes some milliseconds
_MOST_TEAMS = 8


@dataclass(frozen=True, slots=True)
class Bench:
    """What all apps' specialists share.

    Args:
        catalog: trunks, tasks, heads.
        trainer: makes heads.
        rates: what is known of heads on the trunk of a variant, by its id.
        account: charged for training.
        name: makes the name of a head of a variant's trunk, one that no other has.
    """

    catalog: Catalog
    trainer: HeadTrainer
    rates: Mapping[str, RatesByCount]
    account: TrainingAccount
    name: Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class _Usual:
    """What usually answers: a generic variant, and what others run for the same windows."""

    generic: str
    shared: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Team:
    """A specialist for heads in front of one variant.

    Args:
        specials: by trunk that heads are on, the generic variant on it.
        stakes: processor time, in s; of the most promising trunk.
    """

    specialist: Specialist[NamedHead]
    specials: Mapping[str, Option]
    stakes: Stakes


class AppSpecialist:
    """Follows what answers an app, and has heads made in front of that.

    Args:
        app: its name.
        bench: what all apps share.
    """

    def __init__(self, app: str, bench: Bench) -> None:
        self._app = app
        self._bench = bench
        self._latest: deque[_Usual] = deque(maxlen=_LATEST)
        self._usual: _Usual | None = None
        self._teams: dict[_Usual, _Team | None] = {}
        self._team: _Team | None = None
        self._until_look = _FIRST_LOOK
        self._offered: SpecialOffer | None = None
        self._saved_s = 0.0
        self._events: list[Event] = []

    @property
    def head(self) -> NamedHead | None:
        """The head in use."""
        return self._head

    def checks(self, drawn: float) -> bool:
        """Tell whether an answer of the head is to be checked.

        Args:
            drawn: evenly from [0, 1).
        """
        if self._team is None:
            return False
        specialist = self._team.specialist
        return specialist.is_wary or drawn < specialist.check_share

    @property
    def _head(self) -> NamedHead | None:
        return None if self._team is None else self._team.specialist.head

    def observe(
        self, problem: Problem, seen: Seen, generic: str | None, shared: frozenset[str], now: float
    ) -> float:
        """Take note of an answer; return the processor time that was saved by it.

        Args:
            generic: id of the generic variant that answered; None where a specialised head or the cloud did.
            shared: pieces that other apps ran for the same window.
        """
        if generic is not None:
            self._latest.append(_Usual(generic, shared))
            self._until_look -= 1
            if self._until_look <= 0:
                self._look(problem, now)
                self._until_look = _FIRST_LOOK if self._team is None else _LOOK_EVERY
        team = self._team
        if team is None:
            return 0.0
        saved_s = _saved_s(team, seen)
        self._saved_s += saved_s
        team.specialist.observe(seen, now)
        return saved_s

    def attend(self, now: float) -> None:
        """Take a head that has become ready into use."""
        if self._team is not None:
            self._team.specialist.attend(now)

    def offer(self) -> SpecialOffer | None:
        """Return the head in use as something that may be chosen."""
        team, head = self._team, self._head
        if team is None or head is None:
            self._offered = None
            return None
        heads = []
        for variant in head.variants:
            stage = team.specials[variant.trunk].stages[0]
            assert stage.head is not None, "a whole variant has a head"
            weights = head.pieces[variant.head]
            size_bytes = weights.weight.nbytes + weights.bias.nbytes
            heads.append((stage.parts, variant.head, size_bytes, stage.head))
        self._offered = SpecialOffer(
            self._app,
            *heads[0],
            head.head.rates,
            team.specialist.share,
            team.specialist.check_share,
            *(OfferedSecond(*second) for second in heads[1:]),
        )
        return self._offered

    def has_changed(self) -> bool:
        """Tell whether another head than the one offered last is in use."""
        head, offered = self._head, self._offered
        if head is None or offered is None:
            return (head is None) is not (offered is None)
        return head.variant.head != offered.head

    def has_drifted(self) -> bool:
        """Tell whether the classes of the head in use have quite another share than was told."""
        team, head, offered = self._team, self._head, self._offered
        if team is None or head is None or offered is None:
            return False
        return abs(team.specialist.share - offered.share) > _OTHER_SHARE

    def take_events(self) -> list[tuple[Event, float]]:
        """Return what happened since the last call, with the processor time that the head in use saved."""
        if self._team is not None:
            self._events += self._team.specialist.take_events()
        told = []
        for event in self._events:
            told.append((event, self._saved_s))
            if event.step in (Step.ENTERED, Step.REENTERED, Step.LEFT):
                self._saved_s = 0.0
        self._events = []
        return told

    def _look(self, problem: Problem, now: float) -> None:
        """Follow what answers the app most of the time."""
        ((usual, count),) = Counter(self._latest).most_common(1)
        if usual == self._usual or count < _MOSTLY * len(self._latest):
            return
        self._usual = usual
        if usual not in self._teams:
            if len(self._teams) >= _MOST_TEAMS:
                self._teams.clear()
            self._teams[usual] = self._make(problem, usual)
        if self._team is not None and self._team is not self._teams[usual]:
            self._team.specialist.stop(f"{usual.generic} answers now", now)
            self._events += self._team.specialist.take_events()
        self._team = self._teams[usual]

    def _make(self, problem: Problem, usual: _Usual) -> _Team | None:
        """Return a specialist where that may pay."""
        generic = next((o for o in generic_options(problem, self._app) if o.variant == usual.generic), None)
        if generic is None:
            return None
        bench, head_s = self._bench, self._bench.account.head_s
        found = promising_trunks(problem, generic, usual.shared, bench.rates, head_s, COMPARED_AT)
        if not found:
            return None
        found = found[:MOST_TRUNKS]
        stakes = replace(found[0].stakes, head_cost=head_s * len(found))
        candidates = [Candidate(self._orders(p, generic), p.stakes.special_costs) for p in found]
        remembered: RememberedHeads[NamedHead] = RememberedHeads()
        orders = BestOfOrders(candidates, stakes, COMPARED_AT)
        specialist = Specialist(ExpectedSaving(stakes, remembered), orders, remembered)
        options = [o for p in found for o in (p.option, p.second) if o is not None]
        return _Team(specialist, {bench.catalog.variants[o.variant].trunk: o for o in options}, stakes)

    def _orders(self, promise: Promise, generic: Option) -> TrainerOrders:
        """Return what makes heads on the trunks of a promise, in front of an option."""
        bench, stakes, second = self._bench, promise.stakes, None
        special, behind = (bench.catalog.variants[o.variant] for o in (promise.option, generic))
        if promise.second is not None:
            trunk = bench.catalog.variants[promise.second.variant].trunk
            second = SecondOrder(trunk, stakes.second_cost / stakes.generic_cost)
        wanted = HeadsWanted(special.trunk, special.task, behind.trunk, generic.accuracy, second)
        classes = bench.catalog.tasks[special.task].classes
        return TrainerOrders(bench.trainer, wanted, bench.account, classes, bench.name)


def _saved_s(team: _Team, seen: Seen) -> float:
    """Return what a window that may have been answered by a cascade took less than the generic variant."""
    active = team.specialist.active
    if active is None or (seen.special is None and not seen.cascaded):
        return 0.0
    stakes = team.stakes
    spared_s = stakes.generic_cost if seen.generic is None else 0.0
    cost = stakes.special_costs if active.cost is None else active.cost
    return spared_s - cost.of_window(seen.second)
