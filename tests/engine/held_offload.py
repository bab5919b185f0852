"""An Offload whose answers a test gives when it wants to."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from catalog.store import Catalog
from engine.errors import OffloadFailed
from engine.offload import (
    ExpectedPicture,
    LinkState,
    OfferedVariant,
    OffloadAnswer,
    OffloadedAnswer,
    OffloadRequest,
)


def listing(catalog: Catalog, run_s: float | None = None) -> tuple[OfferedVariant, ...]:
    """All that a catalog holds, as a server would list it."""
    return tuple(
        OfferedVariant(v.id, catalog.trunks[v.trunk].parts, v.head, run_s) for v in catalog.variants.values()
    )


@dataclass
class HeldOffload:
    """Keeps requests until they are answered or fail; raw pixels."""

    link: LinkState
    asked: list[tuple[OffloadRequest, Future[OffloadAnswer]]] = field(default_factory=list)

    def submit(self, request: OffloadRequest) -> Future[OffloadAnswer]:
        answer: Future[OffloadAnswer] = Future()
        self.asked.append((request, answer))
        return answer

    def state(self) -> LinkState:
        return self.link

    def picture(self, _: str, size_px: int, /) -> ExpectedPicture:
        return ExpectedPicture(3.0 * size_px * size_px)

    def close(self) -> None:
        for _, answer in self.asked:
            if not answer.done():
                answer.set_exception(OffloadFailed("closed"))

    def connect(self, connected: bool) -> None:
        self.link = replace(self.link, connected=connected)

    def answer(
        self, index: int = -1, name: str = "3", execution_s: float = 0.5, up_bytes: int = 1000
    ) -> None:
        request, answer = self.asked[index]
        rows = tuple((OffloadedAnswer(name, 0.75),) for _ in request.questions)
        answer.set_result(OffloadAnswer(request.id, rows, 0.0, execution_s, 1, up_bytes, 100, 0.1))

    def fail(self, index: int = -1, error: OffloadFailed | None = None) -> None:
        self.asked[index][1].set_exception(error or OffloadFailed("lost"))
