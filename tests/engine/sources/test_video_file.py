"""Video files: frames with their times, and broken files that say where they broke."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.errors import SourceError
from engine.frames import Frame
from engine.sources.pace import MediaTime
from engine.sources.protocol import Source
from engine.sources.video_file import open_video_file
from tests.engine.media import write_video
from tests.outside_data import outside_file


def read_all(source: Source) -> list[Frame]:
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def read_until_broken(source: Source) -> tuple[int, str]:
    frames = 0
    with pytest.raises(SourceError) as broken:
        while source.read() is not None:
            frames += 1
    return frames, str(broken.value)


def test_every_frame_comes_in_order_with_its_media_time(tmp_path: Path) -> None:
    video = open_video_file(write_video(tmp_path / "clip.mp4", frames=20, fps=10.0))
    frames = read_all(video)
    assert [f.index for f in frames] == list(range(20))
    assert [f.t_s for f in frames] == pytest.approx([i / 10.0 for i in range(20)])
    assert video.name == "clip.mp4"
    assert not video.live
    assert video.read() is None
    video.close()
    video.close()


def test_pixels_are_rgb_and_not_those_of_another_frame(tmp_path: Path) -> None:
    frames = read_all(open_video_file(write_video(tmp_path / "clip.mp4")))
    assert frames[7].pixels.shape == (48, 64, 3)
    assert frames[7].pixels.dtype == np.uint8
    assert [round(f.pixels.mean() / 10.0) for f in frames] == list(range(20))


def test_a_motion_jpeg_cut_off_gives_what_it_has_and_then_names_the_frame(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.avi", frames=40, codec="MJPG").read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole[: len(whole) // 2])
    frames, message = read_until_broken(open_video_file(cut))
    assert 5 < frames < 30
    assert message.startswith(f"{cut}: breaks off after frame {frames - 1} at ")
    assert "truncated or damaged" in message


def test_a_file_without_any_frame_is_an_error(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.avi", frames=5, codec="MJPG").read_bytes()
    header = tmp_path / "header.avi"
    header.write_bytes(whole[: whole.index(b"movi") + 4])
    try:
        video = open_video_file(header)
    except SourceError as e:
        assert str(header) in str(e)
    else:
        assert read_until_broken(video)[0] == 0


@pytest.mark.parametrize("content", [b"", b"\x00" * 5000, b"no video at all\n" * 100])
def test_a_file_that_is_no_video_is_an_error_with_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"clip\.mp4: cannot be opened as a video"):
        open_video_file(path)


def test_nothing_but_our_own_message_is_written_about_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"\x00" * 5000)
    code = (
        "from pathlib import Path\nfrom engine.errors import SourceError\n"
        "from engine.sources.video_file import open_video_file\n"
        f"try:\n    open_video_file(Path({str(path)!r}))\nexcept SourceError as e:\n    print(e)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{path}: cannot be opened")
    assert done.stderr == ""


def test_at_wall_pace_frames_come_at_their_media_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", frames=5, fps=10.0)
    now_s = [100.0]

    def sleep(seconds: float) -> None:
        now_s[0] += seconds

    pace = MediaTime(lambda: now_s[0], sleep)
    video = open_video_file(path, pace=pace, clock=lambda: now_s[0])
    assert video.live
    assert [f.captured_s for f in read_all(video)] == pytest.approx([100.0, 100.1, 100.2, 100.3, 100.4])


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "frames", "fps"),
    [("faces_three_people_corridor_3s.mp4", 41, 12.02), ("fruit_conveyor_7s.mp4", 101, 14.99)],
)
def test_real_clips_are_read_to_their_end(name: str, frames: int, fps: float) -> None:
    times = [f.t_s for f in read_all(open_video_file(outside_file(f"videos/{name}")))]
    assert len(times) == frames
    assert times[-1] == pytest.approx((frames - 1) / fps, rel=0.01)


@pytest.mark.data
def test_a_real_clip_whose_end_is_missing_names_the_last_frame(tmp_path: Path) -> None:
    whole = outside_file("videos/camvid_drive_firstperson_701f_1fps.avi")
    cut = tmp_path / "drive.avi"
    with whole.open("rb") as file:
        cut.write_bytes(file.read(500_000))
    frames, message = read_until_broken(open_video_file(cut))
    assert frames > 10
    assert f"after frame {frames - 1}" in message
