"""Real clips as H.264 byte streams, and GStreamer's RTSP server that plays them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import av
from av.video.frame import PictureType

from tests.engine.sources.served import ServerProcess

FPS = 15
_SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's bindings are for
_SCRIPT = Path(__file__).with_name("gst_rtsp_server.py")


class RtspServer(ServerProcess):
    """Plays files in real time; it may die, freeze and come back at the same port.

    Args:
        files: by the name that they are served at.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        named = [f"{name}={file}" for name, file in files.items()]
        super().__init__([_SYSTEM_PYTHON, str(_SCRIPT)], [str(FPS), *named])

    def url(self, name: str) -> str:
        """Return the address of a clip."""
        return f"rtsp://127.0.0.1:{self.port}/{name}"


def byte_stream(clip: Path, size: tuple[int, int], times: int = 1) -> bytes:
    """Return a clip as an H.264 byte stream that begins with a whole picture, `times` over.

    Args:
        clip: any video.
        size: width and height to bring it to.
        times: how often.
    """
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.framerate, encoder.gop_size = "yuv420p", FPS, FPS
    encoder.options = {"preset": "veryfast", "tune": "zerolatency", "crf": "32"}
    packets: list[bytes] = []
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            picture = frame.reformat(*size, format="yuv420p")
            picture.pts, picture.pict_type = None, PictureType.NONE
            packets += (bytes(p) for p in encoder.encode(picture))
    packets += (bytes(p) for p in encoder.encode(None))
    return times * b"".join(packets)


def write_stream(path: Path, parts: Sequence[bytes]) -> Path:
    """Write byte streams one behind the other."""
    path.write_bytes(b"".join(parts))
    return path
