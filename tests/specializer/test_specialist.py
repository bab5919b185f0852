from __future__ import annotations

import pytest

from specializer.caution import Caution
from specializer.expected_saving import ExpectedSaving
from specializer.policy import AIMED_SKEW, Active, Seen, Wanted
from specializer.remembered_heads import RememberedHeads
from specializer.specialist import NotTrained, Specialist, Step, Trained
from tests.specializer.policies import RATES, STAKES


class Script:
    """A policy that wants what it is told to want."""

    check_share = 0.01
    is_wary = False

    def __init__(self) -> None:
        self.wanted = Wanted(())
        self.refused: list[tuple[tuple[int, ...], bool]] = []

    def observe(self, seen: Seen, active: Active | None, now: float) -> Wanted:
        return self.wanted

    def share(self, active: Active) -> float:
        return len(active.classes) / 10

    def refuse(self, classes: tuple[int, ...], skew: float, now: float, passing: bool = False) -> None:
        self.refused.append((classes, passing))

    def forget(self) -> None:
        self.wanted = Wanted(())


class Orders:
    """Heads that are ready when a test says so."""

    def __init__(self) -> None:
        self.ordered: list[tuple[int, ...]] = []
        self.skews: list[float] = []
        self.became: Trained[str] | NotTrained | None = None

    def order(self, classes: tuple[int, ...], skew: float, now: float) -> None:
        self.ordered.append(classes)
        self.skews.append(skew)

    def ready(self, now: float) -> Trained[str] | NotTrained | None:
        became, self.became = self.became, None
        return became

    def finish(self, classes: tuple[int, ...]) -> None:
        self.became = Trained(Active(classes, RATES, skew=self.skews[-1]), f"head of {classes}")


class Scene:
    """A specialist with its policy and its orders."""

    def __init__(self) -> None:
        self.policy, self.orders = Script(), Orders()
        self.specialist: Specialist[str] = Specialist(self.policy, self.orders, RememberedHeads())

    def want(self, *classes: int, meanwhile: bool = False, skew: float = AIMED_SKEW) -> None:
        self.policy.wanted = Wanted(classes, "because", meanwhile, skew)
        self.specialist.observe(Seen(None, 1), 1.0)

    def finish(self, *classes: int) -> None:
        self.orders.finish(classes)
        self.specialist.attend(2.0)

    @property
    def steps(self) -> list[Step]:
        return [e.step for e in self.specialist.take_events()]


def test_a_head_is_ordered_once_and_used_when_it_is_there() -> None:
    scene = Scene()
    scene.want(1, 2)
    scene.want(1, 2)
    assert scene.specialist.head is None
    scene.finish(1, 2)
    assert scene.specialist.head == "head of (1, 2)"
    assert scene.orders.ordered == [(1, 2)]
    assert scene.steps == [Step.ORDERED, Step.ENTERED]


def test_a_head_that_is_no_longer_wanted_when_it_comes_is_remembered_but_not_used() -> None:
    scene = Scene()
    scene.want(1, 2)
    scene.want()
    scene.finish(1, 2)
    assert scene.specialist.head is None
    scene.want(1, 2)
    assert scene.specialist.head == "head of (1, 2)"
    assert scene.orders.ordered == [(1, 2)]
    assert scene.steps == [Step.ORDERED, Step.REENTERED]


def test_the_head_in_use_goes_on_until_a_better_one_is_there() -> None:
    scene = Scene()
    scene.want(1, 2)
    scene.finish(1, 2)
    scene.want(1, 2, 3, meanwhile=True)
    assert scene.specialist.head == "head of (1, 2)"
    scene.finish(1, 2, 3)
    assert scene.specialist.head == "head of (1, 2, 3)"


def test_leaving_is_at_once() -> None:
    scene = Scene()
    scene.want(1, 2)
    scene.finish(1, 2)
    scene.want()
    assert scene.specialist.active is None
    assert scene.steps == [Step.ORDERED, Step.ENTERED, Step.LEFT]


def test_the_share_is_what_the_policy_says_of_the_head_in_use_and_nothing_where_there_is_none() -> None:
    scene = Scene()
    scene.want(1, 2)
    assert scene.specialist.share == 0.0  # it is only on its way
    scene.finish(1, 2)
    assert scene.specialist.share == 0.2
    scene.want(1, 2, 3, meanwhile=True)
    assert scene.specialist.share == 0.2
    scene.finish(1, 2, 3)
    assert scene.specialist.share == 0.3
    scene.want()
    assert scene.specialist.share == 0.0


@pytest.mark.parametrize("passing", [False, True])
def test_a_head_that_could_not_be_trained_is_told_to_the_policy(passing: bool) -> None:
    scene = Scene()
    scene.want(1, 2)
    scene.orders.became = NotTrained("no rows", passing)
    scene.specialist.attend(2.0)
    assert scene.policy.refused == [((1, 2), passing)]
    assert scene.steps == [Step.ORDERED, Step.REFUSED]


def test_a_head_for_another_share_of_the_same_classes_is_another_head() -> None:
    scene = Scene()
    scene.want(1, 2)
    scene.finish(1, 2)
    scene.want(1, 2, meanwhile=True, skew=0.95)
    assert scene.specialist.active == Active((1, 2), RATES)
    scene.finish(1, 2)
    assert scene.specialist.active == Active((1, 2), RATES, skew=0.95)
    scene.want(1, 2, meanwhile=True)
    assert scene.specialist.active == Active((1, 2), RATES)
    assert scene.orders.skews == [AIMED_SKEW, 0.95]
    assert scene.steps == [Step.ORDERED, Step.ENTERED, Step.ORDERED, Step.ENTERED, Step.REENTERED]


def test_what_was_seen_before_a_stop_is_not_acted_on_hours_later() -> None:
    orders, remembered = Orders(), RememberedHeads[str]()
    policy = ExpectedSaving(STAKES, remembered, caution=Caution(bolder=()))
    specialist: Specialist[str] = Specialist(policy, orders, remembered)
    for i in range(60):
        specialist.observe(Seen(None, (4, 7)[i % 2]), i / 10)
    orders.finish((4, 7))
    specialist.attend(6.0)
    assert specialist.head == "head of (4, 7)"
    specialist.stop("another model answers", 7.0)
    specialist.take_events()
    for i in range(9):  # fewer than anything is made of
        specialist.observe(Seen(None, (4, 7)[i % 2]), 7200.0 + i / 10)
    assert specialist.head is None
    assert specialist.take_events() == []
    for i in range(20):
        specialist.observe(Seen(None, (4, 7)[i % 2]), 7201.0 + i / 10)
    assert specialist.head == "head of (4, 7)"  # heads themselves are kept
    assert orders.ordered == [(4, 7)]
