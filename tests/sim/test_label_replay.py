from __future__ import annotations

import pytest

from sim.label_replay import Replayed, Said, Sighting, replay
from specializer.policy import Active, Seen, Wanted
from specializer.remembered_heads import RememberedHeads
from specializer.specialist import NotTrained, Specialist, Trained
from tests.specializer.policies import RATES

CLASSES = (4, 7)


class Always:
    """A policy that wants the same classes from the first window on; keeps what it was told."""

    def __init__(self, check_share: float, is_wary: bool = False) -> None:
        self.check_share = check_share
        self.is_wary = is_wary
        self.told: list[Seen] = []

    def observe(self, seen: Seen, active: Active | None, now: float) -> Wanted:
        self.told.append(seen)
        return Wanted(CLASSES)

    def share(self, active: Active) -> float:
        return 0.0

    def refuse(self, classes: tuple[int, ...], skew: float, now: float, passing: bool = False) -> None:
        return

    def forget(self) -> None:
        return


class AtOnce:
    """Heads that are there when the next window comes."""

    def order(self, classes: tuple[int, ...], skew: float, now: float) -> None:
        return

    def ready(self, now: float) -> Trained[str] | NotTrained | None:
        return Trained(Active(CLASSES, RATES), "head")


class WrongHead:
    """A generic model that is always right, and heads that always say 4.

    Args:
        leans_to: what the generic model says behind such a head; None for what it says alone.
        other: whether the heads say "other" instead.
    """

    def __init__(self, leans_to: int | None = None, other: bool = False) -> None:
        self._leans_to = leans_to
        self._other = other
        self._truth = 0

    def see(self, class_id: int) -> None:
        self._truth = class_id

    def generic(self) -> Said:
        return Said(self._truth, 0.9)

    def special(self, active: Active, head: str) -> Said:
        return Said(None if self._other else 4, 0.6)

    def behind(self, head: str) -> Said:
        return self.generic() if self._leans_to is None else Said(self._leans_to, 0.7)

    def checks(self, share: float) -> bool:
        return share == 1.0


def lived(
    check_share: float, models: WrongHead | None = None, is_wary: bool = False
) -> tuple[Replayed, list[Seen]]:
    policy = Always(check_share, is_wary)
    specialist: Specialist[str] = Specialist(policy, AtOnce(), RememberedHeads())
    sightings = [Sighting(i / 10, 7) for i in range(4)]
    return replay(sightings, specialist, models or WrongHead()), policy.told


@pytest.mark.parametrize(("check_share", "right"), [(0.0, [True, False, False, False]), (1.0, [True] * 4)])
def test_where_an_answer_is_checked_the_generic_models_is_given(
    check_share: float, right: list[bool]
) -> None:
    found, _ = lived(check_share)
    assert found.right == right
    assert found.specialised == [False, True, True, True]
    assert sum(found.generic_ran) == (4 if check_share else 1)


def test_where_a_policy_is_wary_every_answer_is_checked() -> None:
    found, told = lived(0.0, is_wary=True)
    assert found.right == [True] * 4
    assert sum(found.generic_ran) == 4
    assert told[-1] == Seen(4, 7, 0.9, cascaded=True)


def test_the_policy_is_told_the_confidence_of_the_model_that_it_is_told_of() -> None:
    for check_share, generic, confidence in ((0.0, None, 0.6), (1.0, 7, 0.9)):
        _, told = lived(check_share)
        assert told[-1] == Seen(4, generic, confidence, cascaded=True)


@pytest.mark.parametrize(("other", "check_share"), [(True, 0.0), (False, 1.0)])
def test_the_answer_that_leans_counts_and_the_policy_is_told_the_generic_models_own(
    other: bool, check_share: float
) -> None:
    found, told = lived(check_share, WrongHead(leans_to=4, other=other))
    assert found.right == [True, False, False, False]  # the first before there is a head
    assert found.generic_right == [True] * 4
    assert found.generic_ran == [True] * 4
    assert told == [Seen(None, 7, 0.9), *[Seen(None if other else 4, 7, 0.9, cascaded=True)] * 3]


def test_what_a_head_answers_unchecked_does_not_lean() -> None:
    found, told = lived(0.0, WrongHead(leans_to=7))
    assert found.right == [True, False, False, False]
    assert told[-1] == Seen(4, None, 0.6, cascaded=True)
