"""A catalog that answers questions: routes, residency under a memory limit, and batches.

Used by one thread at a time: the one that runs parts owns what is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from catalog.backends.protocol import Backend
from catalog.preprocessing import resize
from catalog.store import Catalog
from catalog.tasks import InputType
from cloud.messages import CatalogListing, OfferedTask, OfferedTrunk, OfferedVariant
from cloud.refusals import BadRequest, DoesNotFit, UnknownVariant
from engine.offload import OffloadedAnswer, Question
from engine.router import Route, build_route, run_route
from engine.runtime.catalog_pieces import CatalogPieces
from engine.runtime.loading import PieceMemory
from engine.runtime.residency import Residency, TooLarge
from engine.scheduling.problem import Option

UInt8 = npt.NDArray[np.uint8]
AnswerRow = tuple[OffloadedAnswer, ...]


class HostedCatalog:
    """Answers questions from a catalog, its parts loaded when they are first asked for.

    Args:
        catalog: opened.
        backend: runs its parts.
        memory_bytes: that resident parts and heads may hold; inf for no limit.
        batch_windows: windows that run together; a part is counted with its weights and that many
            times the activations of one window.
    """

    def __init__(self, catalog: Catalog, backend: Backend, memory_bytes: float, batch_windows: int) -> None:
        self._catalog = catalog
        self._batch_windows = batch_windows
        pieces = CatalogPieces(catalog, backend)
        sizes = pieces.sizes()
        for part in catalog.contents.parts:
            sizes[part.id] = part.weight_bytes + batch_windows * part.activation_bytes
        self._memory = PieceMemory(pieces, sizes, Residency(memory_bytes))

    @property
    def resident_bytes(self) -> int:
        """Bytes that parts and heads hold now."""
        return self._memory.used_bytes

    def route(self, questions: Sequence[Question]) -> Route:
        """Return how to run the questions, parts that they share once. Reads no file.

        Raises:
            UnknownVariant: a question names one that is not in the catalog.
            BadRequest: the questions are not about the same input type.
        """
        for question in questions:
            if question.variant not in self._catalog.variants:
                raise UnknownVariant(f"variant {question.variant!r}: not in this server's catalog")
        input_types = {self._catalog.tasks[self._task_of(q)].input_type for q in questions}
        if len(input_types) > 1:
            raise BadRequest(f"questions: about input types {sorted(input_types)}: expected one")
        return build_route(self._catalog, {q.app: Option(q.app, q.variant, 0.0, ()) for q in questions})

    def _task_of(self, question: Question) -> str:
        return self._catalog.variants[question.variant].task

    def answer(self, route: Route, windows: Sequence[UInt8]) -> tuple[AnswerRow, ...]:
        """Run a route on windows (H, W, 3) uint8 RGB of any size; one row a question.

        Raises:
            DoesNotFit: the route's parts do not fit into memory together.
            BackendError: a part cannot be loaded or run.
            CatalogError: a head's file is damaged.
        """
        try:
            loaded = self._memory.obtain(route.pieces)
        except TooLarge as e:
            asked = ", ".join(dict.fromkeys(route.variants))
            raise DoesNotFit(f"{asked}: needs more memory than this server gives to parts") from e
        self._memory.events()  # nobody here books loads; left there they would pile up
        input_type = self._input_type_of(route)
        rows: list[list[OffloadedAnswer]] = [[] for _ in route.apps]
        for batch in _batches(windows, self._batch_windows):
            execution = run_route(route, loaded, _pixels_of(batch, input_type))
            for row, answer in zip(rows, execution.answers, strict=True):
                row.extend(OffloadedAnswer(name, confidence) for name, confidence in answer.windows)
        return tuple(tuple(row) for row in rows)

    def _input_type_of(self, route: Route) -> InputType:
        task = self._catalog.variants[route.variants[0]].task
        return self._catalog.input_types[self._catalog.tasks[task].input_type]

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
        )

    def close(self) -> None:
        """Let go of everything that is in memory."""
        self._memory.close()


def _batches(windows: Sequence[UInt8], most: int) -> Iterator[Sequence[UInt8]]:
    for start in range(0, len(windows), most):
        yield windows[start : start + most]


def _pixels_of(windows: Sequence[UInt8], input_type: InputType) -> Callable[[int], UInt8]:
    def pixels(size_px: int) -> UInt8:
        return np.stack([resize(w, size_px, input_type.resize) for w in windows])  # (N, S, S, 3)

    return pixels
