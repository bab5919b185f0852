"""A video server in a process of its own, which tests may stop, freeze and kill.

    python -m tests.engine.sources.video_server PORT [FOLDER]

/live.mjpg?fps=50&frames=20&grow_at=10&cut=1   motion JPEG, frame i in shade 10 * i (modulo 250); the
    frames from grow_at on are larger, `cut` breaks off in the middle of one more; with `once` the next
    viewer is sent away
/live.ts?fps=50&frames=20    MPEG-TS, the same pictures
/live.mkv?clip=NAME    Matroska, a file of the folder over and over, its packets as they are
/clips/NAME?cut=1   a file of the folder, or the first two thirds of it
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import av
import cv2
from av.error import FFmpegError

from tests.engine.media import picture


class Request(BaseHTTPRequestHandler):
    """One viewer."""

    folder = Path()
    seen: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        """Serve a path of the module's table."""
        url = urlsplit(self.path)
        options = dict(parse_qsl(url.query))
        name = url.path.removeprefix("/clips/")
        if "once" in options and self.path in self.seen:
            self.send_error(404)
            return
        self.seen.add(self.path)
        try:
            if url.path == "/live.mjpg":
                self._motion_jpeg(options)
            elif url.path == "/live.mkv":
                self._begin("video/x-matroska")
                send_clip(self.folder / options["clip"], self.wfile)
            elif url.path == "/live.ts":
                self._transport_stream(options)
            elif (self.folder / name).is_file():
                self._file((self.folder / name).read_bytes(), "cut" in options)
            else:
                self.send_error(404)
        except (OSError, FFmpegError):  # the viewer has gone
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""

    def _motion_jpeg(self, options: dict[str, str]) -> None:
        self._begin("multipart/x-mixed-replace; boundary=frame")
        grow_at = int(options.get("grow_at", sys.maxsize))
        for i in _ticks(options):
            self.wfile.write(_part(i, large=i >= grow_at))
        if "cut" in options:
            self.wfile.write(_part(0, large=False)[:-200])

    def _transport_stream(self, options: dict[str, str]) -> None:
        self._begin("video/mp2t")
        if "clip" in options:
            send_clip(self.folder / options["clip"], self.wfile)
            return
        with av.open(self.wfile, "w", format="mpegts") as out:
            stream = out.add_stream("mpeg4", rate=int(options.get("fps", 50)))
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for i in _ticks(options):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture(10 * i % 250), "rgb24")))
                self.wfile.flush()
            out.mux(stream.encode(None))

    def _file(self, content: bytes, cut: bool) -> None:
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        end = len(content) * 2 // 3 if cut else len(content)
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        self.wfile.write(content[begin:end])

    def _begin(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()


def send_clip(path: Path, to: Any) -> None:
    """Send a clip's packets as they are, in real time, over and over, with stamps that go on."""
    began_s, shift_s = time.monotonic(), 0.0
    with av.open(to, "w", format="matroska", options={"live": "1"}) as out:
        stream = None
        while True:
            with av.open(str(path)) as clip:
                video = clip.streams.video[0]
                if stream is None:
                    stream = out.add_stream_from_template(video)
                latest_s = 0.0
                for packet in clip.demux(video):
                    if packet.dts is None or packet.pts is None or packet.time_base is None:
                        continue
                    shift = round(shift_s / packet.time_base)
                    latest_s = max(latest_s, float((packet.pts + 1) * packet.time_base))
                    due_s = began_s + shift_s + float(packet.dts * packet.time_base)
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    time.sleep(max(0.0, due_s - time.monotonic()))
                    out.mux(packet)
                    to.flush()
                shift_s += latest_s


def _ticks(options: dict[str, str]) -> Iterator[int]:
    """Give 0, 1, 2 ... at the frame rate, to the number of frames asked for."""
    period_s, frames = 1.0 / float(options.get("fps", 50)), options.get("frames")
    began_s = time.monotonic()
    for i in count() if frames is None else range(int(frames)):
        time.sleep(max(0.0, began_s + i * period_s - time.monotonic()))
        yield i


def _part(index: int, large: bool) -> bytes:
    size = (96, 72) if large else (64, 48)
    jpeg = cv2.imencode(".jpg", picture(10 * index % 250, *size))[1].tobytes()
    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
    return head + jpeg + b"\r\n"


def main() -> None:
    """Serve until killed; the first line tells the port."""
    Request.folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path()
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Request)
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
