"""How cautious a policy for specialising is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class BolderHead(NamedTuple):
    """A further head of the same classes for where they hold more.

    It passes on less, and costs accuracy where they hold less.

    Args:
        skew: share of its classes for which it is made.
        held: share from which on, surely, it is used.
        falls: how far below that the share may then seem to fall.
    """

    skew: float
    held: float
    falls: float


@dataclass(frozen=True, slots=True)
class Caution:
    """How much has to be seen before it is believed; chosen on generated skews.

    Args:
        fewest: answers since the last change before anything is entered.
        most: answers that count as just seen.
        most_steady: likewise where nothing has changed, for how much the classes of a head in use hold.
        usual_s: what is usual fades to a third in that time.
        usual_weight: of what is usual in what is expected, the rest being what was just seen.
        least_weight: of a class, in answers with full confidence, to be thought of at all.
        sureness: standard deviations by which the share of the classes has to be sure.
        doubt: further ones for each head in a row that did not pay, up to most_doubt.
        most_in_vain: heads in a row that did not pay, for each of which the next has to pay twice as much.
        evidence: log likelihood ratio at which a change is believed, where scenes last as usual.
        wary: likewise at which every answer is checked: what turns out wrong then costs no accuracy.
        usual_scene: windows with a head between two changes where nothing is known of that yet.
        usual_changes: that this counts for, beside those that are seen.
        most_lately: windows; with a change beyond them, what was seen before counts half.
        haste: by how many times more than by Bayes' rule less evidence is asked for where changes are more
            frequent than that: one that is noticed late costs accuracy, one too many only checks.
        most_haste: by how much less evidence, at most.
        most_calm: by how much more, at most, where changes are rarer.
        unnoticed: windows of other classes that a head meets at the end of each scene, as a bolder head has
            to bear them.
        selection: weight of the choice among sets of classes in how sure a share has to be (class_shares).
        margin: by how much more accurate than the goal a cascade has to seem before it is entered.
        slack: how far the accuracy may be below the goal before that is a change.
        most_lost: share of the generic model's cost so far that specialising may have lost, but for one
            head, when another is ordered.
        least_saving: share of the generic model's cost; below it is not worth the while.
        check_share: of its own answers that are checked.
        most_false: share of checks that disagree when a head is wrong (tau_FP of CVPR 2017).
        look_every: answers between two looks for something better.
        look_seldom_every: likewise where a head is in use, or nothing has changed for `most` answers.
        aside_s: how long classes are left alone whose head was rejected or cannot be trained.
        retry_s: likewise where no head came for a passing reason, doubled up to aside_s until one comes.
        doubt_s: how long no head is used for a class whose windows a head took for others, as checks found:
            twice as long each time, up to aside_s; as long as at first again once aside_s has passed without.
        least_held: share of its classes from which on a head is thought of: how it does on others is known as
            a mean over all of them, and a scene has few.
        bolder: further heads for greater shares, rising; none for the first alone.
        settled: answers since a head was ordered before one for other classes is, while one is in use: what
            new heads are expected to do is known as a mean over many, and the next always looks better.
        most_learned: new heads, the last ones, from which it is told how much others will fall short of what
            is expected of them: that is known as a mean over sets of classes, and the set that seems best
            is mostly one that falls short.
        least_better: share of the generic model's cost; by less a head is no better than the one in use.
        least_bolder: likewise one of the same classes for a greater share of them.
    """

    fewest: int = 10
    most: int = 60
    most_steady: int = 300
    usual_s: float = 120.0
    usual_weight: float = 0.1
    least_weight: float = 2.0
    sureness: float = 0.8
    doubt: float = 0.5
    most_doubt: float = 3.0
    most_in_vain: int = 8
    evidence: float = 7.0
    wary: float = 4.5
    usual_scene: float = 600.0
    usual_changes: float = 0.5
    most_lately: float = 2000.0
    haste: float = 2.0
    most_haste: float = 4.0
    most_calm: float = 3.0
    unnoticed: float = 5.0
    selection: float = 0.1
    margin: float = 0.0
    slack: float = 0.02
    most_lost: float = 0.02
    least_saving: float = 0.05
    check_share: float = 0.01
    most_false: float = 0.5
    look_every: int = 5
    look_seldom_every: int = 15
    aside_s: float = 300.0
    retry_s: float = 10.0
    doubt_s: float = 10.0
    least_held: float = 0.5
    bolder: tuple[BolderHead, ...] = (
        BolderHead(0.9, 0.84, 0.1),
        BolderHead(0.94, 0.89, 0.06),
        BolderHead(0.97, 0.94, 0.04),
    )
    settled: int = 30
    least_better: float = 0.03
    least_bolder: float = 0.01
    most_learned: int = 5


USUAL_CAUTION = Caution()
