"""Streams: a real server on loopback, one that never answers, and names without credentials."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import pytest

from engine.errors import SourceError
from engine.sources.network_stream import open_stream
from tests.engine.media import picture, write_video
from tests.engine.sources.test_video_file import read_all


class _Camera(BaseHTTPRequestHandler):
    """Serves clip.avi as a recording and everything else as three frames of motion JPEG."""

    recording = b""

    def do_GET(self) -> None:
        self.send_response(200)
        if "clip" in self.path:
            self.send_header("Content-Length", str(len(self.recording)))
            self.end_headers()
            self.wfile.write(self.recording)
            return
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for shade in (20, 40, 60):
            jpeg = cv2.imencode(".jpg", picture(shade))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
            self.wfile.write(head + jpeg + b"\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    _Camera.recording = write_video(tmp_path / "clip.avi", frames=12, codec="MJPG").read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Camera)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_recording_behind_a_url_is_read_like_a_file(address: str) -> None:
    source = open_stream(f"http://{address}/clip.avi")
    assert source.is_recording
    assert not source.live
    assert [round(f.t_s, 3) for f in read_all(source)] == [i / 10.0 for i in range(12)]


def test_a_stream_without_length_is_a_camera_that_stops_when_the_sender_does(address: str) -> None:
    source = open_stream(f"http://user:secret@{address}/live")
    assert source.live
    assert source.name == f"http://{address}/live"
    shades = []
    with pytest.raises(SourceError) as stopped:
        while True:
            frame = source.read()
            assert frame is not None
            shades.append(round(frame.pixels.mean()))
    assert shades == [20, 40, 60]
    assert "secret" not in str(stopped.value)
    assert "check the network and the sender" in str(stopped.value)


def test_a_sender_that_never_answers_is_given_up_after_the_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://user:secret@127.0.0.1:{silent.getsockname()[1]}/live"
        with pytest.raises(SourceError, match=r"gave no video within 0\.2 s") as error:
            open_stream(url, timeout_s=0.2)
    assert "secret" not in str(error.value)
