"""Watches what every app is seeing, and keeps the specialised heads that pay."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np

from catalog.store import Catalog
from engine.app_specialist import AppSpecialist, Bench
from engine.head_orders import TrainingAccount
from engine.route_run import Execution
from engine.runtime.special_pieces import SpecialHeads
from engine.scheduling.problem import Option, Problem
from engine.scheduling.special_options import with_specials, without_specials
from engine.snapshot import SpecialFigures, SpecialNews
from engine.special_variants import NO_SPECIALS, SpecialVariant
from specializer.cascade import RatesByCount
from specializer.head_trainer import HeadTrainer
from specializer.policy import Seen
from specializer.specialist import Event, Step

_log = logging.getLogger(__name__)

_MOST_RECENT = 20


class Specializing(Protocol):
    """Told what was answered, says what more may be used."""

    @property
    def figures(self) -> SpecialFigures:
        """What it came to so far."""

    @property
    def variants(self) -> Mapping[str, SpecialVariant]:
        """By head, what is asked in cascades before their generic variants."""

    def checks(self, app: str) -> bool:
        """Tell whether the next answer of an app's specialised heads is to be checked."""

    def observe(
        self, problem: Problem, options: Mapping[str, Option], execution: Execution, now: float
    ) -> None:
        """Take note of what a window's apps were answered by the options that ran."""

    def observe_label(
        self, problem: Problem, app: str, class_name: str, confidence: float, now: float
    ) -> None:
        """Take note of an answer of which the device's own variants are no part: the cloud gave it."""

    def changed(self, now: float) -> bool:
        """Tell whether other heads are to be used from now on; called between two windows."""

    def drifted(self) -> bool:
        """Tell whether the share of the classes of a head in use has moved since it was planned with."""

    def take_notes(self) -> Mapping[str, str]:
        """Return what happened since the last call, by app, for its next result."""

    def offer(self, problem: Problem) -> Problem:
        """Return a problem with the cascades of the heads in use in place of those that it had."""

    def finish(self, now: float) -> None:
        """Book what is under way."""


class NotSpecializing:
    """Where nothing is specialised."""

    figures = SpecialFigures()
    variants = NO_SPECIALS

    def checks(self, app: str) -> bool:  # noqa: ARG002 - a null object, likewise below
        """Check nothing."""
        return False

    def observe(
        self, problem: Problem, options: Mapping[str, Option], execution: Execution, now: float
    ) -> None:
        """Take note of nothing."""

    def observe_label(
        self, problem: Problem, app: str, class_name: str, confidence: float, now: float
    ) -> None:
        """Take note of nothing."""

    def changed(self, now: float) -> bool:  # noqa: ARG002
        """Nothing ever changes."""
        return False

    def drifted(self) -> bool:
        """Nothing is used."""
        return False

    def take_notes(self) -> Mapping[str, str]:
        """Nothing happens."""
        return {}

    def offer(self, problem: Problem) -> Problem:
        """Return the problem itself."""
        return problem

    def finish(self, now: float) -> None:
        """Nothing is under way."""


NOT_SPECIALIZING = NotSpecializing()


