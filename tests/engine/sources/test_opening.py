"""From URI to source: every form, and what is said about anything else."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from catalog.errors import BadInput
from engine.errors import SourceError
from engine.sources.digit_camera import DigitCamera
from engine.sources.image_folder import ImageFolder
from engine.sources.opening import open_source
from engine.sources.video_file import VideoFile
from tests.engine.media import picture, write_video


def test_a_file_is_a_video_that_is_not_live_unless_asked(tmp_path: Path) -> None:
    path = str(write_video(tmp_path / "clip.mp4", frames=2))
    assert isinstance(open_source(path), VideoFile)
    assert not open_source(path).live
    assert open_source(path, pace="wall").live
    assert open_source(path, name="door").name == "door"


def test_a_folder_is_a_sequence_of_images_at_one_a_second_or_as_given(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), picture(1))
    for uri, step_s in ((str(tmp_path), 1.0), (f"{tmp_path}?fps=8", 0.125)):
        source = open_source(uri)
        assert isinstance(source, ImageFolder)
        source.read()
        second = source.read()
        assert second is not None
        assert second.t_s == step_s


def test_digits_is_the_digit_camera_live_by_default() -> None:
    assert isinstance(open_source("digits:?seed=3"), DigitCamera)
    assert open_source("digits:").live
    assert not open_source("digits:", pace="max").live


def test_a_number_is_a_camera() -> None:
    with pytest.raises(SourceError, match=r"^camera 63: cannot be opened"):
        open_source("63")


@pytest.mark.parametrize("uri", ["nowhere/clip.mp4", "ftp://host/clip.mp4", "", "²"])
def test_anything_else_is_named_with_the_forms_that_there_are(uri: str) -> None:
    with pytest.raises(SourceError) as error:
        open_source(uri)
    assert repr(uri) in str(error.value)
    assert "a video file, a folder of images (with ?fps=N), a camera's number, rtsp://" in str(error.value)


@pytest.mark.parametrize("query", ["fps=0", "fps=many", "fps=nan", "rate=3", "fps=3&loop=1", ""])
def test_a_wrong_folder_option_is_named(tmp_path: Path, query: str) -> None:
    with pytest.raises(BadInput, match=r"fps"):
        open_source(f"{tmp_path}?{query}")


def test_an_unknown_pace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"pace 'slow'"):
        open_source(str(write_video(tmp_path / "clip.mp4", frames=2)), pace="slow")
