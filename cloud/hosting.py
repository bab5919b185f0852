"""A catalog that answers questions: trees of parts, and residency under a memory limit.

`run` is used by one thread at a time: the one that runs parts owns what is in memory.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from catalog.backends.protocol import Backend
from catalog.contents import CatalogContents
from catalog.errors import BackendError, CatalogError
from catalog.store import Catalog, content_id, contents_to_bytes
from cloud.messages import CatalogListing, OfferedTask, OfferedTrunk, OfferedVariant
from cloud.piece_chunks import FilePiece, HeldPiece, Piece
from cloud.refusals import DoesNotFit, UnknownPiece, UnknownVariant
from cloud.tree_run import BatchResult, Job, Outcome, TreeRun
from cloud.trunk_forest import Tree, TrunkForest, Walk
from engine.offload import Question
from engine.runtime.catalog_pieces import CatalogPieces
from engine.runtime.loading import Event, LoadFailed, PieceEvicted, PieceLoaded, PieceMemory
from engine.runtime.residency import Residency, TooLarge


@dataclass(frozen=True, slots=True)
class MemoryFigures:
    """Parts and heads in memory.

    Args:
        resident_bytes: that they hold now.
        loads: since the start; likewise the others.
        evictions: pieces that made room for others.
        failed_loads: pieces that could not be loaded.
    """

    resident_bytes: int = 0
    loads: int = 0
    evictions: int = 0
    failed_loads: int = 0


class HostedCatalog:
    """Answers questions from a catalog, its parts loaded when they are first asked for.

    Args:
        catalog: opened.
        backend: runs its parts.
        memory_bytes: that resident parts and heads may hold; inf for no limit.
        batch_windows: windows that run together; a part is counted with its weights and that many
            times the activations of one window.
        clock: seconds.
    """

    def __init__(
        self,
        catalog: Catalog,
        backend: Backend,
        memory_bytes: float,
        batch_windows: int,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._forest = TrunkForest(catalog)
        self._description = contents_to_bytes(_told_to_others(catalog.contents))
        self._description_id = content_id(self._description)
        pieces = CatalogPieces(catalog, backend)
        sizes = pieces.sizes()
        for part in catalog.contents.parts:
            sizes[part.id] = part.weight_bytes + batch_windows * part.activation_bytes
        self._memory = PieceMemory(pieces, sizes, Residency(memory_bytes))
        self._happened: Counter[type[Event]] = Counter()

    @property
    def memory(self) -> MemoryFigures:
        """What is in memory now and what came and went; may be asked by any thread."""
        happened = self._happened
        return MemoryFigures(
            self._memory.used_bytes, happened[PieceLoaded], happened[PieceEvicted], happened[LoadFailed]
        )

    def walks(self, questions: Sequence[Question]) -> tuple[Walk, ...]:
        """Return what the questions need, one walk a tree. Reads no file.

        Raises:
            UnknownVariant: a question names one that is not in the catalog.
            BadRequest: the questions are not about the same input type.
        """
        return self._forest.walks(questions)

    def check_heads(self, questions: Sequence[Question], head_ids: Sequence[str]) -> None:
        """Check that the variants have the heads that a device knows them by, "" for any.

        Raises:
            UnknownVariant: one has another, or is not in the catalog.
        """
        for question, head in zip(questions, head_ids, strict=True):
            variant = self._catalog.variants.get(question.variant)
            if head and (variant is None or variant.head != head):
                raise UnknownVariant(f"variant {question.variant!r}: not in this server's catalog as asked")

    def walks_on(
        self, questions: Sequence[Question], part_ids: tuple[str, ...]
    ) -> tuple[Walk, tuple[int, ...]]:
        """Return what windows need that went through some parts already; see TrunkForest."""
        return self._forest.walks_on(questions, part_ids)

    def piece(self, piece_id: str) -> Piece:
        """Return a part, a head or the description of the whole catalog.

        Raises:
            UnknownPiece: it is not in the catalog.
        """
        if piece_id in self._catalog.parts:
            return FilePiece(self._catalog.part_path(piece_id))
        if any(h.id == piece_id for h in self._catalog.contents.heads):
            return FilePiece(self._catalog.head_path(piece_id))
        if piece_id == self._description_id:
            return HeldPiece(self._description)
        raise UnknownPiece("no such part or head in this server's catalog")

    def tree(self, root: int) -> Tree:
        """Return what the windows of a tree are."""
        return self._forest.trees[root]

    def is_ready(self, job: Job) -> bool:
        """Return whether all that a job needs is in memory."""
        return self._memory.resident.issuperset(job.walk.pieces)

    def run(self, jobs: Sequence[Job]) -> BatchResult:
        """Run jobs of one tree together.

        A job fails with DoesNotFit where its pieces do not fit into memory together, with BackendError
        where a part cannot be loaded or run, with CatalogError where a head's file is damaged.
        """
        try:
            return self._run_resident(jobs)
        except (TooLarge, BackendError, CatalogError) as e:
            groups = _by_pieces(jobs)
            if len(groups) == 1:
                return BatchResult([self._told(e, jobs[0])] * len(jobs), [])
        # Together they cannot be had: each kind of job alone, so that only what needs the cause fails.
        outcomes: dict[int, Outcome] = {}
        ran: list[tuple[int, int, float]] = []
        for members in groups:
            result = self.run([jobs[i] for i in members])
            outcomes |= zip(members, result.outcomes, strict=True)
            ran += result.ran
        return BatchResult([outcomes[i] for i in range(len(jobs))], ran)

    def _run_resident(self, jobs: Sequence[Job]) -> BatchResult:
        pieces = dict.fromkeys(j.walk.pieces for j in jobs)
        wanted = tuple(dict.fromkeys(chain.from_iterable(pieces)))
        try:
            loaded: dict[str, Any] = dict(zip(wanted, self._memory.obtain(wanted), strict=True))
        finally:
            if happened := self._memory.events():
                self._happened.update(type(e) for e in happened)
        return TreeRun(self._forest.nodes, jobs, loaded, self._clock).run()

    def _told(self, error: Exception, job: Job) -> Exception:
        if not isinstance(error, TooLarge):
            return error
        heads = {h for r in job.walk.readings for h in r.heads}
        asked = ", ".join(v.id for v in self._catalog.contents.variants if v.head in heads)
        refusal = DoesNotFit(f"{asked}: needs more memory than this server gives to parts")
        refusal.__cause__ = error
        return refusal

    def listing(self) -> CatalogListing:
        """Return what can be answered."""
        contents = self._catalog.contents
        return CatalogListing(
            contents.input_types,
            tuple(OfferedTask(t.name, t.input_type, t.classes) for t in contents.tasks),
            tuple(OfferedTrunk(t.name, t.input_type, t.size_px, t.parts) for t in contents.trunks),
            tuple(
                OfferedVariant(v.id, v.task, v.trunk, v.head, v.validation_accuracy)
                for v in contents.variants
            ),
            self._description_id,
        )

    def close(self) -> None:
        """Let go of everything that is in memory."""
        self._memory.close()


def _told_to_others(contents: CatalogContents) -> CatalogContents:
    """Leave out why candidates were given up: that may name files of the machine that compiled."""
    return replace(contents, compiled=replace(contents.compiled, failed={}, skipped={}))


def _by_pieces(jobs: Sequence[Job]) -> list[list[int]]:
    """Return the jobs by index, those that need the same pieces together."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for i, job in enumerate(jobs):
        heads = tuple((r.node, r.heads) for r in job.walk.readings)
        groups.setdefault((job.walk.nodes, heads), []).append(i)
    return list(groups.values())
