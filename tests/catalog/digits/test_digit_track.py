import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.digits.backdrop import FRAME_HEIGHT, FRAME_WIDTH
from catalog.digits.digit_images import digit_images
from catalog.digits.digit_sprite import blend, draw_sprite
from catalog.digits.digit_track import Crowd, DigitTrack, draw_track, draw_tracks

TIMES_S = np.arange(0.0, 8.0, 0.25)


def in_sight(track: DigitTrack) -> np.ndarray:
    centres = track.centres(TIMES_S)
    return np.asarray(np.logical_and(centres >= 0, centres < (FRAME_WIDTH, FRAME_HEIGHT)).min(axis=1))


def visible(track: DigitTrack) -> np.ndarray:
    """When any of it may be inside the frame."""
    centres, r = track.centres(TIMES_S), track.radius_px
    inside = np.logical_and(centres >= -r, centres < (FRAME_WIDTH + r, FRAME_HEIGHT + r))
    return np.asarray(inside.min(axis=1))


def in_sight_together(tracks: tuple[DigitTrack, ...]) -> np.ndarray:
    return np.asarray(np.sum([in_sight(t) for t in tracks], axis=0))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_tracks_never_touch_in_sight_and_never_crowd(seed: int) -> None:
    tracks = draw_tracks(np.random.default_rng(seed), Crowd(mean=3.0, most=5), duration_s=8.0)
    assert in_sight_together(tracks).max() <= 5
    for i, a in enumerate(tracks):
        for b in tracks[:i]:
            apart = np.hypot(*(a.centres(TIMES_S) - b.centres(TIMES_S)).T)
            assert (apart[visible(a) & visible(b)] >= a.radius_px + b.radius_px).all()


def test_a_scene_is_about_as_crowded_as_wanted() -> None:
    rng = np.random.default_rng(0)
    means = [
        in_sight_together(draw_tracks(rng, Crowd(mean=3.0, most=5), duration_s=8.0)).mean() for _ in range(10)
    ]
    assert np.mean(means) == pytest.approx(3.0, abs=0.7)


def test_a_track_passes_its_anchor_at_its_velocity() -> None:
    track = draw_track(np.random.default_rng(3), anchor_s=2.0, anchor=(50.0, 60.0))
    at, later = track.pose(2.0), track.pose(3.0)
    assert (at.x, at.y) == (50.0, 60.0)
    assert (later.x - at.x, later.y - at.y) == pytest.approx(track.velocity)


def test_strokes_stay_within_the_radius() -> None:
    rng = np.random.default_rng(4)
    for _ in range(40):
        track = draw_track(rng, anchor_s=1.0, anchor=(160.0, 120.0))
        sprite = draw_sprite(rng, digit_images("train"), np.full(10, 0.1), 100.0)
        box = blend(np.zeros((240, 320, 3), np.float32), sprite, track.pose(1.0))
        assert box is not None
        x, y, w, h = box
        corners = np.array([(x, y), (x + w, y), (x, y + h), (x + w, y + h)]) - (160.0, 120.0)
        # A box's corner lies farther out than any stroke in it, by the square root of 2 at most.
        assert np.hypot(*corners.T).max() <= 1.42 * track.radius_px
