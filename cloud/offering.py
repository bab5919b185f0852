"""What a server answers with, as far as it has said, and how long that takes there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cloud.messages import CatalogListing
from engine.offload import OfferedVariant, Question

_WEIGHT_OF_LATEST = 0.2
_WORTH_TELLING = 0.05


class Offering:
    """Keeps the variants of the last listing; pure, and without a lock.

    A variant that the server could not answer with is withdrawn for a while: asked again and again it
    would only cost bytes.
    """

    def __init__(self) -> None:
        self._hash = ""
        self._variants: dict[str, OfferedVariant] = {}
        self._run_s: dict[str, float] = {}
        self._withdrawn: set[str] = set()
        self._offered: tuple[OfferedVariant, ...] = ()

    @property
    def catalog_hash(self) -> str:
        """Of the last listing; "" before it."""
        return self._hash

    @property
    def offered(self) -> tuple[OfferedVariant, ...]:
        """The variants that may be asked."""
        return self._offered

    def head_ids(self, questions: Iterable[Question]) -> tuple[str, ...]:
        """Return by which head each variant that is asked is known; "" where it was not listed."""
        found = (self._variants.get(q.variant) for q in questions)
        return tuple("" if v is None else v.head_id for v in found)

    def listed(self, listing: CatalogListing, catalog_hash: str) -> None:
        """Replace the variants; of one with the same parts, what it took is known still."""
        parts = {t.name: t.part_ids for t in listing.trunks}
        before, self._hash = self._variants, catalog_hash
        found = [
            OfferedVariant(v.id, parts[v.trunk], v.head_id) for v in listing.variants if v.trunk in parts
        ]
        kept = {v.id for v in found if v.id in before and before[v.id].part_ids == v.part_ids}
        self._run_s = {i: run_s for i, run_s in self._run_s.items() if i in kept}
        self._variants = {v.id: replace(v, run_s=self._run_s.get(v.id)) for v in found}
        self._withdrawn.clear()
        self._publish()

    def ran(self, questions: Sequence[Question], windows: int, execution_s: float) -> None:
        """Learn from an answer about whole windows, if all that was asked runs the same parts.

        Args:
            questions: that were asked together.
            windows: at least one.
            execution_s: of all of them.
        """
        variants = [self._variants.get(q.variant) for q in questions]
        if len({v.part_ids if v else () for v in variants}) != 1 or variants[0] is None:
            return
        latest_s = execution_s / windows
        told = False
        for question in questions:
            before_s = self._run_s.get(question.variant, latest_s)
            run_s = before_s + _WEIGHT_OF_LATEST * (latest_s - before_s)
            self._run_s[question.variant] = run_s
            old_s = self._variants[question.variant].run_s
            if old_s is None or abs(run_s - old_s) > _WORTH_TELLING * old_s:
                self._variants[question.variant] = replace(self._variants[question.variant], run_s=run_s)
                told = True
        if told:
            self._publish()

    def withdraw(self, variants: Iterable[str]) -> None:
        """Offer these no longer."""
        self._withdrawn.update(variants)
        self._publish()

    def restore(self, variants: Iterable[str]) -> None:
        """Offer these again."""
        self._withdrawn.difference_update(variants)
        self._publish()

    def _publish(self) -> None:
        self._offered = tuple(v for i, v in self._variants.items() if i not in self._withdrawn)
