"""An RTSP server for tests: one MPEG-4 video, frame i in shade 10 * i (modulo 250), over the RTSP connection.

RTSP is RFC 2326 (RTP interleaved in the connection: section 10.12), MPEG-4 in RTP RFC 3016.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer

import av

from tests.engine.media import picture

_FPS = 25
_CLOCK_HZ = 90_000
_CHUNK_BYTES = 1200


class _Camera(StreamRequestHandler):
    """One viewer."""

    def handle(self) -> None:
        """Answer requests until the viewer plays, then send frames until it has gone."""
        with suppress(OSError):
            while (request := self._request()) is not None:
                method, url, number = request
                self._answer(method, url, number)
                if method == "PLAY":
                    self._play()
                    return

    def _request(self) -> tuple[str, str, str] | None:
        lines = []
        while line := self.rfile.readline().decode().strip():
            lines.append(line)
        if not lines:
            return None
        headers = dict(line.split(": ", 1) for line in lines[1:])
        method, url, _ = lines[0].split()
        return method, url, headers["CSeq"]

    def _answer(self, method: str, url: str, number: str) -> None:
        head = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\nSession: 1\r\n"
        if method == "OPTIONS":
            head += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        if method == "SETUP":
            head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        body = _description() if method == "DESCRIBE" else ""
        if body:
            head += (
                f"Content-Base: {url}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
            )
        self.wfile.write(f"{head}\r\n{body}".encode())

    def _play(self) -> None:
        began_s, packet_number = time.monotonic(), 0
        for i, frame in enumerate(_encoded()):
            time.sleep(max(0.0, began_s + i / _FPS - time.monotonic()))
            for begin in range(0, len(frame), _CHUNK_BYTES):
                chunk = frame[begin : begin + _CHUNK_BYTES]
                marker = 0x80 if begin + _CHUNK_BYTES >= len(frame) else 0
                stamp = i * _CLOCK_HZ // _FPS
                rtp = struct.pack("!BBHII", 0x80, marker | 96, packet_number % 65536, stamp, 1) + chunk
                self.wfile.write(struct.pack("!cBH", b"$", 0, len(rtp)) + rtp)
                packet_number += 1


def _encoder() -> av.VideoCodecContext:
    encoder = av.CodecContext.create("mpeg4", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = 64, 48, "yuv420p", _FPS
    encoder.flags |= 1 << 22  # the headers go into the description, not into the stream
    encoder.open()
    return encoder


def _description() -> str:
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=test", "t=0 0", "m=video 0 RTP/AVP 96"]
    lines += [
        "a=rtpmap:96 MP4V-ES/90000",
        f"a=fmtp:96 profile-level-id=1;config={_encoder().extradata.hex()}",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, "a=control:track1"])


def _encoded() -> Iterator[bytes]:
    encoder, i = _encoder(), 0
    while True:
        for packet in encoder.encode(av.VideoFrame.from_ndarray(picture(10 * i % 250), "rgb24")):
            yield bytes(packet)
        i += 1


class _Server(ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def serving_rtsp() -> Iterator[str]:
    """Serve while the context is open; gives the address."""
    with _Server(("127.0.0.1", 0), _Camera) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"rtsp://user:secret@127.0.0.1:{server.server_address[1]}/live"
        finally:
            server.shutdown()
            thread.join()
