"""A catalog's own models on real windows, for replays: everything they say is worked out beforehand.

Heads are made by the code that the engine's training process runs, from the stored features, on the
trunks that the engine would pick; what they take is counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmarks.accuracy_as_run import picked_chain
from benchmarks.specialization_catalogs import Shown
from catalog.heads import Float32, HeadWeights
from catalog.preprocessing import resize
from catalog.special_rates import read_special_rates
from catalog.store import Catalog
from engine.app_specialist import COMPARED_AT, MOST_TRUNKS
from engine.scheduling.promising_trunks import promising_trunks
from mcdnn.engine_file import parse_engine_table
from mcdnn.wiring import make_app, make_budget, make_problem, open_setup
from sim.label_replay import Said
from specializer.best_of_orders import BestOfOrders, Candidate
from specializer.cascade import Stakes
from specializer.cascade_threshold import CascadeAim
from specializer.errors import TrainingFailed
from specializer.order_execution import OrderDesk
from specializer.policy import Active
from specializer.rates_measuring import rates_by_count
from specializer.special_head import SpecialHead
from specializer.specialist import NotTrained, Trained
from specializer.training_messages import Errand, SecondErrand, errand_to_line, outcome_from_line

Int64 = npt.NDArray[np.int64]

_HANDING_S = 0.1  # until the next window finds the head in place


@dataclass(frozen=True, slots=True)
class Pairing:
    """What the engine would specialise: the most accurate variant, and trunks in front of it.

    Args:
        generic: id of the variant.
        firsts: trunks of heads with what they win and cost, the most promising first.
        seconds: by those, trunks of second heads.
        costs: of a window, by trunk.
        stakes: of the most promising, all heads of an order counted.
        generic_macs: multiply-adds of a window with the generic variant.
        macs: likewise, by trunk.
    """

    generic: str
    firsts: Mapping[str, Stakes]
    seconds: Mapping[str, str]
    costs: Mapping[str, float]
    stakes: Stakes
    generic_macs: int
    macs: Mapping[str, int]


def picked_pairing(catalog: Catalog, task: str, device: str = "host") -> Pairing:
    """Return what the engine would pick without a budget, by its own code and the measured times.

    Args:
        device: whose times.

    Raises:
        ValueError: no trunk pays.
    """
    table = {"catalog": str(catalog.root), "app": [{"name": "what", "task": task}]}
    file = parse_engine_table(table | {"device": {"measured_on": device}}, "replay")
    app = make_app(file.app[0], catalog)
    problem = make_problem(open_setup(file), [app], make_budget(file))
    rows = read_special_rates(catalog.root).rows
    found = {v.id: rates_by_count(rows, v.trunk, v.task) for v in catalog.variants.values()}
    rates = {variant: known for variant, known in found.items() if known is not None}
    generic = max(problem.options["what"], key=lambda o: o.accuracy)
    head_s = float(np.median([r.train_s for r in rows])) if rows else 0.0
    promising = promising_trunks(problem, generic, frozenset(), rates, head_s, COMPARED_AT)[:MOST_TRUNKS]
    if not promising:
        raise ValueError(f"{catalog.root}: specialising pays on no trunk")
    trunk_of = {v.id: v.trunk for v in catalog.variants.values()}
    firsts = {trunk_of[p.option.variant]: p.stakes for p in promising}
    seconds = {trunk_of[p.option.variant]: trunk_of[p.second.variant] for p in promising if p.second}
    costs = {seconds[t]: s.second_cost for t, s in firsts.items() if t in seconds}
    costs |= {t: s.special_cost for t, s in firsts.items()}
    macs = {
        name: sum(catalog.parts[p].macs for p in catalog.trunks[name].parts)
        for name in (trunk_of[generic.variant], *costs)
    }
    stakes = replace(promising[0].stakes, head_cost=head_s * len(promising))
    return Pairing(generic.variant, firsts, seconds, costs, stakes, macs[trunk_of[generic.variant]], macs)


@dataclass(frozen=True, slots=True)
class Answers:
    """What all models make of the windows that may be shown.

    Args:
        by_class: which windows are of each class.
        generic: confidences (N, C) of the generic variant.
        features: by trunk, (N, D).
    """

    by_class: tuple[Int64, ...]
    generic: Float32
    features: Mapping[str, Float32]


def answers_to(shown: Shown, pairing: Pairing) -> Answers:
    """Run the generic variant and every trunk on all windows, one by one as the engine does."""
    variant = shown.catalog.variants[pairing.generic]
    said = shown.catalog.head_weights(variant.head).confidences(_features(shown, variant.trunk))
    by_class = tuple(np.flatnonzero(shown.truth == c) for c in range(len(shown.classes)))
    features = {trunk: _features(shown, trunk) for trunk in pairing.costs}
    return Answers(by_class, said, features)


def _features(shown: Shown, trunk: str) -> Float32:
    catalog, size_px = shown.catalog, shown.catalog.trunks[trunk].size_px
    chain = picked_chain(catalog, trunk)
    rule = catalog.input_types[catalog.trunks[trunk].input_type].resize
    return np.concatenate([chain(resize(window, size_px, rule)[np.newaxis]) for window in shown.windows])


@dataclass(frozen=True, slots=True)
class HeadOn:
    """A head and the trunk that it reads."""

    trunk: str
    head: SpecialHead


class MeasuredModels:
    """Answers as the models did; see ReplayedModels.

    Args:
        answers: what they make of the windows.
        costs: of a window, by trunk.
        rng: draws windows and checks.
    """

    def __init__(self, answers: Answers, costs: Mapping[str, float], rng: np.random.Generator) -> None:
        self._answers = answers
        self._costs = costs
        self._rng = rng
        self._at = 0
        self.asked: Counter[str] = Counter()  # windows that a specialised head was asked about, by trunk

    @property
    def special_cost(self) -> float:
        """Of all windows that a specialised head was asked about."""
        return sum(self._costs[trunk] * windows for trunk, windows in self.asked.items())

    def see(self, class_id: int) -> None:
        """Turn to a window of a class."""
        own = self._answers.by_class[class_id]
        self._at = int(own[self._rng.integers(len(own))])

    def generic(self) -> Said:
        """Return the generic model's answer."""
        said = self._answers.generic[self._at]
        return Said(int(said.argmax()), float(said.max()))

    def behind(self, head: HeadOn) -> Said:
        """Return its answer to what a head passes on."""
        said = self._answers.generic[self._at].copy()
        said[list(head.head.dominant)] *= math.exp(head.head.prior_shift)
        return Said(int(said.argmax()), float(said.max() / said.sum()))

    def special(self, active: Active, head: HeadOn) -> Said:  # noqa: ARG002 - the head says it all
        """Return the specialised models' answer."""
        answer, confidence = self._asked(head.trunk, head.head.weights)
        said, second = head.head.class_of(answer, confidence), head.head.second
        if said is not None or second is None or head.head.calls_other(answer):
            return Said(said, confidence)
        answer, confidence = self._asked(second.trunk, second.weights)
        return Said(head.head.class_of_second(answer, confidence), confidence, second=True)

    def _asked(self, trunk: str, weights: HeadWeights) -> tuple[int, float]:
        self.asked[trunk] += 1
        said = weights.confidences(self._answers.features[trunk][self._at : self._at + 1])[0]
        answer = int(said.argmax())
        return answer, float(said[answer])

    def checks(self, share: float) -> bool:
        """Draw whether an answer is checked."""
        return share > 0.0 and self._rng.random() < share


