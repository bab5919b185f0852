"""A network between client and server on one machine: delay, bandwidth, loss and cuts, changed as it runs.

It takes TCP connections and passes them on, so both sides are the real ones and need no rights. Bytes
wait for their turn on the link (one a direction, shared by all connections, with a token bucket), are on
their way for the delay, and come later where segments are lost; see link_conditions for what a loss means
behind TCP.
"""

from __future__ import annotations

import asyncio
import math
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any

from cloud.endpoint import Endpoint
from cloud.link_conditions import SEGMENT_BYTES, Cut, LinkConditions, losses
from cloud.link_trace import LinkChange

ANY_PORT = Endpoint("127.0.0.1", 0)
_MOST_AT_ONCE = 16384
_SLICE_S = 0.01  # of the bandwidth that is given to one connection before the next has its turn
_BURST_S = 0.005  # by which the event loop may wake up late without the link becoming slower for it
_ON_THE_WAY = 4096  # pieces in one direction of a connection; a sender that is faster waits
_BUFFER_BYTES = 16 * 1024  # of the system's, or it would take megabytes before a sender feels the link
_RESET = struct.pack("ii", 1, 0)  # struct linger: on, for 0 s


class Shaper:
    """Passes connections on; lives on one event loop.

    Args:
        target: the server.
        conditions: of the link at first.
        draw: a number in [0, 1), evenly spread; decides what is lost.
    """

    def __init__(
        self,
        target: Endpoint,
        conditions: LinkConditions | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._target = target
        self._draw = draw
        self.conditions = conditions or LinkConditions()
        self._changed = asyncio.Event()
        self._up = _Lane(self, lambda c: c.up_bytes_per_s)
        self._down = _Lane(self, lambda c: c.down_bytes_per_s)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._listen = ANY_PORT

    async def start(self, listen: Endpoint = ANY_PORT) -> Endpoint:
        """Begin to take connections and return the address with its real port."""
        taken = socket.create_server((listen.host, listen.port))
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._listen = Endpoint(listen.host, taken.getsockname()[1])
        self._server = await asyncio.start_server(self._accepted, sock=taken, limit=_MOST_AT_ONCE)
        return self._listen

    async def change(self, conditions: LinkConditions) -> None:
        """Go on like this; what is on its way already keeps the delay that it had."""
        before, self.conditions = self.conditions.cut, conditions
        self._changed.set()
        self._changed = asyncio.Event()
        if conditions.cut is Cut.RESET:
            await self.stop()
        elif before is Cut.RESET:
            await self.start(self._listen)

    async def replay(self, changes: Sequence[LinkChange], speed: float = 1.0) -> None:
        """Change as a trace says, so many times as fast; returns after the last change."""
        clock = asyncio.get_running_loop().time
        began_s = clock()
        for one in changes:
            await asyncio.sleep(max(0.0, began_s + one.t_s / speed - clock()))
            await self.change(one.conditions)

    async def stop(self) -> None:
        """Take no more connections and break those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def open(self) -> None:
        """Return once the link is not cut."""
        while self.conditions.cut is not Cut.NONE:
            await self._changed.wait()

    async def changed_before(self, t_s: float) -> bool:
        """Wait until a moment of the loop's clock, inf for ever; return at once with True on a change."""
        left_s = t_s - asyncio.get_running_loop().time()
        if left_s <= 0.0:
            return False
        try:
            await asyncio.wait_for(self._changed.wait(), None if math.isinf(left_s) else left_s)
        except TimeoutError:
            return False
        return True

    def draw_losses(self, size_bytes: int) -> tuple[int, float]:
        """Return what is sent again of so many bytes, and how much later they arrive."""
        found = losses(size_bytes, self.conditions, self._draw)
        return found.again_bytes, found.late_s

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        writers = [writer]
        try:
            await self.open()
            back, forth = await asyncio.open_connection(
                self._target.host, self._target.port, limit=_MOST_AT_ONCE
            )
            writers.append(forth)
            async with asyncio.TaskGroup() as both:
                both.create_task(_passed_on(reader, forth, self, self._up))
                both.create_task(_passed_on(back, writer, self, self._down))
        except* (OSError, asyncio.CancelledError):
            pass  # one side has gone, or the link was cut: the other side is told below
        finally:
            for one in writers:
                _reset(one)
            self._connections.discard(task)


class _Lane:
    """One direction of the link: one piece after another, at the bandwidth of the moment."""

    def __init__(self, shaper: Shaper, bytes_per_s: Callable[[LinkConditions], float]) -> None:
        self._shaper = shaper
        self._bytes_per_s = bytes_per_s
        self._free_s = 0.0
        self._turn = asyncio.Lock()

    @property
    def piece_bytes(self) -> int:
        """How much is sent at once."""
        speed = self._bytes_per_s(self._shaper.conditions)
        return int(min(max(speed * _SLICE_S, SEGMENT_BYTES), _MOST_AT_ONCE))

    async def send(self, size_bytes: int) -> None:
        """Return once so many bytes have been put on the way."""
        clock = asyncio.get_running_loop().time
        async with self._turn:
            left = float(size_bytes)
            while left > 0.0:
                await self._shaper.open()
                speed = self._bytes_per_s(self._shaper.conditions)
                if math.isinf(speed):
                    return
                begins_s = max(self._free_s, clock() - _BURST_S)
                ends_s = begins_s + left / speed if speed else math.inf
                if not await self._shaper.changed_before(ends_s):
                    self._free_s = ends_s
                    return
                left -= speed * max(0.0, clock() - begins_s)
                self._free_s = clock()


async def _passed_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, shaper: Shaper, lane: _Lane
) -> None:
    """Carry one direction of one connection, its end included."""
    way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_ON_THE_WAY)
    async with asyncio.TaskGroup() as both:
        both.create_task(_sent(reader, way, shaper, lane))
        both.create_task(_delivered(way, writer, shaper))


