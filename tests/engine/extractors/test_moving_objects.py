"""Moving things before a background that stands still, cuts, and frames that change their size."""

from __future__ import annotations

import numpy as np
import pytest

from engine.extractors.moving_objects import MovingObjectExtractor
from engine.frames import Box, Frame, UInt8
from engine.sources.video_file import open_video_file
from engine.truth import intersection_over_union
from tests.engine.media import frame
from tests.outside_data import outside_file


def background(seed: int = 0, width: int = 320, height: int = 240) -> UInt8:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(90, 140, (height // 16, width // 16, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((16, 16, 1), np.uint8))


def with_block(scene: UInt8, box: Box) -> UInt8:
    pixels = scene.copy()
    x, y, w, h = box
    pixels[y : y + h, x : x + w] = (230, 30, 40)
    return pixels


def still(index: int, scene: UInt8) -> Frame:
    noise = np.random.default_rng(index).integers(-3, 4, scene.shape)
    return frame(index, (scene.astype(np.int16) + noise).astype(np.uint8))


def learnt(scene: UInt8, frames: int = 20) -> MovingObjectExtractor:
    extractor = MovingObjectExtractor()
    for i in range(frames):
        assert extractor.extract(still(i, scene)) == []
    return extractor


def test_things_that_move_are_found_each_in_a_box_of_its_own() -> None:
    scene = background()
    extractor = learnt(scene)
    for step in range(5):
        boxes = [(20 + 12 * step, 60, 30, 50), (220 - 12 * step, 150, 40, 30)]
        pixels = with_block(with_block(scene, boxes[0]), boxes[1])
        found = extractor.extract(frame(20 + step, pixels))
        assert len(found) == 2
        for truth in boxes:
            assert max(intersection_over_union(truth, box) for box in found) > 0.6


def test_a_cut_finds_nothing_and_the_new_scene_is_learnt() -> None:
    extractor = learnt(background(0))
    other = background(1) // 2
    assert all(extractor.extract(still(30 + i, other)) == [] for i in range(20))
    moved = frame(60, with_block(other, (100, 80, 40, 40)))
    assert len(extractor.extract(moved)) == 1


def test_specks_are_too_small_to_be_things() -> None:
    scene = background()
    extractor = learnt(scene)
    assert extractor.extract(frame(20, with_block(scene, (100, 100, 3, 3)))) == []


def test_another_frame_size_starts_anew_instead_of_failing() -> None:
    extractor = learnt(background())
    assert extractor.extract(still(21, background(0, 160, 128))) == []


def test_boxes_are_in_pixels_of_a_large_frame() -> None:
    scene = background(0, 1280, 720)
    extractor = learnt(scene, frames=10)
    found = extractor.extract(frame(20, with_block(scene, (800, 300, 160, 200))))
    assert intersection_over_union(found[0], (800, 300, 160, 200)) > 0.8


@pytest.mark.data
def test_people_on_a_street_are_found_from_above() -> None:
    video = open_video_file(outside_file("videos/shopping_street_13s.mp4"))
    extractor = MovingObjectExtractor()
    counts = []
    while (seen := video.read()) is not None and seen.index < 120:
        counts.append(len(extractor.extract(seen)))
    assert counts[:5] == [0] * 5
    assert 8 <= np.mean(counts[60:]) <= 25