@dataclass(frozen=True, slots=True)
class Made:
    """What became of an order, and the processor time that it took."""

    head: SpecialHead | None
    why: str
    processor_s: float


class HeadShop:
    """Makes heads, each once, for as many replays as order it.

    Args:
        shown: where the catalog is.
        pairing: which trunks they are on.
    """

    def __init__(self, shown: Shown, pairing: Pairing) -> None:
        self._shown = shown
        self._pairing = pairing
        self._desk = OrderDesk(shown.catalog.root)
        self._made: dict[tuple[str, tuple[int, ...], float], Made] = {}

    def make(self, trunk: str, classes: tuple[int, ...], skew: float) -> Made:
        """Return what becomes of an order."""
        key = trunk, classes, skew
        if key not in self._made:
            self._made[key] = self._execute(trunk, classes, skew)
        return self._made[key]

    def _execute(self, trunk: str, classes: tuple[int, ...], skew: float) -> Made:
        catalog, pairing = self._shown.catalog, self._pairing
        aim = CascadeAim(skew, pairing.stakes.generic_accuracy)
        generic = catalog.variants[pairing.generic].trunk
        errand = Errand(
            trunk,
            catalog.trunks[trunk].parts,
            self._shown.task,
            classes,
            1,
            aim,
            generic,
            self._second(trunk),
        )
        outcome = outcome_from_line(self._desk.answer(errand_to_line(errand)))
        if isinstance(outcome, TrainingFailed):
            return Made(None, str(outcome), getattr(outcome, "processor_s", 0.0))
        return Made(outcome.head, "", outcome.processor_s)

    def _second(self, trunk: str) -> SecondErrand | None:
        pairing, second = self._pairing, self._pairing.seconds.get(trunk)
        if second is None:
            return None
        cost = pairing.firsts[trunk].second_cost / pairing.stakes.generic_cost
        return SecondErrand(second, self._shown.catalog.trunks[second].parts, cost)


class ShopOrders:
    """Orders of one replay on one trunk, there when as much time has passed as they take; see HeadOrders.

    Args:
        shop: makes the heads.
        trunk: that they read.
    """

    def __init__(self, shop: HeadShop, trunk: str) -> None:
        self._shop = shop
        self._trunk = trunk
        self._order: tuple[tuple[int, ...], float, float] | None = None
        self.orders = 0
        self.processor_s = 0.0

    def order(self, classes: tuple[int, ...], skew: float, now: float) -> None:
        """Begin to make a head."""
        took_s = self._shop.make(self._trunk, classes, skew).processor_s
        self.orders += 1
        self.processor_s += took_s
        self._order = classes, skew, now + took_s + _HANDING_S

    def ready(self, now: float) -> Trained[HeadOn] | NotTrained | None:
        """Return the head once its time has passed."""
        if self._order is None or now < self._order[2]:
            return None
        (classes, skew, _), self._order = self._order, None
        made = self._shop.make(self._trunk, classes, skew)
        if made.head is None:
            return NotTrained(made.why)
        active = Active(classes, made.head.rates, skew=skew)
        return Trained(active, HeadOn(self._trunk, made.head), made.head.falls_short)


def best_of_shop(shop: HeadShop, pairing: Pairing) -> tuple[BestOfOrders[HeadOn], list[ShopOrders]]:
    """Return orders on all trunks, and those of each."""
    each = [ShopOrders(shop, trunk) for trunk in pairing.firsts]
    stakes = pairing.firsts.values()
    candidates = [Candidate(o, s.special_costs) for o, s in zip(each, stakes, strict=True)]
    return BestOfOrders(candidates, pairing.stakes, COMPARED_AT), each