class LiveSpecializing:
    """Keeps a specialist for every app; used by the engine's thread alone.

    Args:
        catalog: trunks, tasks, heads.
        trainer: makes heads; owned by somebody else.
        rates: what is known of heads on the trunk of a variant, by its id.
        heads: where those in use are put.
        account: charged for training.
        rng: draws what is checked.
    """

    def __init__(
        self,
        catalog: Catalog,
        trainer: HeadTrainer,
        rates: Mapping[str, RatesByCount],
        heads: SpecialHeads,
        account: TrainingAccount,
        rng: np.random.Generator,
    ) -> None:
        self._catalog = catalog
        self._heads = heads
        self._account = account
        self._rng = rng
        self._bench = Bench(catalog, trainer, rates, account, self._new_name)
        self._apps: dict[str, AppSpecialist] = {}
        self._tasks: dict[str, str] = {}
        self._macs = {piece: part.macs for piece, part in catalog.parts.items()}
        self._ids = {t.name: {c: i for i, c in enumerate(t.classes)} for t in catalog.tasks.values()}
        self._variants: dict[str, SpecialVariant] = {}
        self._figures = SpecialFigures()
        self._notes: dict[str, str] = {}
        self._names = 0

    @property
    def figures(self) -> SpecialFigures:
        """See Specializing."""
        return replace(self._figures, heads=self._account.heads)

    @property
    def variants(self) -> Mapping[str, SpecialVariant]:
        """See Specializing."""
        return self._variants

    def checks(self, app: str) -> bool:
        """Draw; see Specializing."""
        return self._apps[app].checks(self._rng.random())

    def observe(
        self, problem: Problem, options: Mapping[str, Option], execution: Execution, now: float
    ) -> None:
        """Tell each app's specialist; see Specializing."""
        cascaded = {c.app: c for c in execution.cascaded}
        f = self._figures
        answered, passed_on, checked, saved_s = f.answered, f.passed_on, f.checked, f.saved_s
        multiply_adds = f.multiply_adds + sum(self._macs.get(piece, 0) for piece in execution.piece_s)
        for answer in execution.answers:
            task = self._tasks[answer.app] = problem.apps[answer.app].task
            ids = self._ids[task]
            ((name, confidence),) = answer.windows
            two = cascaded.get(answer.app)
            if two is None:
                seen = Seen(None, ids[name], confidence)
            else:
                special = None if two.special is None else ids[two.special]
                generic = None if two.generic is None else ids[two.generic]
                known = confidence if generic is None else two.confidence
                seen = Seen(special, generic, known, True, two.second)
                answered += special is not None and generic is None
                passed_on += special is None
                checked += special is not None and generic is not None
            alone = two is None or two.special is None
            shared = _others(options, answer.app)
            saved_s += self._of(answer.app).observe(
                problem, seen, answer.variant if alone else None, shared, now
            )
        self._figures = replace(
            f,
            answered=answered,
            passed_on=passed_on,
            checked=checked,
            saved_s=saved_s,
            multiply_adds=multiply_adds,
        )

    def observe_label(
        self, problem: Problem, app: str, class_name: str, confidence: float, now: float
    ) -> None:
        """Tell the app's specialist; see Specializing."""
        task = self._tasks[app] = problem.apps[app].task
        seen = Seen(None, self._ids[task][class_name], confidence)
        self._of(app).observe(problem, seen, None, frozenset(), now)

    def changed(self, now: float) -> bool:
        """Attend to what was ordered, and tell what happened; see Specializing."""
        self._account.settle(now)
        changed = False
        for name, app in self._apps.items():
            app.attend(now)
            for event, saved_s in app.take_events():
                self._tell(name, event, saved_s)
            changed |= app.has_changed()
        return changed

    def drifted(self) -> bool:
        """Compare shares; see Specializing."""
        return any(app.has_drifted() for app in self._apps.values())

    def take_notes(self) -> Mapping[str, str]:
        """Return what happened; see Specializing."""
        if not self._notes:
            return self._notes
        notes, self._notes = self._notes, {}
        return notes

    def offer(self, problem: Problem) -> Problem:
        """Return a problem with the cascades of the heads in use; see Specializing."""
        for gone in self._apps.keys() - problem.apps.keys():
            del self._apps[gone]
        offers = [offer for app in self._apps.values() if (offer := app.offer()) is not None]
        named = [h for app in self._apps.values() if (h := app.head) is not None]
        pieces = {piece: weights for h in named for piece, weights in h.pieces.items()}
        for piece in self._variants.keys() - pieces.keys():
            self._heads.forget(piece)
        for piece in pieces.keys() - self._variants.keys():
            self._heads.put(piece, pieces[piece])
        self._variants = {v.head: v for h in named for v in h.variants}
        return with_specials(without_specials(problem), offers)

    def finish(self, now: float) -> None:
        """Book what has ended; what has not is given up by who owns the trainer."""
        self._account.settle(now)

    def _of(self, app: str) -> AppSpecialist:
        found = self._apps.get(app)
        if found is None:
            found = self._apps[app] = AppSpecialist(app, self._bench)
        return found

    def _new_name(self, trunk: str, task: str) -> str:
        self._names += 1
        return f"{trunk}.{task}.special{self._names}"

    def _tell(self, app: str, event: Event, saved_s: float) -> None:
        """Log what happened, and count it."""
        classes = self._catalog.tasks[self._tasks[app]].classes
        said = _said(event, [classes[c] for c in event.classes], saved_s)
        _log.info("at %.1f s: %s: %s", event.t_s, app, said)
        self._notes[app] = f"{self._notes[app]}; {said}" if app in self._notes else said
        f = self._figures
        self._figures = replace(
            f,
            entered=f.entered + (event.step in (Step.ENTERED, Step.REENTERED)),
            left=f.left + (event.step is Step.LEFT),
            latest=f"{app}: {said}",
            recent=(*f.recent, SpecialNews(event.t_s, app, said))[-_MOST_RECENT:],
        )


def _others(options: Mapping[str, Option], app: str) -> frozenset[str]:
    """Return what the other apps of a window run in any case, as far as this one can use it.

    Another app's specialised head is of no use to it, and each has a name of its own: counted, every new
    one would look like another set of shared pieces, and this app's head would be let go of.
    """
    if len(options) == 1:
        return frozenset()
    others = (o for a, o in options.items() if a != app)
    return frozenset(p for o in others for p in (o.stages[0].parts if o.is_cascade else o.stages[0].pieces))


def _said(event: Event, classes: list[str], saved_s: float) -> str:
    """Say for people what happened."""
    names = ", ".join(classes)
    if event.step is Step.LEFT:
        return f"left the head for {names}: {event.why}; it saved {saved_s:.3g} s of processor time"
    verb = {
        Step.ORDERED: "has a head trained for",
        Step.ENTERED: "specialised in",
        Step.REENTERED: "specialised again in",
        Step.REFUSED: "got no head for",
    }[event.step]
    return f"{verb} {names}: {event.why}"
