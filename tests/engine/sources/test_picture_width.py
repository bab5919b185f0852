"""Pictures that are made narrower: at what size they come, and that they still show the same."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from engine.frames import Frame
from engine.sources.choosing import SourceChoice, open_chosen
from engine.sources.decoder_link import StreamOrder
from engine.sources.digit_camera import open_digit_camera
from engine.sources.picture_width import NarrowSource, scaled_down, size_within
from engine.sources.protocol import Source
from engine.sources.rate_cap import OVER_RATE, CappedSource
from engine.sources.watched_stream import WatchedStream
from tests.engine.media import picture, write_video
from tests.engine.sources.served import VideoServer


@pytest.mark.parametrize(
    ("size", "most", "expected"),
    [
        ((1280, 720), 320, (320, 180)),
        ((1280, 720), None, (1280, 720)),
        ((320, 180), 320, (320, 180)),
        ((160, 90), 320, (160, 90)),
        ((4000, 4), 16, (16, 1)),
    ],
)
def test_proportions_stay_and_nothing_grows(
    size: tuple[int, int], most: int | None, expected: tuple[int, int]
) -> None:
    assert size_within(*size, most) == expected


def test_each_pixel_is_the_mean_of_those_it_stands_for() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:2, :2], pixels[0, 2] = 100, 200
    assert scaled_down(pixels, 2)[..., 0].tolist() == [[100, 50], [0, 0]]


def test_a_picture_that_is_narrow_enough_is_not_copied() -> None:
    pixels = picture(10)
    assert scaled_down(pixels, 64) is pixels


def test_what_a_camera_knows_of_its_pictures_is_scaled_with_them() -> None:
    def first(source: Source) -> Frame:
        with closing(source):
            while (frame := source.read()) is not None:
                if frame.truth:
                    return frame
        pytest.fail("it shows nothing")

    uri = "digits:?seed=3&seconds=2&pace=max"
    whole, half = first(open_digit_camera(uri)), first(NarrowSource(open_digit_camera(uri), 48))
    assert whole.truth is not None
    assert half.truth is not None
    share = 48 / whole.pixels.shape[1]
    assert half.pixels.shape[1] == 48
    assert np.allclose(half.truth[0].box, np.multiply(whole.truth[0].box, share), atol=1)
    assert half.truth[0].labels == whole.truth[0].labels


def test_a_stream_is_scaled_where_it_is_decoded() -> None:
    server = VideoServer()
    try:
        order = StreamOrder(server.url("live.mjpg?fps=50"), blocks=True, width=32)
        with closing(WatchedStream(order, "door")) as stream:
            frames = [stream.read() for _ in range(3)]
    finally:
        server.kill()
    assert [f.pixels.shape for f in frames if f] == 3 * [(24, 32, 3)]
    assert [round(float(f.pixels.mean()) / 10.0) for f in frames if f] == [0, 1, 2]


def test_a_file_is_scaled_and_still_says_what_it_left_out(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", frames=20)
    (opened,) = open_chosen([SourceChoice(str(path), fps=5.0, width=16)])
    with closing(opened.source) as source:
        assert isinstance(source, NarrowSource)
        assert isinstance(source.source, CappedSource)
        shapes = []
        while (frame := source.read()) is not None:
            shapes.append(frame.pixels.shape)
        assert shapes == 10 * [(12, 16, 3)]
        assert source.report().dropped == {OVER_RATE: 10}
