"""Sources that are to run together: who is live, on whose clock, what is dropped, and what is refused."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from catalog.errors import BadInput
from engine.errors import SourceError
from engine.sources.choosing import OpenSource, SourceChoice, open_chosen
from engine.sources.rate_cap import CappedSource
from engine.sources.video_file import VideoFile
from engine.sources.watched_stream import WatchedStream
from tests.engine.media import write_video
from tests.engine.sources.served import free_port, held

DIGITS = SourceChoice("digits:?seconds=1", "digits")


@pytest.fixture
def clip(tmp_path: Path) -> str:
    return str(write_video(tmp_path / "clip.mp4", frames=5))


def opened(*choices: SourceChoice) -> list[OpenSource]:
    sources = open_chosen(choices)
    for each in sources:
        each.source.close()
    return list(sources)


def test_a_file_alone_is_read_here_at_full_speed_and_nothing_is_dropped(clip: str) -> None:
    (one,) = opened(SourceChoice(clip))
    assert isinstance(one.source, VideoFile)
    assert (one.source.live, one.drops) == (False, False)


def test_files_together_stay_at_full_speed(clip: str) -> None:
    both = opened(SourceChoice(clip, "a"), SourceChoice(clip, "b"))
    assert [(o.source.live, o.drops) for o in both] == [(False, False)] * 2


def test_beside_a_live_source_a_recording_comes_at_media_time(clip: str) -> None:
    both = opened(SourceChoice(clip, "clip"), DIGITS)
    assert [(o.source.live, o.drops) for o in both] == [(True, True)] * 2


def test_beside_a_live_source_full_speed_is_refused(clip: str) -> None:
    for choice in (SourceChoice(clip, "fast", pace="max"), SourceChoice("digits:?pace=max", "fast")):
        with pytest.raises(BadInput, match=r'source fast: pace "max" .* give it pace = "wall"'):
            opened(choice, DIGITS)


def test_what_is_dropped_may_be_chosen(clip: str) -> None:
    assert [o.drops for o in opened(SourceChoice(clip, pace="wall"))] == [True]
    assert [o.drops for o in opened(SourceChoice(clip, pace="wall", drop="block"))] == [False]
    with pytest.raises(BadInput, match=r'drop = "latest" is for live sources'):
        opened(SourceChoice(clip, drop="latest"))


def test_a_rate_is_kept_to_where_the_source_is_read(clip: str) -> None:
    (one,) = opened(SourceChoice(clip, fps=2.0))
    assert isinstance(one.source, CappedSource)


def test_sources_of_the_same_name_are_refused(clip: str) -> None:
    with pytest.raises(BadInput, match=r"several sources are called 'clip\.mp4': give each a name"):
        opened(SourceChoice(clip), SourceChoice(clip))


def test_a_stream_is_watched_and_need_not_answer_yet() -> None:
    url = f"http://user:secret@127.0.0.1:{free_port()}/live"
    (one,) = opened(SourceChoice(url))
    assert isinstance(one.source, WatchedStream)
    assert (one.source.live, one.drops) == (True, True)
    assert one.source.name == url.replace("user:secret@", "")


def test_what_cannot_be_opened_leaves_nothing_of_the_others_behind() -> None:
    before = held()
    with pytest.raises(SourceError, match=r"'nowhere\.mp4': no such file or folder"):
        opened(SourceChoice(f"http://127.0.0.1:{free_port()}/live"), SourceChoice("nowhere.mp4"))
    assert held().grown_since(before) == {}


def test_an_opened_source_is_the_callers_to_close(clip: str) -> None:
    (one,) = open_chosen([SourceChoice(clip)])
    with closing(one.source) as source:
        assert source.read() is not None
