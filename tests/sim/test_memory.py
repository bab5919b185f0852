from __future__ import annotations

import pytest
import simpy

from engine.runtime.residency import TooLarge
from engine.scheduling.problem import PieceCost
from sim.memory import SimulatedMemory, Steps


def cost(size_bytes: int, load_s: float) -> PieceCost:
    return PieceCost(0.0, 0.0, 0.0, 0.0, load_s, 0.0, size_bytes)


COSTS = {"a": cost(60, 1.0), "b": cost(40, 2.0), "c": cost(50, 3.0), "vast": cost(101, 1.0)}


class World:
    """A memory of 100 bytes and the log of what comes and goes."""

    def __init__(self) -> None:
        self.env = simpy.Environment()
        self.log: list[tuple[float, str, str]] = []
        self.memory = SimulatedMemory(self.env, COSTS, 100, self._note("in"), self._note("out"))

    def _note(self, what: str):  # type: ignore[no-untyped-def]
        return lambda piece, *_: self.log.append((self.env.now, what, piece))

    def obtain(self, *pieces: str) -> None:
        def use() -> Steps:
            yield from self.memory.obtain(pieces)
            self.log.append((self.env.now, "use", " ".join(pieces)))

        self.env.process(use())


def test_a_piece_is_waited_for_and_then_stays() -> None:
    world = World()
    world.obtain("a", "b")
    world.env.run()
    world.obtain("a", "b")
    world.env.run()
    assert world.log == [(1.0, "in", "a"), (3.0, "in", "b"), (3.0, "use", "a b"), (3.0, "use", "a b")]
    assert world.memory.resident == {"a", "b"}


def test_the_least_recently_used_piece_goes_first() -> None:
    world = World()
    world.obtain("a", "b")
    world.env.run()
    world.obtain("a")
    world.obtain("c")
    world.env.run()
    assert world.log[3:] == [
        (3.0, "use", "a"),
        (3.0, "out", "b"),
        (3.0, "out", "a"),
        (6.0, "in", "c"),
        (6.0, "use", "c"),
    ]
    assert world.memory.peak_bytes == 100


def test_loads_in_the_background_follow_one_another() -> None:
    world = World()
    world.memory.request(["b", "c"])
    assert world.memory.loading == {"b", "c"}
    world.env.run()
    assert world.log == [(2.0, "in", "b"), (5.0, "in", "c")]
    assert world.memory.loading == frozenset()


def test_a_piece_on_its_way_is_waited_for_and_not_loaded_twice() -> None:
    world = World()
    world.memory.request(["b"])
    world.obtain("b")
    world.env.run()
    assert world.log == [(2.0, "in", "b"), (2.0, "use", "b")]


def test_what_does_not_fit_beside_the_rest_is_not_loaded_in_the_background() -> None:
    world = World()
    world.memory.request(["a", "c", "b"])
    world.env.run()
    assert world.log == [(1.0, "in", "a")]


def test_what_is_on_its_way_can_go_again_once_it_is_here() -> None:
    world = World()
    world.memory.request(["b"])
    world.obtain("a", "c")

    with pytest.raises(TooLarge, match="c needs 50 bytes beside 60 in use"):
        world.env.run()

    world = World()
    world.memory.request(["c"])
    world.obtain("a")
    world.env.run()
    assert world.log == [(3.0, "in", "c"), (3.0, "out", "c"), (4.0, "in", "a"), (4.0, "use", "a")]


def test_what_never_fits_is_refused() -> None:
    world = World()
    world.obtain("vast")
    with pytest.raises(TooLarge, match="vast needs 101 bytes"):
        world.env.run()
