"""A network stream or camera that cannot hang the engine: decoded in a process of its own, and watched."""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from random import Random

from engine.errors import SourceError
from engine.frames import Frame
from engine.sources.decoder_link import (
    Kind,
    Message,
    Progress,
    StreamOrder,
    number_from_bytes,
    number_to_bytes,
    progress_from_bytes,
)
from engine.sources.decoder_process import DecoderDied, DecoderProcess
from engine.sources.frame_slots import FrameSlots
from engine.sources.protocol import SourceReport
from engine.sources.retrying import BackOff, CrashGuard, Patience
from engine.sources.stream_notices import StreamNotices
from engine.sources.stream_tally import StreamTally

_log = logging.getLogger(__name__)


class WatchedStream:
    """Keeps a decoding process at work on one source, whatever becomes of the source or the process.

    A source that fails is tried again after a pause; a process that hangs is killed, one that died
    is replaced. Only a recording, which cannot be taken up in the middle, ends with an error. One
    thread reads; the process is started with the source, so that several start at the same time.

    Args:
        order: what to decode.
        name: in results.
        patience: when to give up waiting, and when to try again.
        rng: of the pauses.
        clock: monotonic; the one that the decoding process reads, too.

    Raises:
        SourceError: no process can be started.
    """

    def __init__(
        self,
        order: StreamOrder,
        name: str,
        patience: Patience | None = None,
        rng: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience = patience or Patience(timeout_s=order.timeout_s)
        self._order = replace(order, timeout_s=self._patience.timeout_s)
        self._name = name
        self._clock = clock
        self._back_off = BackOff(self._patience, rng or Random())
        self._crashes = CrashGuard(self._patience)
        self._notices = StreamNotices(name)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._decoder: DecoderProcess | None = None
        self._slots: FrameSlots | None = None
        self._live: bool | None = None
        self._closing = threading.Lock()
        self._ordered = self._ended = self._interrupted = self._closed = False
        self._due_s = self._deadline_s = clock()
        self._failures_here = 0
        self._connected_s = 0.0
        self._tally = StreamTally()
        self._report = SourceReport()
        try:
            self._give_order()
        except OSError as e:
            self.close()
            raise SourceError(f"source {name}: no decoding process can be started: {e.strerror or e}") from e

    @property
    def name(self) -> str:
        """Name in results."""
        return self._name

    @property
    def live(self) -> bool:
        """Whether frames come by the clock: everywhere but from a recording that is taken at full speed."""
        return self._live is not False

    @property
    def busy_s(self) -> float:
        """Processor time that decoding has taken so far, in all processes."""
        return self._tally.busy_s

    @property
    def pid(self) -> int | None:
        """Id of the process that decodes, None between two of them."""
        return None if self._decoder is None else self._decoder.pid

    def report(self) -> SourceReport:
        """Return what was dropped by the decoder, and how the source fares."""
        return replace(self._report, dropped=self._tally.dropped)

    @property
    def grabbed(self) -> int:
        """Frames that came, as the decoder counts them."""
        return self._tally.grabbed

    def settle(self) -> None:
        """Wait until it is known whether this is a recording; what does not answer is a live stream."""
        until_s = self._clock() + self._patience.start_s
        while self._live is None and not self._report.failures and self._clock() < until_s:
            self._step()
        if self._live is None:
            self._live = True
            self._order = replace(self._order, pace="wall")
            if self._ordered:
                self._let_decoder_go()

    def read(self) -> Frame | None:
        """Return the next frame; None at the end of a recording and after interrupt().

        Raises:
            SourceError: a recording breaks off.
        """
        while not (self._interrupted or self._ended):
            frame = self._step()
            if frame is not None:
                return frame
        return None

    def interrupt(self) -> None:
        """Have read() return None soon, now and later; any thread may call."""
        self._interrupted = True
        with self._closing:
            if not self._closed:
                os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """End the process and let go of everything; may be called twice."""
        with self._closing:
            if self._closed:
                return
            self._closed = self._interrupted = True
            self._let_decoder_go()
            os.close(self._wake)

    def _step(self) -> Frame | None:
        """Do the next thing that is due, or wait for it; return a frame if that was it."""
        now_s = self._clock()
        try:
            if not self._ordered and now_s >= self._due_s:
                self._give_order()
                return None
            until_s = self._deadline_s if self._ordered else self._due_s
            message = self._hear(until_s - now_s)
            if message is not None:
                return self._heed(message)
            if self._ordered and self._clock() >= self._deadline_s:
                self._hung()
        except DecoderDied as e:
            self._crashed(str(e))
        except OSError as e:  # no memory for slots, no descriptors for another process
            self._let_decoder_go()
            self._failed(f"no resources to decode: {e.strerror or e}")
        return None

    def _give_order(self) -> None:
        if self._decoder is None:
            self._decoder = DecoderProcess(self._wake)
            self._failures_here = 0
        self._tally.source_opens()
        self._decoder.tell(Kind.ORDER, self._order.to_bytes())
        self._ordered = True
        self._deadline_s = self._clock() + self._patience.start_s

    def _hear(self, timeout_s: float) -> Message | None:
        if self._decoder is not None:
            return self._decoder.receive(timeout_s)
        resting = select.poll()
        resting.register(self._wake, select.POLLIN)
        resting.poll(max(0.0, timeout_s) * 1000.0)
        return None

    def _heed(self, message: Message) -> Frame | None:
        now_s = self._clock()
        self._deadline_s = now_s + self._patience.timeout_s + self._patience.grace_s
        match message.kind:
            case Kind.PROGRESS:
                return self._take(progress_from_bytes(message.body), now_s)
            case Kind.OPENED:
                self._opened(is_recording=message.body == b"\1", now_s=now_s)
            case Kind.SLOTS:
                self._let_slots_go()
                self._slots = FrameSlots(message.descriptor, number_from_bytes(message.body))
            case Kind.ENDED:
                self._ended = True
            case Kind.FAILED:
                self._failed(message.body.decode())
        return None

    def _opened(self, is_recording: bool, now_s: float) -> None:
        self._connected_s = now_s
        self._report = replace(self._report, connects=self._report.connects + 1)
        if self._live is None:
            self._live = not is_recording or self._order.pace == "wall"

    def _take(self, progress: Progress, now_s: float) -> Frame | None:
        self._tally.add(progress)
        if progress.slot < 0 or self._slots is None or self._decoder is None:
            return None
        pixels = self._slots.copy(progress.slot, progress.height, progress.width)
        with suppress(DecoderDied):  # it is heard of when its last messages are read
            self._decoder.tell(Kind.RELEASE, number_to_bytes(progress.slot))
        self._failures_here = 0
        if now_s - self._connected_s >= self._patience.most_pause_s:
            self._back_off.reset()
        self._notices.gives_frames(now_s)
        if self._report.trouble:
            self._report = replace(self._report, trouble="")
        t_s, index = self._tally.time_of(progress), self._tally.grabbed - 1
        return Frame(self._name, index, t_s, pixels, progress.captured_s)

    def _failed(self, reason: str) -> None:
        """Note that the source gives nothing, and when to try again.

        Raises:
            SourceError: it is a recording.
        """
        now_s = self._clock()
        self._ordered = False
        self._failures_here += 1
        self._report = replace(self._report, failures=self._report.failures + 1, trouble=reason)
        if self._live is False:
            raise SourceError(f"source {self._name}: {reason}")
        self._notices.failed(reason, now_s)
        self._due_s = now_s + self._back_off.next_pause_s()
        if self._failures_here >= self._patience.attempts:
            self._let_decoder_go()

    def _hung(self) -> None:
        self._replace_decoder("its decoder gave no sign of life and was killed")

    def _crashed(self, reason: str) -> None:
        self._replace_decoder(reason)
        now_s, patience = self._clock(), self._patience
        if self._crashes.is_looping(now_s):
            self._notices.crash_loop(patience.crashes, patience.crash_pause_s, reason)
            self._due_s = now_s + patience.crash_pause_s

    def _replace_decoder(self, reason: str) -> None:
        self._let_decoder_go()
        self._report = replace(self._report, restarts=self._report.restarts + 1)
        self._failed(reason)

    def _let_decoder_go(self) -> None:
        self._ordered = False
        self._tally.process_ends()
        self._let_slots_go()
        if self._decoder is not None and not self._decoder.end():
            _log.error("source %s: process %d cannot be killed yet", self._name, self._decoder.pid)
        self._decoder = None

    def _let_slots_go(self) -> None:
        if self._slots is not None:
            self._slots.close()
        self._slots = None
