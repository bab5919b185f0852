"""Camera streams for benchmarks: what is sent, how late answers count, and how many are carried."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from benchmarks.stream_clips import CameraClip, write_camera_clip
from benchmarks.stream_load import FPS, EngineWay, Load, NaiveWay, Way, load_with
from benchmarks.stream_server import StreamServer
from benchmarks.streams import Bench, largest, most_streams, ways_of
from benchmarks.synthetic_catalog import build_synthetic_catalog
from catalog.store import open_catalog
from engine.errors import SourceError
from engine.sources.network_stream import open_stream
from tests.engine.media import write_video

_SIZE = (64, 48)
_SETTLING_S = 3.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    video = write_video(folder / "shades.mp4", frames=20)
    write_camera_clip(video, folder / "shades.flv", _SIZE, fps=10, seconds=2)
    return folder / "shades.flv"


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> tuple[EngineWay, NaiveWay]:
    root = build_synthetic_catalog(tmp_path_factory.mktemp("streams") / "catalog", 2, 2, 4)
    ways = ways_of(open_catalog(root))
    engine, naive = ways[0], ways[-1]
    assert isinstance(engine, EngineWay)
    assert isinstance(naive, NaiveWay)
    return engine, naive


def test_a_clip_goes_on_over_and_over_with_times_that_go_on(clip: Path) -> None:
    sent = CameraClip.read(clip)
    assert len(sent.pictures) == 20
    with StreamServer([clip], 50.0) as server, closing(open_stream(server.url("shades?viewer=0"))) as stream:
        assert not stream.is_recording
        frames = [stream.read() for _ in range(45)]
    assert [f.index for f in frames if f] == list(range(45))
    shades = [float(f.pixels.mean()) for f in frames if f]
    assert np.allclose(shades[:5], shades[20:25], atol=3.0)
    assert sent.picture(70_000, 5.0)[4:8] == bytes.fromhex("d59f8000")  # 14,000 s in ms: 0x00d59f80


@pytest.mark.parametrize("fault", ["cut", "garbage"])
def test_a_stream_with_a_fault_gives_whole_pictures_and_then_breaks(clip: Path, fault: str) -> None:
    url = f"shades?viewer=0&fault={fault}"
    with (
        StreamServer([clip], 100.0) as server,
        closing(open_stream(server.url(url), timeout_s=5.0)) as stream,
    ):
        with pytest.raises(SourceError):
            while stream.read() is not None:
                pass
        assert 40 <= stream.grabbed <= 41


@pytest.mark.parametrize("number", [0, 1])
def test_every_picture_that_was_sent_counts_as_answered_or_not(
    clip: Path, ways: tuple[EngineWay, NaiveWay], number: int, tmp_path: Path
) -> None:
    way: Way = ways[number]
    load = load_with(way, 2, [clip], 2.0, tmp_path, _SETTLING_S)
    assert load.streams == 2
    assert abs(len(load.latency_s) - 2 * 2.0 * FPS) <= 2
    answered = load.latency_s[np.isfinite(load.latency_s)]
    assert len(answered) > 0  # how many depends on what else the machine does
    assert answered.min() > 0.0
    assert {a: set(v) for a, v in load.variants.items()} == {
        t: {f"synthetic/{t}"} for t in ("task0", "task1")
    }


def test_a_picture_without_an_answer_is_later_than_any(
    clip: Path, ways: tuple[EngineWay, NaiveWay], tmp_path: Path
) -> None:
    lame = EngineWay("lame", {**ways[0].tables, "device": {"threads": 1}}, {"fps": 2.0, "width": 16})
    load = load_with(lame, 1, [clip], 3.0, tmp_path, _SETTLING_S)
    assert load.quantile_s(0.95) == math.inf
    assert load.in_time < 0.6


def test_accuracy_is_weighted_by_what_answered(tmp_path: Path) -> None:
    catalog = open_catalog(build_synthetic_catalog(tmp_path / "catalog", 1, 2, 4))
    bench = Bench(catalog, [], 0.0, tmp_path)
    assert largest(catalog, "task0").id == "synthetic/task0"
    used = {"task0": {"synthetic/task0": 3, "None": 5}}
    assert bench.points_lost(_load_of(used)) == pytest.approx(0.0)
    assert bench.points_lost(_load_of({"task0": {"None": 5}})) == 100.0


def _load_of(variants: dict[str, dict[str, int]]) -> Load:
    nothing = np.zeros(0)
    return Load(1, nothing, nothing, variants, 0.0, 0.0)


@pytest.mark.parametrize("truth", [0, 1, 2, 5, 8, 9, 16, 17, 31])
def test_the_largest_number_that_is_carried_is_found(truth: int) -> None:
    tried: list[int] = []

    def carries(number: int) -> bool:
        tried.append(number)
        return number <= truth

    found = most_streams(carries, begin=4, most=20)
    assert found in {min(truth, 20), min(truth, 20) - 1} if truth > 16 else found == truth
    assert len(tried) == len(set(tried))
