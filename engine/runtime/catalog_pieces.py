"""Parts and heads of a catalog as pieces that can be loaded."""

from __future__ import annotations

from typing import Any

import numpy as np

from catalog.backends.protocol import Backend
from catalog.errors import BackendError
from catalog.store import Catalog


class CatalogPieces:
    """Loads parts through a backend and heads from their files.

    A part counts as loaded once it has answered, so it runs once on zeros; a part that answers
    with a wrong shape or with something that is not finite is refused here and not in mid-stream.
    """

    def __init__(self, catalog: Catalog, backend: Backend) -> None:
        self._catalog = catalog
        self._backend = backend
        trunks = catalog.contents.trunks
        self._first_parts = frozenset(t.parts[0] for t in trunks)

    def load(self, piece: str) -> Any:
        """Return a part (LoadedPart) or a head (HeadWeights) by id; see PieceStorage."""
        part = self._catalog.parts.get(piece)
        if part is None:
            return self._catalog.head_weights(piece)
        path = self._catalog.part_path(piece)
        loaded = self._backend.load(path)
        dtype = np.uint8 if piece in self._first_parts else np.float32
        answer = loaded(np.zeros((1, *part.input_shape), dtype))
        if answer.shape != (1, *part.output_shape):
            raise BackendError(f"{path}: gives {answer.shape}, catalog.json says {(1, *part.output_shape)}")
        if not np.isfinite(answer).all():
            raise BackendError(f"{path}: gives values that are not finite")
        return loaded

    def sizes(self) -> dict[str, int]:
        """Return the bytes that every piece of the catalog holds while resident."""
        heads = {h.id: h.size_bytes for h in self._catalog.contents.heads}
        return {p.id: p.memory_bytes for p in self._catalog.contents.parts} | heads
