"""Pieces in memory: loaded once, evicted for others, never above the limit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.backends.table import open_backend
from catalog.errors import BackendError, CatalogError
from catalog.store import open_catalog
from engine.runtime.catalog_pieces import CatalogPieces
from engine.runtime.loading import Event, LoadFailed, PieceEvicted, PieceLoaded, PieceMemory
from engine.runtime.residency import Residency, TooLarge
from tests.catalog_builder import build_catalog


class Shelf:
    """Storage whose loads can be held up, to put the loader in a known state."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.broken: set[str] = set()

    def load(self, piece: str) -> str:
        self.gate.wait(10)
        if piece in self.broken:
            raise BackendError(f"{piece} is broken")
        return piece.upper()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def memory(shelf: Shelf) -> Iterator[PieceMemory]:
    memory = PieceMemory(shelf, dict.fromkeys("abcd", 10), Residency(20))
    yield memory
    shelf.gate.set()
    memory.close()


def loaded(memory: PieceMemory) -> list[str]:
    return [_told(e) for e in memory.events()]


def _told(event: Event) -> str:
    if isinstance(event, LoadFailed):
        return f"!{event.piece}"
    return f"+{event.piece}" if isinstance(event, PieceLoaded) else f"-{event.piece}>{event.made_room_for}"


def test_a_piece_is_loaded_once(memory: PieceMemory) -> None:
    assert memory.obtain("a") == ["A"]
    assert memory.obtain("a") == ["A"]
    assert loaded(memory) == ["+a"]


def test_a_third_piece_evicts_the_least_recently_used(memory: PieceMemory) -> None:
    memory.obtain("ab")
    memory.obtain("a")
    memory.obtain("c")
    assert loaded(memory) == ["+a", "+b", "-b>c", "+c"]
    assert memory.resident == {"a", "c"}
    assert memory.used_bytes == 20 == memory.peak_bytes


def test_what_does_not_fit_together_is_refused(memory: PieceMemory) -> None:
    with pytest.raises(TooLarge):
        memory.obtain("abc")


def test_a_background_load_is_waited_for_and_not_repeated(memory: PieceMemory, shelf: Shelf) -> None:
    shelf.gate.clear()
    memory.request("a")
    assert memory.loading == {"a"}
    assert memory.resident == frozenset()
    threading.Timer(0.01, shelf.gate.set).start()
    assert memory.obtain("a") == ["A"]
    events = memory.events()
    assert [type(e) for e in events] == [PieceLoaded]
    assert isinstance(events[0], PieceLoaded)
    assert events[0].background


def test_a_piece_on_its_way_gives_way_to_one_that_is_needed_now(memory: PieceMemory, shelf: Shelf) -> None:
    shelf.gate.clear()
    memory.request("ab")
    threading.Timer(0.01, shelf.gate.set).start()
    assert memory.obtain("cd") == ["C", "D"]
    assert memory.resident == {"c", "d"}
    assert memory.peak_bytes == 20


def test_a_background_request_that_does_not_fit_is_left_out(memory: PieceMemory) -> None:
    memory.obtain("ab")
    memory.request("c", keep=frozenset("ab"))
    assert memory.resident == {"a", "b"}
    assert loaded(memory) == ["+a", "+b"]


def test_a_piece_that_cannot_be_loaded_gives_its_memory_back(memory: PieceMemory, shelf: Shelf) -> None:
    shelf.broken = {"a"}
    with pytest.raises(BackendError, match="a is broken"):
        memory.obtain("a")
    assert memory.used_bytes == 0
    shelf.broken = set()
    assert memory.obtain("a") == ["A"]
    assert loaded(memory) == ["!a", "+a"]


def test_a_load_that_fails_in_the_background_is_told(memory: PieceMemory, shelf: Shelf) -> None:
    shelf.broken = {"b"}
    shelf.gate.clear()
    assert memory.request("ab") == ("a", "b")
    assert memory.request("ab") == ()
    shelf.gate.set()
    memory.wait_for_loads()
    assert loaded(memory) == ["+a", "!b"]
    assert memory.resident == {"a"}
    assert memory.used_bytes == 10


def test_a_failed_background_load_is_tried_again_when_it_is_needed(memory: PieceMemory, shelf: Shelf) -> None:
    shelf.broken = {"a"}
    memory.request("a")
    with pytest.raises(BackendError):
        memory.obtain("a")
    shelf.broken = set()
    assert memory.obtain("a") == ["A"]


def test_dropped_pieces_free_their_memory(memory: PieceMemory) -> None:
    memory.obtain("ab")
    memory.drop("a")
    assert memory.resident == {"b"}
    assert memory.used_bytes == 10


def test_real_parts_and_heads_are_loaded_from_a_catalog(tmp_path: Path) -> None:
    catalog = open_catalog(build_catalog(tmp_path))
    pieces = CatalogPieces(catalog, open_backend("onnxruntime"))
    sizes = pieces.sizes()
    smallest = catalog.trunks["small"]
    head = catalog.variants["small/identity"].head
    limit = sum(sizes[p] for p in (*smallest.parts, head))
    memory = PieceMemory(pieces, sizes, Residency(limit))
    memory.obtain((*smallest.parts, head))
    assert memory.used_bytes == limit
    with pytest.raises(TooLarge):
        memory.obtain(catalog.trunks["wide"].parts)
    memory.close()
    assert [e for e in memory.events() if isinstance(e, PieceEvicted)] == []


def test_a_missing_head_is_named(tmp_path: Path) -> None:
    catalog = open_catalog(build_catalog(tmp_path))
    head = catalog.variants["small/identity"].head
    catalog.head_path(head).unlink()
    with pytest.raises(CatalogError, match=head):
        CatalogPieces(catalog, open_backend("onnxruntime")).load(head)
