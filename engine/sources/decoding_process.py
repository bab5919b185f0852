"""Decodes one network stream or camera in a process of its own, where it can hang or crash alone.

    python -P -m engine.sources.decoding_process LINK LIFELINE

Both arguments are inherited file descriptors: the socket of decoder_link, and a pipe that nobody
writes to. When the other end of the pipe closes, however the engine ended, the kernel ends this
process, even one that hangs inside a driver's library.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import Protocol

from catalog.errors import BadInput
from engine.frames import UInt8
from engine.sources.decoder_link import (
    Kind,
    Message,
    Progress,
    StreamOrder,
    number_from_bytes,
    number_to_bytes,
    order_from_bytes,
    progress_to_bytes,
    receive,
    send,
)
from engine.sources.frame_slots import SLOTS, FrameSlots, make_slots
from engine.sources.pace import make_pace
from engine.sources.rate_cap import RateCap

_SIGN_OF_LIFE_S = 0.5


class FrameGrabber(Protocol):
    """Takes frames one by one, and converts those that are wanted."""

    grabbed: int
    damaged: int

    @property
    def is_recording(self) -> bool:
        """Whether it declares how long it is."""

    def grab(self) -> tuple[float, float] | None:
        """Return time and capture time of the next frame; None at the end.

        Raises:
            SourceError: it gives no more.
        """

    def pixels(self) -> UInt8 | None:
        """Return the frame that was grabbed last as (H, W, 3) uint8 RGB; None where it is damaged."""

    def close(self) -> None:
        """Let go of it."""


class _EngineGone(Exception):
    """The engine has closed its end."""


class _EngineLink:
    """The way to the engine, with the slots that are free to write into.

    Raises:
        _EngineGone: by any method.
    """

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._slots: FrameSlots | None = None
        self._first_slot = 0
        self._free: list[int] = []

    def next_order(self) -> StreamOrder:
        """Wait for what to do next."""
        while True:
            message = receive(self._link)
            if message is not None and message.kind is Kind.ORDER:
                return order_from_bytes(message.body)
            self._take(message)

    def tell(self, kind: Kind, body: bytes = b"", descriptor: int = -1) -> None:
        """Send a message."""
        try:
            send(self._link, kind, body, descriptor)
        except OSError as e:
            raise _EngineGone from e

    def has_room(self, waits: bool) -> bool:
        """Tell whether write() has a slot; where it is to be waited for, it has one at the end."""
        while True:
            try:
                self._take(receive(self._link, wait=waits and not self._is_ready()))
            except BlockingIOError:
                return self._is_ready()

    def write(self, pixels: UInt8) -> int:
        """Put a picture into a slot and return which."""
        if self._slots is None or pixels.nbytes > self._slots.slot_bytes:
            self._slots = self._larger_slots(pixels.nbytes)
        slot = self._free.pop()
        self._slots.write(slot, pixels)
        return slot

    def _is_ready(self) -> bool:
        return self._slots is None or bool(self._free)

    def _take(self, message: Message | None) -> None:
        if message is None:
            raise _EngineGone
        slot = number_from_bytes(message.body)
        if slot >= self._first_slot:
            self._free.append(slot)

    def _larger_slots(self, slot_bytes: int) -> FrameSlots:
        if self._slots is not None:
            self._slots.close()
            self._first_slot += SLOTS
        slots = make_slots(slot_bytes)
        self.tell(Kind.SLOTS, number_to_bytes(slot_bytes), slots.descriptor)
        self._free = list(range(self._first_slot, self._first_slot + SLOTS))
        return slots


class _Session:
    """One source from its opening to its end."""

    def __init__(self, link: _EngineLink, order: StreamOrder, source: FrameGrabber) -> None:
        self._link = link
        self._source = source
        self._blocks = order.blocks or (source.is_recording and order.pace == "max")
        self._cap = RateCap(order.fps) if order.fps is not None else None
        self._over_rate = self._no_slot = 0
        self._told_s = 0.0

    def run(self) -> None:
        """Send what is wanted until the end.

        Raises:
            SourceError: the source gives no more.
        """
        try:
            while (grabbed := self._source.grab()) is not None:
                if not self._sent(*grabbed) and time.monotonic() - self._told_s > _SIGN_OF_LIFE_S:
                    self._tell(Progress())
        finally:
            self._tell(Progress())

    def _sent(self, t_s: float, captured_s: float) -> bool:
        if self._cap is not None and not self._cap.wants(t_s):
            self._over_rate += 1
            return False
        if not self._link.has_room(waits=self._blocks):
            self._no_slot += 1
            return False
        pixels = self._source.pixels()
        if pixels is None:
            return False
        slot = self._link.write(pixels)
        height, width = pixels.shape[:2]
        self._tell(Progress(slot, height, width, t_s=t_s, captured_s=captured_s))
        return True

    def _tell(self, frame: Progress) -> None:
        progress = frame._replace(
            grabbed=self._source.grabbed,
            over_rate=self._over_rate,
            no_slot=self._no_slot,
            damaged=self._source.damaged,
            busy_s=time.process_time(),
        )
        self._link.tell(Kind.PROGRESS, progress_to_bytes(progress))
        self._told_s = time.monotonic()


def main(arguments: Sequence[str]) -> None:
    """Carry out orders until the engine is gone."""
    link, lifeline = map(int, arguments)
    _end_with_engine(lifeline)
    engine = _EngineLink(socket.socket(fileno=link))
    with suppress(_EngineGone):
        while True:
            _carry_out(engine.next_order(), engine)


def _carry_out(order: StreamOrder, engine: _EngineLink) -> None:
    try:
        opener = _opener(order)
        engine.tell(Kind.OPENING)
        with closing(opener()) as source:
            engine.tell(Kind.OPENED, bytes([source.is_recording]))
            _Session(engine, order, source).run()
        engine.tell(Kind.ENDED)
    except BadInput as e:
        engine.tell(Kind.FAILED, str(e).encode())
    except (ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError) as e:
        engine.tell(Kind.FAILED, f"the decoder failed: {e!r}".encode())


def _opener(order: StreamOrder) -> Callable[[], FrameGrabber]:
    """Return what opens a source; only the library that it needs is loaded."""
    if order.uri.isdecimal():
        from engine.sources.camera import open_camera

        return lambda: open_camera(int(order.uri), width=order.width)
    from engine.sources.network_stream import open_stream

    pace = make_pace(order.pace, time.monotonic, time.sleep)
    return lambda: open_stream(order.uri, pace=pace, timeout_s=order.timeout_s, width=order.width)


def _end_with_engine(lifeline: int) -> None:
    """Have the kernel send SIGIO, which ends a process, when the other end of the pipe closes."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


if __name__ == "__main__":
    main(sys.argv[1:])
