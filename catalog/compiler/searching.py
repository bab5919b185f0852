"""A search as it runs: what is made next, decided from what is finished.

A decision is taken from what became of all earlier ones but the last few, whichever of those have ended
in fact. So the decisions are the same however long each trunk takes, however many processes work, and
wherever a run was ended and resumed; only how many are taken depends on time, where that is limited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from catalog.compiler.early_stopping import stop_rule
from catalog.compiler.front_gaps import Known, Tried, choose, kind_of
from catalog.compiler.outcomes import Outcome
from catalog.compiler.predicted_costs import log_cost
from catalog.compiler.search_record import (
    Decision,
    End,
    SearchLimits,
    SearchRecord,
    read_record,
    write_record,
)
from catalog.compiler.search_space import Combination
from catalog.compiler.worker import Assignment, Failure, Stopped
from catalog.compiler.workplace import Workplace
from catalog.measured_calls import Clock
from catalog.training.schedule import Progress
from catalog.transforms.recipe import Candidate, StoredTrunk

LEAST_AHEAD = 4


def search_record(root: Path, limits: SearchLimits | None, jobs: int) -> SearchRecord | None:
    """Return the record of the search in a folder, under new limits where there are any, or a fresh one.

    Returns:
        None where there is neither a search nor limits for one.

    Raises:
        CatalogError: the folder's record is damaged.
    """
    begun = read_record(root)
    if begun is None:
        return None if limits is None else SearchRecord(limits, max(LEAST_AHEAD, jobs))
    return begun if limits is None else replace(begun, limits=limits)


class Search:
    """A queue of trunks that is thought up as it is worked off; see pool.Queue.

    Args:
        place: where workers read and write; search.json lies in its root.
        space: everything that may be tried.
        record: of an earlier run, or a fresh one.
        clock: seconds, monotonic.
    """

    def __init__(
        self, place: Workplace, space: Sequence[Combination], record: SearchRecord, clock: Clock
    ) -> None:
        self._place = place
        self._space = {c.candidate.name: c for c in space}
        self._limits: SearchLimits = record.limits
        self._ahead = record.ahead
        self._decisions = {d.candidate: d for d in record.decisions}
        self._before_s = record.spent_s
        self._clock = clock
        self._start_s = clock()
        self._begun_s: dict[str, float] = {}
        self._stored: dict[str, StoredTrunk] = {}
        self._tried: dict[str, Tried] = {}

    def begin(self, outcomes: Mapping[str, Outcome], stored: Mapping[str, StoredTrunk]) -> None:
        """Take up what earlier runs finished; what they left under way, failed at or lost is made anew."""
        for name, decision in self._decisions.items():
            if name in outcomes:
                self._keep(outcomes[name], stored[name])
                self._decisions[name] = replace(decision, end=End.FINISHED, reason=None)
            elif decision.end is not End.STOPPED:
                self._decisions[name] = replace(decision, end=End.UNDER_WAY, reason=None, curve=())
        self._save()

    @property
    def combinations(self) -> int:
        """How many there are to choose from."""
        return len(self._space)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided so far, in order."""
        return tuple(self._decisions.values())

    def next(self) -> Assignment | None:
        """Return what was decided and is not begun, else decide; None to wait, or at the end."""
        for decision in self._decisions.values():
            candidate = self._space[decision.candidate].candidate
            waiting = decision.end is End.UNDER_WAY and decision.candidate not in self._begun_s
            if waiting and all(name in self._stored for name in candidate.after):
                return self._assignment(decision)
        fresh = self._decide()
        return None if fresh is None else self._assignment(fresh)

    def note(self, candidate: Candidate, progress: Progress) -> None:
        """Keep the accuracy after an epoch."""
        decision = self._decisions[candidate.name]
        self._decisions[candidate.name] = replace(decision, curve=(*decision.curve, progress.accuracy))
        self._save()

    def finish(self, outcome: Outcome, trunk: StoredTrunk) -> None:
        """Take note of a finished trunk."""
        self._keep(outcome, trunk)
        self._end(outcome.trunk.name, End.FINISHED, None)

    def give_up(
        self, candidate: Candidate, report: Failure | Stopped
    ) -> Iterator[tuple[str, Failure | Stopped]]:
        """Take note of a trunk that was given up: nothing else waits for it, unless it is made anew."""
        self._end(candidate.name, End.FAILED if isinstance(report, Failure) else End.STOPPED, report.reason)
        yield candidate.name, report

    def _keep(self, outcome: Outcome, trunk: StoredTrunk) -> None:
        leading = self._place.tasks_on(outcome.trunk.input_type)[0]
        variant = next(v for v in outcome.variants if v.task == leading.name)
        self._tried[outcome.trunk.name] = Tried(log_cost(outcome), variant.validation_accuracy)
        self._stored[outcome.trunk.name] = trunk

    def _end(self, name: str, end: End, reason: str | None) -> None:
        seconds = self._clock() - self._begun_s[name]
        self._decisions[name] = replace(self._decisions[name], end=end, reason=reason, seconds=seconds)
        self._save()

    def _decide(self) -> Decision | None:
        limit = self._limits.max_candidates
        if limit is not None and len(self._decisions) >= limit:
            return None
        taken = list(self._decisions.values())
        space = list(self._space.values())
        for seen in range(max(0, len(taken) - self._ahead + 1), len(taken) + 1):
            if any(d.end is End.UNDER_WAY for d in taken[:seen]):
                return None
            known = self._known(taken[:seen], taken[seen:])
            choice = choose(space, known, self._place.seed)
            if choice is None:
                continue
            if not self._in_time(choice.combination):
                return None
            curves = {d.candidate: d.curve for d in taken[:seen]}
            rule = stop_rule(space, choice, known, curves)
            decision = Decision(choice.combination.candidate.name, choice.distance, rule)
            self._decisions[decision.candidate] = decision
            self._save()
            return decision
        return None

    def _known(self, seen: Sequence[Decision], unseen: Sequence[Decision]) -> Known:
        finished = {d.candidate: self._tried[d.candidate] for d in seen if d.end is End.FINISHED}
        given_up = {d.candidate for d in seen if d.end in (End.STOPPED, End.FAILED)}
        return Known(finished, given_up, {d.candidate for d in unseen})

    def _in_time(self, combination: Combination) -> bool:
        """Whether a trunk is expected to be ready in time, as its kind was, or the slowest so far.

        A full size is begun in any case: nothing of its family can be made without it.
        """
        if self._limits.budget_s is None or combination.candidate.name == combination.base:
            return True
        took = {n: d.seconds for n, d in self._decisions.items() if d.seconds is not None}
        kind = kind_of(combination)
        alike_s = [s for n, s in took.items() if kind_of(self._space[n]) == kind]
        return self._spent_s() + max(alike_s or took.values(), default=0.0) <= self._limits.budget_s

    def _assignment(self, decision: Decision) -> Assignment:
        candidate = self._space[decision.candidate].candidate
        self._begun_s[candidate.name] = self._clock()
        starts = {name: self._stored[name] for name in candidate.after}
        return Assignment(candidate, starts, decision.stop)

    def _spent_s(self) -> float:
        return self._before_s + self._clock() - self._start_s

    def _save(self) -> None:
        write_record(self._root, SearchRecord(self._limits, self._ahead, self.decisions, self._spent_s()))

    @property
    def _root(self) -> Path:
        return self._place.root
