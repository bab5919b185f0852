from __future__ import annotations

from specializer.policy import AIMED_SKEW, Active, Seen
from specializer.windowed_epsilon_greedy import WindowedEpsilonGreedy
from tests.specializer.policies import RATES, STAKES, tell


def test_it_specialises_in_what_was_seen_twice_among_thirty() -> None:
    policy = WindowedEpsilonGreedy(STAKES)
    assert tell(policy, [4, 7] * 14 + [9]).classes == ()
    assert tell(policy, [7]).classes == (4, 7)


def test_it_stays_with_the_generic_model_where_nothing_dominates() -> None:
    assert tell(WindowedEpsilonGreedy(STAKES), range(200)).classes == ()


def test_it_leaves_once_other_classes_fill_the_window() -> None:
    policy = WindowedEpsilonGreedy(STAKES)
    tell(policy, [4, 7] * 15)
    active = Active((4, 7), RATES)
    assert tell(policy, [1, 2, 3] * 4, active=active).classes == (4, 7)
    assert tell(policy, [1, 2, 3] * 4, active=active).classes == ()


def test_it_leaves_when_most_checks_disagree() -> None:
    policy = WindowedEpsilonGreedy(STAKES)
    tell(policy, [4, 7] * 15)
    active = Active((4, 7), RATES)
    for i in range(100):
        assert policy.observe(Seen(4, None), active, float(i)).classes
    assert policy.observe(Seen(4, 7), active, 100.0).classes
    assert policy.observe(Seen(4, 7), active, 101.0).classes == ()


def test_an_epoch_goes_on_where_the_same_classes_come_again() -> None:
    policy = WindowedEpsilonGreedy(STAKES)
    tell(policy, [4, 7] * 15)
    policy.refuse((4, 7), AIMED_SKEW, 3.0)
    wanted = tell(policy, [4, 7, 8] * 10)
    assert wanted.classes == (4, 7, 8)
    assert "of the last 60" in wanted.why


def test_what_was_seen_before_a_stop_is_forgotten() -> None:
    policy = WindowedEpsilonGreedy(STAKES)
    assert tell(policy, [4, 7] * 15).classes == (4, 7)
    policy.forget()
    assert tell(policy, [1, 2] * 14, 7200.0).classes == ()
    assert tell(policy, [1, 2], 7203.0).classes == (1, 2)


def test_the_share_is_that_of_the_latest_window() -> None:
    policy, active = WindowedEpsilonGreedy(STAKES), Active((4, 7), RATES)
    tell(policy, [4, 7] * 15)
    assert policy.share(active) == 1.0
    tell(policy, [4, 7] * 10 + [1, 2, 3], active=active)
    assert policy.share(active) == 27 / 30
    assert policy.share(Active((4,), RATES)) == 13 / 30
