"""Clips as a network camera sends them: H.264 at one size and rate, each picture a tag of an FLV stream.

FLV (Adobe Flash Video File Format Specification 10.1, annex E) is a header and tags that say how long they
are, so that a picture is whole as soon as its bytes are there, and carry their time in milliseconds, so
that a clip can be sent over and over with times that go on.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
from av.video.frame import PictureType, VideoFrame

_HEADER_BYTES, _TAG_HEADER_BYTES, _TRAILER_BYTES = 9 + 4, 11, 4
_VIDEO, _PICTURE = 9, 1  # of a tag; of a video tag's second byte


@dataclass(frozen=True, slots=True)
class CameraClip:
    """What is sent to a viewer.

    Args:
        opening: first of all.
        pictures: then these, over and over; the first stands on its own.
    """

    opening: bytes
    pictures: tuple[bytes, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Take a file of write_camera_clip."""
        content = path.read_bytes()
        opening, pictures = content[:_HEADER_BYTES], []
        for tag in _tags(content):
            if tag[0] == _VIDEO and tag[_TAG_HEADER_BYTES + 1] == _PICTURE:
                pictures.append(tag)
            elif tag[0] != _VIDEO or tag[_TAG_HEADER_BYTES + 1] == 0:
                opening += tag
        return cls(opening, tuple(pictures))

    def picture(self, number: int, fps: float) -> bytes:
        """Return what is sent for the so many-th picture since a viewer came."""
        tag = self.pictures[number % len(self.pictures)]
        time_ms = round(1000 * number / fps)
        low, high = (time_ms & 0xFFFFFF).to_bytes(3, "big"), (time_ms >> 24 & 0xFF).to_bytes(1, "big")
        return tag[:4] + low + high + tag[8:]


def write_camera_clip(video: Path, path: Path, size: tuple[int, int], fps: int, seconds: int) -> None:
    """Scale a video and write it forwards and backwards, in turns, for so long.

    Args:
        video: any.
        path: of the file.
        size: width and height in pixels.
        fps: of what is written; of the video so many are taken.
        seconds: of what is written.
    """
    frames = _frames(video, size, fps)
    there_and_back = [*frames, *frames[-2:0:-1]]
    memory = io.BytesIO()
    with av.open(memory, "w", "flv", options={"flvflags": "no_duration_filesize"}) as out:
        stream = out.add_stream("libx264", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "veryfast", "tune": "zerolatency"}
        stream.codec_context.gop_size = 4 * fps
        for number in range(seconds * fps):
            frame = there_and_back[number % len(there_and_back)]
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, fps), PictureType.NONE
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    path.write_bytes(memory.getvalue())


def _frames(video: Path, size: tuple[int, int], fps: int) -> list[VideoFrame]:
    kept: list[VideoFrame] = []
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            if (frame.time or 0.0) * fps >= len(kept):
                kept.append(frame.reformat(*size, format="yuv420p"))
    return kept


def _tags(content: bytes) -> Iterator[bytes]:
    """Give the tags of a file with the four bytes that follow each."""
    begin = _HEADER_BYTES
    while begin < len(content):
        end = (
            begin + _TAG_HEADER_BYTES + int.from_bytes(content[begin + 1 : begin + 4], "big") + _TRAILER_BYTES
        )
        yield content[begin:end]
        begin = end
