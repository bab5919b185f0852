"""Tracks go on over gaps and crossings, and end where another thing stands in their place."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np
import pytest

from engine.extractors.faces import FaceExtractor
from engine.frames import Box
from engine.sources.video_file import open_video_file
from engine.tracking.appearance import Look, look_of
from engine.tracking.box_tracker import BoxTracker, TrackerSettings
from tests.outside_data import outside_file

RED = np.array([1.0, 0.0, 0.0], np.float32)
BLUE = np.array([0.0, 1.0, 0.0], np.float32)
REDDISH = np.array([0.95, 0.312, 0.0], np.float32)  # 0.05 away from red


def tracker(**settings: float) -> BoxTracker:
    ids = count()
    return BoxTracker(TrackerSettings(**settings), lambda: next(ids))


def at(x: int, y: int = 0) -> Box:
    return x, y, 40, 40


def followed(things: BoxTracker, boxes: Sequence[Box], looks: Sequence[Look], now: float) -> list[int]:
    return [t.id for t in things.follow(boxes, looks, now)]


def test_a_thing_keeps_its_track_while_it_moves() -> None:
    things = tracker()
    assert [followed(things, [at(10 * i)], [RED], i / 10) for i in range(20)] == [[0]] * 20


def test_boxes_in_another_order_keep_their_tracks() -> None:
    things = tracker()
    assert followed(things, [at(0), at(100)], [RED, RED], 0.0) == [0, 1]
    assert followed(things, [at(105), at(5)], [RED, RED], 0.1) == [1, 0]


def test_a_missed_detection_is_bridged_at_the_speed_of_the_thing() -> None:
    things = tracker()
    for i in range(5):
        followed(things, [at(20 * i)], [RED], i / 10)
    assert followed(things, [], [], 0.5) == []
    assert followed(things, [], [], 0.6) == []
    assert followed(things, [at(20 * 7)], [RED], 0.7) == [0]  # where it was seen last it no longer is


def test_what_was_lost_for_too_long_is_a_new_thing() -> None:
    things = tracker(lost_s=1.0)
    assert followed(things, [at(0)], [RED], 0.0) == [0]
    assert followed(things, [at(0)], [RED], 1.0) == [0]
    assert followed(things, [at(0)], [RED], 2.1) == [1]
    assert [t.id for t in things.tracks] == [1]


def test_another_thing_in_the_same_place_is_a_new_track() -> None:
    things = tracker()
    assert followed(things, [at(0)], [RED], 0.0) == [0]
    assert followed(things, [at(0)], [BLUE], 0.1) == [1]
    assert followed(things, [at(0)], [RED], 0.2) == [0]  # it was hidden, not gone


def test_two_that_cross_keep_their_tracks_by_their_looks() -> None:
    things = tracker()
    seen = []
    for i in range(11):
        right, left = at(20 * i), at(200 - 20 * i, y=4)
        seen.append(followed(things, [right, left], [RED, BLUE], i / 10))
    assert seen == [[0, 1]] * 11


def test_a_thing_may_change_its_look_slowly() -> None:
    things = tracker()
    assert followed(things, [at(0)], [RED], 0.0) == [0]
    assert followed(things, [at(0)], [REDDISH], 0.1) == [0]


def test_nothing_is_lost_while_the_picture_stands_still() -> None:
    things = tracker()
    followed(things, [at(0)], [RED], 0.0)
    for i in range(1, 100):
        things.stand_still(i / 10)
    assert followed(things, [at(0)], [RED], 10.0) == [0]


def test_the_gap_before_a_still_picture_still_counts() -> None:
    things = tracker(lost_s=1.0)
    followed(things, [at(0)], [RED], 0.0)
    followed(things, [], [], 0.9)
    things.stand_still(5.0)
    assert followed(things, [at(0)], [RED], 5.2) == [1]


@pytest.mark.data
def test_three_people_in_a_corridor_are_hardly_more_than_three_tracks() -> None:
    video = open_video_file(outside_file("videos/faces_three_people_corridor_3s.mp4"))
    faces, things = FaceExtractor(), tracker()
    windows, ids = 0, set()
    while (seen := video.read()) is not None:
        boxes = faces.extract(seen)
        looks = [look_of(seen.pixels, b) for b in boxes]
        ids.update(t.id for t in things.follow(boxes, looks, seen.t_s))
        windows += len(boxes)
    assert windows > 100
    assert 3 <= len(ids) <= 6
