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

    def __init__(self, check_share: float) -> None:
        self.check_share = check_share
        self.told: list[Seen] = []

    def observe(self, seen: Seen, active: Active | None, now: float) -> Wanted:
        self.told.append(seen)
        return Wanted(CLASSES)

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
    """A generic model that is always right, and heads that always say 4."""

    def __init__(self) -> None:
        self._truth = 0

    def see(self, class_id: int) -> None:
        self._truth = class_id

    def generic(self) -> Said:
        return Said(self._truth, 0.9)

    def special(self, active: Active, head: str) -> Said:
        return Said(4, 0.6)

    def checks(self, share: float) -> bool:
        return share == 1.0


def lived(check_share: float) -> tuple[Replayed, list[Seen]]:
    policy = Always(check_share)
    specialist: Specialist[str] = Specialist(policy, AtOnce(), RememberedHeads())
    return replay([Sighting(i / 10, 7) for i in range(4)], specialist, WrongHead()), policy.told


@pytest.mark.parametrize(("check_share", "right"), [(0.0, [True, False, False, False]), (1.0, [True] * 4)])
def test_where_an_answer_is_checked_the_generic_models_is_given(
    check_share: float, right: list[bool]
) -> None:
    found, _ = lived(check_share)
    assert found.right == right
    assert found.specialised == [False, True, True, True]
    assert sum(found.generic_ran) == (4 if check_share else 1)


def test_the_policy_is_told_the_confidence_of_the_answer_that_was_given() -> None:
    for check_share, generic, confidence in ((0.0, None, 0.6), (1.0, 7, 0.9)):
        _, told = lived(check_share)
        assert told[-1] == Seen(4, generic, confidence, cascaded=True)
