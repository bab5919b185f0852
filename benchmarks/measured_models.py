"""A catalog's own models on real windows, for replays: everything they say is worked out beforehand.

Heads are trained as the engine has them trained, from the stored features; what they take is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from catalog.backends.part_chain import PartChain
from catalog.backends.picked import PickedBackends
from catalog.heads import Float32
from catalog.special_rates import read_special_rates
from catalog.store import Catalog
from engine.scheduling.problem import Option
from engine.scheduling.special_options import best_stakes
from mcdnn.engine_file import parse_engine_table
from mcdnn.wiring import make_app, make_budget, make_problem, open_setup
from sim.label_replay import Said
from specializer.cascade import Stakes
from specializer.cascade_threshold import CascadeAim
from specializer.errors import TrainingFailed
from specializer.order_execution import OrderDesk
from specializer.policy import Active
from specializer.rates_measuring import rates_by_count
from specializer.special_head import SpecialHead
from specializer.specialist import NotTrained, Trained
from specializer.training_messages import Errand, errand_to_line, outcome_from_line

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

_COMPARED_AT = 0.95
_HANDING_S = 0.1  # until the next window finds the head in place


@dataclass(frozen=True, slots=True)
class Pair:
    """A generic variant and the trunk that heads are trained on, as the engine picks them."""

    generic: Option
    special: Option
    stakes: Stakes


def picked_pair(catalog: Catalog, task: str) -> Pair:
    """Return the most accurate variant and where heads in front of it promise most.

    Raises:
        ValueError: no trunk pays.
    """
    table = {"catalog": str(catalog.root), "app": [{"name": "what", "task": task}]}
    file = parse_engine_table(table, "benchmark")
    setup = open_setup(file)
    app = make_app(file.app[0], catalog)
    problem = make_problem(setup, [app], make_budget(file))
    rows = read_special_rates(catalog.root).rows
    variants = catalog.variants.values()
    found = {v.id: rates_by_count(rows, v.trunk, v.task) for v in variants}
    rates = {variant: known for variant, known in found.items() if known is not None}
    generic = max(problem.options["what"], key=lambda o: o.accuracy)
    head_s = float(np.median([r.train_s for r in rows]))
    best = best_stakes(problem, generic, frozenset(), rates, head_s, _COMPARED_AT)
    if best is None:
        raise ValueError(f"{catalog.root}: no trunk pays")
    return Pair(generic, *best)


@dataclass(frozen=True, slots=True)
class ShownWindows:
    """What both models make of the windows that may be shown.

    Args:
        truth: class ids (N,).
        generic: class ids (N,) that the generic variant answers.
        confidences: (N,) of those.
        features: (N, D) of the special trunk.
    """

    truth: Int64
    generic: Int64
    confidences: Float32
    features: Float32
    by_class: tuple[Int64, ...] = field(default=())

    @classmethod
    def of(cls, catalog: Catalog, pair: Pair, windows: UInt8, truth: Int64) -> ShownWindows:
        """Run both.

        Args:
            windows: (N, S, S, 3) uint8 RGB, at the size of both.
        """
        variant = catalog.variants[pair.generic.variant]
        said = catalog.head_weights(variant.head).confidences(_features(catalog, variant.trunk, windows))
        features = _features(catalog, catalog.variants[pair.special.variant].trunk, windows)
        by_class = tuple(np.flatnonzero(truth == c) for c in range(len(catalog.tasks[variant.task].classes)))
        return cls(truth, said.argmax(axis=1), said.max(axis=1), features, by_class)


def _features(catalog: Catalog, trunk: str, windows: UInt8) -> Float32:
    paths = [catalog.part_path(p) for p in catalog.trunks[trunk].parts]
    chain = PartChain(PickedBackends(catalog.measurements()), paths)
    return np.concatenate([chain(windows[i : i + 1]) for i in range(len(windows))])


class MeasuredModels:
    """Answers as the models did; see ReplayedModels.

    Args:
        shown: what they make of the windows.
        rng: draws windows and checks.
    """

    def __init__(self, shown: ShownWindows, rng: np.random.Generator) -> None:
        self._shown = shown
        self._rng = rng
        self._at = 0

    def see(self, class_id: int) -> None:
        """Turn to a window of a class."""
        own = self._shown.by_class[class_id]
        self._at = int(own[self._rng.integers(len(own))])

    def generic(self) -> Said:
        """Return the generic model's answer."""
        return Said(int(self._shown.generic[self._at]), float(self._shown.confidences[self._at]))

    def special(self, active: Active, head: SpecialHead) -> Said:  # noqa: ARG002 - the head says it all
        """Return the specialised model's answer."""
        said = head.weights.confidences(self._shown.features[self._at : self._at + 1])[0]
        answer = int(said.argmax())
        return Said(head.class_of(answer, float(said[answer])), float(said[answer]))

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
    """Trains each head once, for as many replays as order it."""

    def __init__(self, catalog: Catalog, pair: Pair, skew: float = 0.9) -> None:
        self._catalog = catalog
        self._pair = pair
        self._skew = skew
        self._desk = OrderDesk(catalog.root)
        self._made: dict[tuple[int, ...], Made] = {}

    def make(self, classes: tuple[int, ...]) -> Made:
        """Return what becomes of an order."""
        if classes not in self._made:
            self._made[classes] = self._train(classes)
        return self._made[classes]

    def _train(self, classes: tuple[int, ...]) -> Made:
        variants = self._catalog.variants
        special, generic = variants[self._pair.special.variant], variants[self._pair.generic.variant]
        errand = Errand(
            special.trunk,
            self._catalog.trunks[special.trunk].parts,
            special.task,
            classes,
            1,
            CascadeAim(self._skew, self._pair.stakes.generic_accuracy),
            generic.trunk,
        )
        outcome = outcome_from_line(self._desk.answer(errand_to_line(errand)))
        if isinstance(outcome, TrainingFailed):
            return Made(None, str(outcome), getattr(outcome, "processor_s", 0.0))
        return Made(outcome.head, "", outcome.processor_s)


class MeasuredHeads:
    """Orders of one replay, ready when as much time has passed as the training takes; see HeadOrders.

    Args:
        shop: makes them.
    """

    def __init__(self, shop: HeadShop) -> None:
        self._shop = shop
        self._order: tuple[tuple[int, ...], float] | None = None
        self.processor_s = 0.0
        self.made = 0

    def order(self, classes: tuple[int, ...], now: float) -> None:
        """Begin to make a head."""
        made = self._shop.make(classes)
        self.made += 1
        self.processor_s += made.processor_s
        self._order = classes, now + made.processor_s + _HANDING_S

    def ready(self, now: float) -> Trained[SpecialHead] | NotTrained | None:
        """Return the head once its time has passed."""
        if self._order is None or now < self._order[1]:
            return None
        classes, self._order = self._order[0], None
        made = self._shop.make(classes)
        if made.head is None:
            return NotTrained(made.why)
        return Trained(Active(classes, made.head.rates), made.head)
