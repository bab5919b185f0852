"""Streams of a real server: whatever happens to it or the decoder, frames come again, all counted."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from engine.capture import SUPERSEDED, Capture
from engine.errors import SourceError
from engine.frames import Frame
from engine.sources.decoder_link import StreamOrder
from engine.sources.rate_cap import OVER_RATE
from engine.sources.retrying import Patience
from engine.sources.watched_stream import WatchedStream
from tests.engine.media import write_video
from tests.engine.sources.rtsp_server import serving_rtsp
from tests.engine.sources.served import LONG_S, VideoServer, free_port, held, is_alive, wait_until
from tests.outside_data import outside_file

HASTY = Patience(timeout_s=1.0, grace_s=1.0, least_pause_s=0.02, most_pause_s=0.1)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_video(folder / "clip.avi", frames=30, codec="MJPG")
    return folder


@pytest.fixture(scope="module")
def shared_server(clips: Path) -> Iterator[VideoServer]:
    server = VideoServer(clips)
    yield server
    server.kill()


@pytest.fixture
def server(clips: Path) -> Iterator[VideoServer]:
    """One that a test may freeze or kill."""
    server = VideoServer(clips)
    yield server
    server.kill()


def watch(
    url: str, fps: float | None = None, blocks: bool = False, patience: Patience | None = None
) -> WatchedStream:
    return WatchedStream(StreamOrder(url, fps, blocks), "door", patience, Random(0))


def read(stream: WatchedStream, count: int) -> list[Frame]:
    frames = []
    while len(frames) < count:
        frame = stream.read()
        assert frame is not None
        frames.append(frame)
    return frames


def dropped(stream: WatchedStream) -> int:
    return sum(stream.report().dropped.values())


def shades(frames: list[Frame]) -> list[int]:
    return [round(f.pixels.mean() / 10.0) for f in frames]


def test_every_frame_of_a_stream_comes_once_in_order_with_its_time(shared_server: VideoServer) -> None:
    with closing(watch(shared_server.url("live.ts?frames=20&fps=20"), blocks=True)) as stream:
        stream.settle()
        assert stream.live
        frames = read(stream, 20)
        assert shades(frames) == list(range(20))
        assert [f.index for f in frames] == list(range(20))
        assert [f.t_s for f in frames] == pytest.approx([i / 20 for i in range(20)], abs=1.0)
        assert (stream.grabbed, dropped(stream)) == (20, 0)
        assert stream.busy_s > 0.0


def test_an_rtsp_camera_gives_every_frame_with_its_stamp() -> None:
    with serving_rtsp() as url, closing(watch(url, blocks=True)) as stream:
        stream.settle()
        frames = read(stream, 20)
        assert stream.live
        assert shades(frames) == list(range(20))
        steps_s = [b.t_s - a.t_s for a, b in pairwise(frames)]
        assert sorted(steps_s)[len(steps_s) // 2] == pytest.approx(0.04)
        assert (stream.grabbed, dropped(stream)) == (20, 0)


def test_a_stream_that_ends_is_opened_again_and_time_goes_on(shared_server: VideoServer) -> None:
    with closing(watch(shared_server.url("live.mjpg?frames=5"), blocks=True, patience=HASTY)) as stream:
        frames = read(stream, 12)
        assert shades(frames) == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
        assert [f.index for f in frames] == list(range(12))
        assert all(a.t_s <= b.t_s for a, b in pairwise(frames))
        assert frames[5].t_s > frames[4].t_s
        report = stream.report()
        assert (report.connects, report.failures, report.restarts, report.trouble) == (3, 2, 0, "")


def test_pictures_may_become_larger_and_smaller_in_mid_stream(shared_server: VideoServer) -> None:
    with closing(watch(shared_server.url("live.mjpg?frames=8&grow_at=4"), blocks=True)) as stream:
        frames = read(stream, 12)
        assert [f.pixels.shape for f in frames] == (4 * [(48, 64, 3)] + 4 * [(72, 96, 3)] + 4 * [(48, 64, 3)])
        assert shades(frames) == [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3]


def test_frames_above_the_rate_asked_for_are_left_out_and_counted(shared_server: VideoServer) -> None:
    with closing(watch(shared_server.url("live.ts?frames=50&fps=50"), fps=10.0, blocks=True)) as stream:
        frames = read(stream, 10)
        assert shades(frames) == [0, 5, 10, 15, 20, 0, 5, 10, 15, 20]
        assert stream.report().dropped == {OVER_RATE: stream.grabbed - 10}


def test_every_frame_that_was_sent_is_taken_or_dropped_for_a_reason(shared_server: VideoServer) -> None:
    stream = watch(shared_server.url("live.mjpg?frames=60&fps=200&once=a"), fps=100.0, patience=HASTY)
    capture = Capture(stream, capacity=1)
    taken = [capture.get(LONG_S) for _ in range(3)]
    wait_until(lambda: stream.report().failures >= 2, LONG_S)  # it has ended, and there is no other
    (figures,) = capture.figures()
    assert all(taken)
    assert stream.grabbed == figures.read == 60
    assert figures.read == figures.taken + sum(figures.dropped.values()) + figures.left
    assert (figures.taken, figures.left) == (3, 1)
    assert figures.dropped[OVER_RATE] > 0
    assert figures.dropped[SUPERSEDED] > 0
    assert "404" in figures.report.trouble
    capture.close()


def test_a_recording_is_read_whole_and_ends(shared_server: VideoServer) -> None:
    with closing(watch(shared_server.url("clips/clip.avi"))) as stream:
        stream.settle()
        assert not stream.live
        assert shades(read(stream, 30)) == [i % 25 for i in range(30)]
        assert stream.read() is None
        assert (stream.grabbed, dropped(stream)) == (30, 0)


def test_a_recording_that_breaks_off_says_so(shared_server: VideoServer) -> None:
    with closing(watch(shared_server.url("clips/clip.avi?cut=1"))) as stream:
        stream.settle()
        count = 0
        with pytest.raises(SourceError, match=r"source door: http.*clip.avi: breaks off after \d+ frames"):
            while stream.read() is not None:
                count += 1
        assert 10 <= count == stream.grabbed < 30


def test_a_stream_cut_off_in_a_picture_goes_on_with_the_next_whole_one(shared_server: VideoServer) -> None:
    with closing(watch(shared_server.url("live.mjpg?frames=4&cut=1"), blocks=True, patience=HASTY)) as stream:
        given = shades(read(stream, 8))
        assert [s for s in given if s][:3] == [1, 2, 3]
        assert stream.grabbed == 8 + dropped(stream)
        assert stream.report().connects == 2


def test_frames_come_again_when_a_killed_server_is_back(
    server: VideoServer, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(watch(server.url("live.mjpg"), patience=HASTY)) as stream:
        first = read(stream, 3)
        server.kill()
        reader = threading.Thread(target=lambda: first.extend(read(stream, 40)))
        reader.start()
        wait_until(lambda: stream.report().failures >= 3)
        assert "Connection refused" in stream.report().trouble
        server.start()
        reader.join(LONG_S)
        assert len(first) == 43
        assert stream.grabbed == 43 + dropped(stream)
        assert stream.report().trouble == ""
    said = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert len(said) == 2
    assert "trying again until it answers" in said[0]
    assert "source door: back after" in said[1]


def test_frames_come_again_when_a_frozen_server_thaws(server: VideoServer) -> None:
    with closing(watch(server.url("live.mjpg"), patience=HASTY)) as stream:
        read(stream, 3)
        server.freeze()
        frames: list[Frame] = []
        reader = threading.Thread(target=lambda: frames.extend(read(stream, 200)))
        reader.start()
        wait_until(lambda: stream.report().failures >= 1)
        server.thaw()
        reader.join(LONG_S)
        assert len(frames) == 200
        assert stream.grabbed == 203 + dropped(stream)
        assert stream.report().restarts == 0


def test_a_decoder_that_hangs_is_killed_and_replaced(shared_server: VideoServer) -> None:
    with closing(watch(shared_server.url("live.mjpg"), patience=HASTY)) as stream:
        read(stream, 3)
        hung = stream.pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        read(stream, 50)  # at most four of them were under way
        assert stream.pid not in (None, hung)
        assert not is_alive(hung)
        assert stream.report().restarts == 1
        assert stream.grabbed == 53 + dropped(stream)


def test_a_decoder_that_crashes_again_and_again_is_left_alone_for_a_while(
    shared_server: VideoServer, caplog: pytest.LogCaptureFixture
) -> None:
    patience = Patience(least_pause_s=0.01, crashes=3, crash_pause_s=0.5)
    with closing(watch(shared_server.url("live.mjpg"), patience=patience)) as stream:
        for _ in range(3):
            read(stream, 1)
            crashing = stream.pid
            assert crashing is not None
            os.kill(crashing, signal.SIGSEGV)
            while stream.pid == crashing:
                read(stream, 1)
        said = [r.message for r in caplog.records if r.levelno == logging.ERROR]
        assert len(said) == 1
        assert "its decoder was ended by SIGSEGV, 3 times one after another" in said[0]
        assert stream.report().restarts == 3


def test_hundreds_of_failed_connections_leave_nothing_behind(clips: Path) -> None:
    patience = Patience(least_pause_s=0.001, most_pause_s=0.001, attempts=100)
    before = held()
    stream = watch(f"http://127.0.0.1:{free_port()}/live.mjpg", patience=patience)
    reading = threading.Thread(target=stream.read)
    reading.start()
    wait_until(lambda: stream.report().failures >= 30, LONG_S)
    early = held()
    wait_until(lambda: stream.report().failures >= 240, LONG_S)
    late = held()
    stream.interrupt()
    reading.join(LONG_S)
    assert not reading.is_alive()
    assert late.grown_since(early) == {}
    stream.close()
    assert held().grown_since(before) == {}


def test_closing_leaves_no_process_descriptor_or_thread(shared_server: VideoServer) -> None:
    before = held()
    capture = Capture(watch(shared_server.url("live.mjpg")), capacity=1)
    assert capture.get(LONG_S) is not None
    capture.close()
    assert held().grown_since(before) == {}


def test_who_waits_for_a_silent_source_can_be_interrupted() -> None:
    stream = watch(f"http://127.0.0.1:{free_port()}/live", patience=Patience(least_pause_s=600.0))
    stream.settle()
    ends: list[Frame | None] = []
    reading = threading.Thread(target=lambda: ends.append(stream.read()))
    reading.start()
    stream.interrupt()
    reading.join(LONG_S)
    assert ends == [None]
    stream.close()
    stream.interrupt()
    stream.close()


def test_a_camera_that_is_not_there_is_waited_for() -> None:
    with closing(WatchedStream(StreamOrder("63"), "desk", HASTY)) as stream:
        stream.settle()
        assert stream.live
        assert "camera 63: cannot be opened: check that it is plugged in" in stream.report().trouble


def test_a_password_appears_in_no_command_line_and_no_trouble() -> None:
    with closing(watch(f"http://user:secret@127.0.0.1:{free_port()}/live?key=hidden")) as stream:
        assert "secret" not in Path(f"/proc/{stream.pid}/cmdline").read_text()
        stream.settle()
        assert "secret" not in stream.report().trouble
        assert "hidden" not in stream.report().trouble


def test_an_engine_that_is_killed_takes_its_decoder_with_it(shared_server: VideoServer) -> None:
    code = (
        "import sys, time\n"
        "from engine.sources.decoder_link import StreamOrder\n"
        "from engine.sources.watched_stream import WatchedStream\n"
        "stream = WatchedStream(StreamOrder(sys.argv[1]), 'door')\n"
        "stream.read()\n"
        "print(stream.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    url = shared_server.url("live.mjpg")
    engine = subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    decoder = int(engine.stdout.readline())
    assert is_alive(decoder)
    engine.kill()
    engine.wait()
    engine.stdout.close()
    wait_until(lambda: not is_alive(decoder))


@pytest.mark.data
def test_a_real_clip_is_served_live_over_and_over() -> None:
    clip = outside_file("videos/faces_three_people_corridor_3s.mp4")
    server = VideoServer(clip.parent)
    url = server.url(f"live.mkv?clip={clip.name}")
    try:
        with closing(watch(url, fps=5.0, blocks=True)) as stream:
            frames = read(stream, 25)  # longer than the clip
            assert {f.pixels.shape for f in frames} == {frames[0].pixels.shape}
            steps_s = [b.t_s - a.t_s for a, b in pairwise(frames)]
            assert sum(steps_s) / len(steps_s) == pytest.approx(0.2, rel=0.1)
            assert stream.grabbed == 25 + dropped(stream)
            assert stream.report().connects == 1
    finally:
        server.kill()
