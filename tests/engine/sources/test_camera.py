"""Cameras: time by the clock, hiccups forgiven, unplugging reported. A real capture stands in for one."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import cv2
import pytest

from engine.errors import SourceError
from engine.sources.camera import Camera, open_camera
from tests.engine.media import write_video

_NO_CAMERA = 63


def camera_of(path: Path, slept: list[float]) -> Camera:
    ticks = count(1000)
    return Camera(
        cv2.VideoCapture(str(path)),
        "desk camera",
        "plug it in",
        attempts=3,
        clock=lambda: float(next(ticks)),
        sleep=slept.append,
    )


def test_frames_are_stamped_by_the_clock(tmp_path: Path) -> None:
    camera = camera_of(write_video(tmp_path / "clip.mp4", frames=3), [])
    frames = [camera.read() for _ in range(3)]
    assert [f.t_s for f in frames] == [0.0, 1.0, 2.0]
    assert [f.captured_s for f in frames] == [1000.0, 1001.0, 1002.0]
    assert camera.live


def test_a_camera_that_stops_giving_frames_is_reported_as_unplugged(tmp_path: Path) -> None:
    slept: list[float] = []
    camera = camera_of(write_video(tmp_path / "clip.mp4", frames=2), slept)
    camera.read()
    camera.read()
    with pytest.raises(SourceError, match=r"desk camera: unplugged .* after 2 frames; plug it in"):
        camera.read()
    assert len(slept) == 2
    camera.close()
    camera.close()


def test_a_camera_that_is_not_there_names_the_remedy(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match=rf"camera {_NO_CAMERA}: cannot be opened: check that"):
        open_camera(_NO_CAMERA)
    assert capfd.readouterr().err == ""
