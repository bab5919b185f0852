"""A server of camera streams in a process of its own, which can be killed, frozen and started again.

    python -m benchmarks.stream_server PORT FPS CLIP ...

/NAME?viewer=K   the clip of that file name without its ending, live, over and over
/NAME?viewer=K&fault=cut      breaks off in the middle of a picture after 40 of them
/NAME?viewer=K&fault=garbage  after 40 pictures goes on with bytes that are none, then breaks off
/began           JSON: when each path's latest viewer was sent its first picture, on the monotonic clock

The first line of output tells the port.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from benchmarks.server_process import ServerProcess
from benchmarks.stream_clips import CameraClip

_HEALTHY_PICTURES = 40
_GARBAGE_BYTES = 200_000
_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n\r\n"


class CameraStreams:
    """Answers viewers.

    Args:
        clips: by name.
        fps: pictures a second that each viewer gets.
    """

    def __init__(self, clips: dict[str, CameraClip], fps: float) -> None:
        self._clips = clips
        self._fps = fps
        self._began_s: dict[str, float] = {}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one viewer until it goes."""
        with suppress(OSError, asyncio.IncompleteReadError):
            target = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
            url = urlsplit(target)
            clip = self._clips.get(url.path.removeprefix("/"))
            if clip is not None:
                writer.write(_HEAD % b"video/x-flv")
                await self._send(clip, target, dict(parse_qsl(url.query)).get("fault", ""), writer)
            elif url.path == "/began":
                writer.write(_HEAD % b"application/json" + json.dumps(self._began_s).encode())
                await writer.drain()
        writer.close()

    async def _send(self, clip: CameraClip, target: str, fault: str, writer: asyncio.StreamWriter) -> None:
        writer.write(clip.opening)
        began_s = self._began_s[target] = time.monotonic()
        number = 0
        while True:
            await asyncio.sleep(max(0.0, began_s + number / self._fps - time.monotonic()))
            picture = clip.picture(number, self._fps)
            if fault and number >= _HEALTHY_PICTURES:
                garbage = random.Random(number).randbytes(_GARBAGE_BYTES)
                writer.write(picture[: len(picture) // 2] + (garbage if fault == "garbage" else b""))
                await writer.drain()
                return
            writer.write(picture)
            await writer.drain()
            number += 1


class StreamServer(ServerProcess):
    """The server in a process of its own.

    Args:
        clips: files of write_camera_clip.
        fps: pictures a second that each viewer gets.
    """

    def __init__(self, clips: Iterable[Path], fps: float) -> None:
        super().__init__()
        self._arguments = [f"{fps:g}", *map(str, clips)]
        self._port = 0

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self._port}/{path}"

    def began_s(self) -> dict[str, float]:
        """Return when each path's latest viewer was sent its first picture, on the monotonic clock."""
        with urllib.request.urlopen(self.url("began"), timeout=10.0) as answer:
            return {str(k).removeprefix("/"): float(v) for k, v in json.load(answer).items()}

    def start(self) -> None:
        """Start it, at the port that it had before."""
        command = [sys.executable, "-m", "benchmarks.stream_server", str(self._port), *self._arguments]
        self._port = int(self._launch(command))


async def serve(port: int, streams: CameraStreams) -> None:
    """Serve until killed, after a line that tells the port."""
    server = await asyncio.start_server(streams.answer, "127.0.0.1", port)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    """Read the clips and serve them."""
    port, fps, *files = sys.argv[1:]
    clips = {Path(f).stem: CameraClip.read(Path(f)) for f in files}
    asyncio.run(serve(int(port), CameraStreams(clips, float(fps))))


if __name__ == "__main__":
    main()
