"""What a compile has finished so far, written down in catalog.json as it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from catalog.compiler.outcomes import Outcome, contents_of
from catalog.compiler.workplace import Workplace
from catalog.contents import CatalogContents, CompileRecord
from catalog.store import CatalogWriter, head_file, part_file
from catalog.tasks import InputType
from catalog.transforms.recipe import Candidate, StoredTrunk
from catalog.variants import Variant

Today = Callable[[], str]


@dataclass(frozen=True, slots=True)
class CompilePlan:
    """Everything about a compile that does not change while it runs.

    Args:
        place: where workers read and write.
        input_types: of the catalog.
        candidates: trunks to make, in order.
        fingerprint: see catalog.compiler.fingerprint.
        versions: of the packages that decide what comes out.
        skipped: techniques that this machine cannot run, with the reason.
    """

    place: Workplace
    input_types: tuple[InputType, ...]
    candidates: tuple[Candidate, ...]
    fingerprint: str
    versions: dict[str, str]
    skipped: dict[str, str] = field(default_factory=dict)


class CompileLog:
    """Finished and failed trunks; after each change catalog.json says the same as this."""

    def __init__(self, plan: CompilePlan, outcomes: Mapping[str, Outcome], today: Today) -> None:
        self._plan = plan
        self._outcomes = dict(outcomes)
        self._failed: dict[str, str] = {}
        self._today = today
        self._writer = CatalogWriter(plan.place.root)

    @property
    def failed(self) -> Mapping[str, str]:
        """Why trunks were given up, by name."""
        return self._failed

    def finished(self) -> dict[str, StoredTrunk]:
        """Return the finished trunks as something to start from, by name."""
        return {name: self._start_from(outcome) for name, outcome in self._outcomes.items()}

    def finish(self, outcome: Outcome) -> StoredTrunk:
        """Write down a finished trunk and return it as something to start from."""
        self._outcomes[outcome.trunk.name] = outcome
        self.write(complete=False)
        return self._start_from(outcome)

    def fail(self, candidate: str, reason: str) -> None:
        """Write down that a trunk was given up."""
        self._failed[candidate] = reason
        self.write(complete=False)

    def revise(self, variants: Mapping[str, Variant]) -> None:
        """Take variants, by id, with what was measured of them since they were finished."""
        for name, outcome in self._outcomes.items():
            revised = tuple(variants.get(v.id, v) for v in outcome.variants)
            self._outcomes[name] = replace(outcome, variants=revised)

    def write(self, complete: bool) -> CatalogContents:
        """Write catalog.json and return what it says."""
        plan = self._plan
        compiled = CompileRecord(
            plan.fingerprint,
            complete,
            plan.place.seed,
            self._today(),
            plan.versions,
            dict(self._failed),
            plan.skipped,
        )
        names: Sequence[str] = [c.name for c in plan.candidates]
        contents = contents_of(compiled, plan.input_types, plan.place.tasks, names, self._outcomes)
        self._writer.write_contents(contents)
        return contents

    def _start_from(self, outcome: Outcome) -> StoredTrunk:
        root = self._plan.place.root
        heads = {h.task: head_file(root, h.id) for h in outcome.heads}
        leading, *further = [heads[t.name] for t in self._plan.place.trainers(outcome.trunk.input_type)]
        paths = tuple(part_file(root, p) for p in outcome.trunk.parts)
        accuracy = {v.task: v.validation_accuracy for v in outcome.variants}
        return StoredTrunk(outcome.trunk.size_px, paths, leading, tuple(further), heads, accuracy)
