"""Faces: one box each on real clips, none where there is nobody."""

from __future__ import annotations

import numpy as np
import pytest

from engine.extractors.faces import FaceExtractor, distinct_boxes
from engine.extractors.table import open_extractor
from engine.sources.video_file import open_video_file
from tests.engine.media import frame, picture
from tests.outside_data import outside_file


def test_of_boxes_that_lie_in_one_another_the_surest_is_kept() -> None:
    boxes = [(10, 10, 40, 40), (14, 14, 20, 20), (12, 8, 40, 40), (100, 10, 30, 30)]
    assert distinct_boxes(boxes, [1.0, 5.0, 3.0, 2.0]) == [[14, 14, 20, 20], [100, 10, 30, 30]]
    assert distinct_boxes([], []) == []


def test_nothing_is_found_in_an_empty_frame_of_any_size() -> None:
    extractor = FaceExtractor()
    for width, height in ((64, 48), (1280, 720), (8, 8)):
        assert extractor.extract(frame(0, picture(120, width, height))) == []


@pytest.mark.data
def test_three_people_who_look_at_the_camera_are_found_side_by_side() -> None:
    video = open_video_file(outside_file("videos/faces_three_people_corridor_3s.mp4"))
    extractor = FaceExtractor()
    found = []
    while (seen := video.read()) is not None:
        if seen.index % 4 == 0:
            found.append(extractor.extract(seen))
    assert np.mean([len(boxes) for boxes in found]) >= 2.6
    assert max(len(boxes) for boxes in found) == 3
    for boxes in found:
        assert boxes == sorted(boxes)
        assert all(40 <= w <= 90 and 40 <= y <= 140 for _, y, w, _ in boxes)


@pytest.mark.data
def test_a_larger_frame_gives_boxes_in_its_own_pixels() -> None:
    video = open_video_file(outside_file("videos/faces_crowd_1080p_4s.mp4"))
    extractor = FaceExtractor()
    found = []
    while (seen := video.read()) is not None and seen.index <= 70:
        if seen.index in (39, 65, 70):
            found += extractor.extract(seen)
    assert len(found) >= 3
    assert max(x for x, *_ in found) > 640
    assert all(70 <= w <= 220 for _, _, w, _ in found)


@pytest.mark.data
def test_distant_faces_are_found_at_a_higher_working_resolution() -> None:
    video = open_video_file(outside_file("videos/faces_crowd_1080p_4s.mp4"))
    seen = video.read()
    assert seen is not None
    assert len(open_extractor("distant-faces").extract(seen)) > len(FaceExtractor().extract(seen))


@pytest.mark.data
def test_bottles_are_no_faces() -> None:
    video = open_video_file(outside_file("videos/bottle_table_40s.mp4"))
    extractor = FaceExtractor()
    for _ in range(5):
        seen = video.read()
        assert seen is not None
        assert extractor.extract(seen) == []
