"""Annotated videos, read back with a real decoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.errors import BadInput
from engine.errors import SinkError
from engine.sinks.annotated_video import AnnotatedVideoSink
from engine.sinks.annotation import STRIP_PX
from engine.sources.video_file import open_video_file
from tests.engine.media import frame, picture, result
from tests.engine.sources.test_video_file import read_all


def shades_of(path: Path) -> list[int]:
    """Return the shade of each frame of a video, to the nearest ten."""
    frames = read_all(open_video_file(path))
    return [10 * round(f.pixels[20:100, 20:100].mean() / 10.0) for f in frames]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_every_frame_is_in_the_video_in_order(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "sub" / f"out.{suffix}"
    sink = AnnotatedVideoSink(path, fps=10.0)
    for i in range(12):
        sink.accept(frame(i, picture(20 * i)), [result(i, box=(50, 40, 8, 6))])
    sink.close()
    sink.close()
    assert shades_of(path) == [20 * i for i in range(12)]


def test_the_video_keeps_the_time_of_a_source_that_is_slower_or_lost_frames(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    sink = AnnotatedVideoSink(path, fps=10.0)
    for index in (0, 1, 4, 5):
        sink.accept(frame(index, picture(20 * index + 20)), [])
    sink.close()
    assert shades_of(path) == [20, 40, 40, 40, 100, 120]


def test_answers_stay_in_the_picture_while_the_scene_is_still(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    sink = AnnotatedVideoSink(path, fps=10.0)
    sink.accept(frame(0, picture(50)), [result(0, box=(20, 10, 30, 30))])
    sink.accept(replace(frame(1, picture(50)), still=True), [])
    sink.accept(frame(2, picture(50)), [])
    sink.close()
    answered, still, nothing = (f.pixels[:-STRIP_PX].astype(int) for f in read_all(open_video_file(path)))
    assert abs(answered - still).mean() < abs(answered - nothing).mean() / 4


def test_a_source_that_is_faster_than_the_video_is_thinned(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    sink = AnnotatedVideoSink(path, fps=10.0)
    for i in range(9):
        sink.accept(frame(i, picture(20 * i), fps=40.0), [])
    sink.close()
    assert len(shades_of(path)) == 3


def test_a_long_gap_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    sink = AnnotatedVideoSink(path, fps=10.0)
    for index in (0, 36_000, 36_001):
        sink.accept(frame(index), [])
    sink.close()
    assert len(shades_of(path)) == 52


def test_frames_of_changing_size_fit_into_the_first_ones(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    sink = AnnotatedVideoSink(path, fps=10.0)
    for i, (width, height) in enumerate([(321, 241), (100, 300), (1920, 1080), (33, 17)]):
        sink.accept(frame(i, picture(120, width, height)), [result(i)])
    sink.close()
    frames = read_all(open_video_file(path))
    assert [f.pixels.shape for f in frames] == [(480 + STRIP_PX, 640, 3)] * 4


def test_large_frames_are_made_smaller(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    sink = AnnotatedVideoSink(path)
    sink.accept(frame(0, picture(120, 1920, 1080)), [])
    sink.close()
    assert read_all(open_video_file(path))[0].pixels.shape == (720 + STRIP_PX, 1280, 3)


def test_without_a_frame_there_is_no_video_and_no_error(tmp_path: Path) -> None:
    AnnotatedVideoSink(tmp_path / "out.mp4").close()
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_no_videos_names_the_endings(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"out\.gif: expected a name that ends in \.mp4, \.mkv, \.avi"):
        AnnotatedVideoSink(tmp_path / "out.gif")


def test_a_folder_that_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"its folder cannot be made"):
        AnnotatedVideoSink(tmp_path / "file" / "out.mp4")


def test_a_video_that_cannot_be_created_is_a_sink_error(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.mkdir()
    sink = AnnotatedVideoSink(path)
    with pytest.raises(SinkError, match=r"out\.mp4: cannot be created: check that the folder can be written"):
        sink.accept(frame(0), [])
    sink.close()


def test_a_video_that_a_full_disk_cut_off_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.symlink_to("/dev/full")
    sink = AnnotatedVideoSink(path)
    with pytest.raises(SinkError, match=r"out\.mp4: cannot be"):
        for i in range(3):
            sink.accept(frame(i), [])
        sink.close()
