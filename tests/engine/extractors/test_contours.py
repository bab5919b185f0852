from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from catalog.digits.digit_windows import OUTWARD, SPREAD
from catalog.errors import BadInput
from engine.extractors.contours import ContourExtractor
from engine.extractors.protocol import Extractor
from engine.frames import Box, Frame, UInt8
from engine.sources.digit_camera import DigitCamera
from engine.truth import TruthMatcher


def frame_of(pixels: UInt8) -> Frame:
    return Frame("test", 0, 0.0, pixels, 0.0)


def camera_frames(seed: int, count: int) -> Iterator[Frame]:
    camera = DigitCamera(seed=seed, fps=1.0, pace="max")
    for _ in range(count):
        frame = camera.read()
        assert frame is not None
        yield frame


def sheet(height: int = 240, width: int = 320) -> UInt8:
    return np.full((height, width, 3), 120, np.uint8)


def with_bar(pixels: UInt8, box: Box, grey: int) -> UInt8:
    x, y, w, h = box
    pixels[y : y + h, x : x + w] = grey
    return pixels


def near(found: Box, expected: Box, tolerance_px: int) -> bool:
    return bool(np.abs(np.subtract(found, expected)).max() <= tolerance_px)


def test_it_finds_nine_of_ten_digits_with_few_false_windows() -> None:
    extractor, matcher = ContourExtractor(), TruthMatcher()
    for frame in (*camera_frames(seed=21, count=40), *camera_frames(seed=22, count=40)):
        matcher.match(extractor.extract(frame), frame.truth)
    assert matcher.counts.recall is not None
    assert matcher.counts.recall >= 0.9
    assert matcher.counts.false_windows / matcher.counts.frames <= 0.2


def test_training_windows_are_jittered_about_as_much_as_its_boxes_are_off() -> None:
    extractor, matcher = ContourExtractor(), TruthMatcher()
    errors = []
    for frame in camera_frames(seed=23, count=60):
        boxes = extractor.extract(frame)
        for box, thing in zip(boxes, matcher.match(boxes, frame.truth), strict=True):
            if thing is not None:
                (x, y, w, h), (tx, ty, tw, th) = box, thing.box
                errors.append(((tx - x) / tw, (ty - y) / th, (x + w - tx - tw) / tw, (y + h - ty - th) / th))
    assert len(errors) > 80
    assert abs(np.mean(errors) - OUTWARD) < 0.02
    assert 0.5 * SPREAD < np.std(errors) < 2.0 * SPREAD


def test_it_never_looks_at_the_truth() -> None:
    for frame in camera_frames(seed=24, count=5):
        blind = replace(frame, truth=None)
        assert ContourExtractor().extract(frame) == ContourExtractor().extract(blind)


@pytest.mark.parametrize("grey", [20, 230])
def test_dark_and_bright_strokes_are_found(grey: int) -> None:
    box = (100, 80, 9, 36)
    found = ContourExtractor().extract(frame_of(with_bar(sheet(), box, grey)))
    assert len(found) == 1
    assert near(found[0], box, 2)


def test_boxes_come_from_left_to_right() -> None:
    pixels = sheet()
    for x in (200, 40, 120):
        with_bar(pixels, (x, 80, 9, 36), 20)
    found = ContourExtractor().extract(frame_of(pixels))
    assert [round(x, -1) for x, *_ in found] == [40, 120, 200]


def test_the_hole_of_a_ring_is_no_window() -> None:
    pixels = sheet()
    cv2.ellipse(pixels, (160, 120), (16, 26), 0, 0, 360, (230, 230, 230), 7)
    assert len(ContourExtractor().extract(frame_of(pixels))) == 1


def test_what_is_cut_off_by_the_border_is_left_out() -> None:
    cut_off = with_bar(sheet(), (0, 80, 9, 36), 20)
    assert ContourExtractor().extract(frame_of(cut_off)) == []


def test_the_hole_of_a_ring_that_is_cut_off_is_no_window() -> None:
    pixels = sheet()
    cv2.ellipse(pixels, (18, 120), (17, 26), 0, 0, 360, (230, 230, 230), 7)
    assert ContourExtractor().extract(frame_of(pixels)) == []


def test_too_small_and_too_large_regions_are_dropped() -> None:
    pixels = with_bar(sheet(), (50, 50, 6, 6), 20)
    with_bar(pixels, (120, 40, 30, 150), 20)
    assert ContourExtractor().extract(frame_of(pixels)) == []


def test_soft_blobs_are_no_strokes() -> None:
    blob = with_bar(sheet(), (140, 90, 30, 40), 220)
    soft = np.asarray(cv2.GaussianBlur(blob, (41, 41), 10), dtype=np.uint8)
    assert ContourExtractor().extract(frame_of(soft)) == []


def test_an_even_frame_has_nothing_in_it() -> None:
    assert ContourExtractor().extract(frame_of(sheet())) == []


def test_boxes_of_a_large_frame_are_in_its_own_pixels() -> None:
    extractor: Extractor = ContourExtractor()
    box = (400, 320, 40, 144)
    found = extractor.extract(frame_of(with_bar(sheet(960, 1280), box, 20)))
    assert len(found) == 1
    assert near(found[0], box, 8)


@pytest.mark.parametrize("shape", [(1, 1), (8, 500), (500, 3), (77, 131)])
def test_frames_of_any_shape_give_boxes_inside_them(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    extractor = ContourExtractor(longest_side_px=100, least_height_px=2, least_sharpness=0.0)
    for x, y, w, h in extractor.extract(frame_of(pixels)):
        assert 0 <= x < x + w <= shape[1]
        assert 0 <= y < y + h <= shape[0]


def test_a_length_below_a_pixel_is_refused() -> None:
    with pytest.raises(BadInput, match="at least 1 pixel"):
        ContourExtractor(surround_px=0)