async def _sent(
    reader: asyncio.StreamReader, way: asyncio.Queue[tuple[float, bytes]], shaper: Shaper, lane: _Lane
) -> None:
    clock = asyncio.get_running_loop().time
    last_s = 0.0
    while True:
        piece = await reader.read(lane.piece_bytes)
        again_bytes, late_s = shaper.draw_losses(len(piece))
        await lane.send(len(piece) + again_bytes)
        last_s = max(last_s, clock() + shaper.conditions.delay_s + late_s)
        await way.put((last_s, piece))
        if not piece:
            return


async def _delivered(
    way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, shaper: Shaper
) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        due_s, piece = await way.get()
        await asyncio.sleep(max(0.0, due_s - clock()))
        await shaper.open()
        if not piece:
            with suppress(OSError):
                writer.write_eof()
            return
        writer.write(piece)
        await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection so that the other side learns of it at once."""
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


class ShapedLink:
    """A shaper in a thread of its own; made by `shaped`.

    Args:
        shaper: makes it, on the loop that it lives on.
        loop: runs in the thread.
    """

    def __init__(self, shaper: Callable[[], Shaper], loop: asyncio.AbstractEventLoop) -> None:
        async def begin() -> tuple[Shaper, Endpoint]:
            made = shaper()
            return made, await made.start()

        self._loop = loop
        self._replays: list[Future[None]] = []
        self._shaper, self.endpoint = self._run(begin()).result()

    def change(self, conditions: LinkConditions) -> None:
        """Make the link like this and return when it is."""
        self._run(self._shaper.change(conditions)).result()

    def replay(self, changes: Sequence[LinkChange], speed: float = 1.0) -> Future[None]:
        """Begin to change the link as a trace says; the future ends with the last change."""
        replay = self._run(self._shaper.replay(changes, speed))
        self._replays.append(replay)
        return replay

    def stop(self) -> None:
        """Break all connections and take no more."""
        for replay in self._replays:
            replay.cancel()
        self._run(self._shaper.stop()).result()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)


@contextmanager
def shaped(
    target: Endpoint,
    conditions: LinkConditions | None = None,
    draw: Callable[[], float] = random.random,
) -> Iterator[ShapedLink]:
    """Put a link before a server meanwhile; clients connect to the endpoint of what is given.

    Args:
        target: the server.
        conditions: at first.
        draw: a number in [0, 1), evenly spread; decides what is lost.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="mcdnn-shaper", daemon=True)
    thread.start()
    try:
        link = ShapedLink(lambda: Shaper(target, conditions, draw), loop)
        try:
            yield link
        finally:
            link.stop()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
