from itertools import pairwise

import numpy as np
import pytest

from catalog.digits.backdrop import FRAME_HEIGHT, FRAME_WIDTH
from catalog.digits.digit_images import digit_images
from catalog.digits.digit_video import DigitVideo, skewed_mix

FPS = 10.0


@pytest.fixture(scope="module")
def seen_by_second() -> list[list[tuple[int, int]]]:
    """Digits and tracks of one frame a second, over two minutes."""
    video = DigitVideo(digit_images("test"), seed=11)
    return [[(s.digit, s.track) for s in video.render(i, float(i)).seen] for i in range(120)]


def test_the_same_seed_shows_the_same() -> None:
    first, second = (DigitVideo(digit_images("test"), seed=5) for _ in range(2))
    for i in range(0, 30, 10):
        a, b = first.render(i, i / FPS), second.render(i, i / FPS)
        assert np.array_equal(a.pixels, b.pixels)
        assert a.seen == b.seen


def test_another_seed_shows_something_else() -> None:
    frames = [DigitVideo(digit_images("test"), seed).render(0, 0.0).pixels for seed in (5, 6)]
    assert np.abs(frames[0].astype(int) - frames[1]).mean() > 5.0


def test_a_frame_does_not_depend_on_the_frames_before_it() -> None:
    video = DigitVideo(digit_images("test"), seed=5)
    late = video.render(400, 40.0)
    early = video.render(3, 0.3)
    assert np.array_equal(video.render(400, 40.0).pixels, late.pixels)
    assert np.array_equal(DigitVideo(digit_images("test"), seed=5).render(3, 0.3).pixels, early.pixels)


def test_boxes_are_wholly_inside_the_frame() -> None:
    video = DigitVideo(digit_images("test"), seed=7)
    boxes = [s.box for i in range(80) for s in video.render(i, i * 0.5).seen]
    assert len(boxes) > 80
    for x, y, w, h in boxes:
        assert 0 < x < x + w < FRAME_WIDTH
        assert 0 < y < y + h < FRAME_HEIGHT
        assert min(w, h) >= 3


def test_one_to_five_digits_are_in_sight_nearly_always(seen_by_second: list[list[tuple[int, int]]]) -> None:
    counts = np.array([len(seen) for seen in seen_by_second])
    assert counts.max() <= 5
    assert (counts >= 1).mean() > 0.9
    assert 1.5 < counts.mean() < 4.0


def test_a_track_stays_with_its_digit_and_moves() -> None:
    video = DigitVideo(digit_images("test"), seed=9)
    places: dict[int, list[tuple[int, int]]] = {}
    digits: dict[int, set[int]] = {}
    for i in range(300):
        for seen in video.render(i, i / FPS).seen:
            places.setdefault(seen.track, []).append(seen.box[:2])
            digits.setdefault(seen.track, set()).add(seen.digit)
    assert all(len(d) == 1 for d in digits.values())
    long = [p for p in places.values() if len(p) > 15]
    assert len(long) > 5
    for path in long:
        steps = np.abs(np.diff(np.array(path), axis=0)).max(axis=1)
        assert 0 < steps.mean() < 12  # pixels a frame


def test_digits_enter_and_leave(seen_by_second: list[list[tuple[int, int]]]) -> None:
    tracks = [{track for _, track in seen} for seen in seen_by_second]
    entered = sum(len(b - a) for a, b in pairwise(tracks))
    assert entered > 30


def test_a_few_digits_dominate_each_scene_and_others_the_next(
    seen_by_second: list[list[tuple[int, int]]],
) -> None:
    of_scene: dict[int, dict[int, int]] = {}
    for seen in seen_by_second:
        for digit, track in seen:
            of_scene.setdefault(track // 1000, {})[track] = digit
    favourites, shares = [], []
    for scene in of_scene.values():
        counts = np.bincount(list(scene.values()), minlength=10)
        favourites.append(int(counts.argmax()))
        shares.append(np.sort(counts)[-3:].sum() / counts.sum())
    assert len(of_scene) >= 8
    assert np.mean(shares) > 0.8
    assert len(set(favourites)) >= 4


def test_a_mix_is_a_skewed_distribution() -> None:
    mixes = np.array([skewed_mix(np.random.default_rng(i)) for i in range(50)])
    assert np.allclose(mixes.sum(axis=1), 1.0)
    assert (mixes > 0).all()
    assert (np.sort(mixes, axis=1)[:, -3:].sum(axis=1) > 0.84).all()
