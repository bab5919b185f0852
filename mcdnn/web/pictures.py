"""Pictures for browsers: drawn and encoded only while somebody waits for one, and once for all of them."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from mcdnn.web.board import Board, Sight
from mcdnn.web.drawing import draw

MJPEG_TYPE = "multipart/x-mixed-replace; boundary=picture"

_LEAST_INTERVAL_S = 0.1
_REST = 3.0  # times as long as drawing took: pictures take a quarter of a core at most
_LOOK_EVERY_S = 0.03
_AGAIN_S = 5.0  # a picture that stands still is sent again, so that a browser that is gone is noticed
_NICENESS = 10


class Picture(NamedTuple):
    """An encoded sight.

    Args:
        number: of the sight.
        jpeg: the file.
    """

    number: int
    jpeg: bytes


class Pictures:
    """Gives the newest picture of a source to any number of viewers; used by one event loop.

    Args:
        board: what there is to see.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._kept: dict[str, Picture] = {}
        self._drawn_s: dict[str, float] = {}
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "mcdnn-web-pictures", _give_way)
        self._ended = False
        self.viewers = 0
        self.encoded = 0

    async def newer(self, source: str, than: int = 0, within_s: float = _AGAIN_S) -> Picture | None:
        """Wait for a picture that is newer than one that was seen; None if none comes in time.

        Args:
            than: its number; 0 for any.
        """
        end_s = _now_s() + within_s
        while not self._ended and _now_s() < end_s:
            sight = self._board.sight(source)
            if sight is not None and sight.number > than and self._may_draw(source):
                return await self._picture(sight)
            await asyncio.sleep(_LOOK_EVERY_S)
        return None

    async def stream(self, source: str) -> AsyncGenerator[bytes, None]:
        """Give the parts of a motion JPEG until the run ends or the viewer goes.

        Every part ends with the next one's boundary: browsers show a picture when they see that.
        """
        self.viewers += 1
        try:
            yield b"--picture\r\n"
            seen = 0
            while not self._ended:
                picture = await self.newer(source, seen) or self._kept.get(source)
                if picture is not None:
                    seen = picture.number
                    yield _part(picture.jpeg)
        finally:
            self.viewers -= 1
            if not self.viewers:
                self._kept.clear()

    def end(self) -> None:
        """Have streams end; called by the event loop's thread."""
        self._ended = True

    def close(self) -> None:
        """Let go of the thread, once the loop has ended."""
        self._thread.shutdown()

    def _may_draw(self, source: str) -> bool:
        return _now_s() - self._drawn_s.get(source, -_LEAST_INTERVAL_S) >= _LEAST_INTERVAL_S

    async def _picture(self, sight: Sight) -> Picture:
        """Return a sight's picture, drawing it where nobody has; those who wait take turns."""
        source = sight.frame.source
        async with self._turn:
            kept = self._kept.get(source)
            if kept is not None and kept.number >= sight.number:
                return kept
            began_s = self._drawn_s[source] = _now_s()
            answers = self._board.answers(source)
            loop = asyncio.get_running_loop()
            jpeg = await loop.run_in_executor(self._thread, draw, sight, answers)
            self.encoded += 1
            picture = self._kept[source] = Picture(sight.number, jpeg)
            await asyncio.sleep(_REST * (_now_s() - began_s))
        return picture


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _part(jpeg: bytes) -> bytes:
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
    return head + jpeg + b"\r\n--picture\r\n"


def _give_way() -> None:
    """Lower the priority of this thread below the engine's; a niceness belongs to a thread on Linux."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
