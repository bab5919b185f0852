import numpy as np

from catalog.digits.backdrop import FRAME_HEIGHT, FRAME_WIDTH, draw_backdrop, draw_grain, grain_at


def test_the_camera_sways_over_the_surface() -> None:
    backdrop = draw_backdrop(np.random.default_rng(0))
    before, soon, later = (backdrop.surface(t) for t in (1.0, 1.05, 4.0))
    assert before.shape == (FRAME_HEIGHT, FRAME_WIDTH, 3)
    assert 0.0 < np.abs(soon - before).mean() < np.abs(later - before).mean()


def test_the_light_changes_slowly_and_differs_across_the_frame() -> None:
    backdrop = draw_backdrop(np.random.default_rng(1))
    strengths = np.array([backdrop.light(t) for t in np.arange(0.0, 20.0, 0.5)])
    assert np.ptp(strengths.mean(axis=(1, 2))) > 0.05
    assert np.abs(np.diff(strengths, axis=0)).max() < 0.2
    assert np.ptp(strengths[5]) > 0.01
    assert strengths.min() > 0.3


def test_the_sensor_clips_and_adds_noise() -> None:
    backdrop = draw_backdrop(np.random.default_rng(2))
    rng = np.random.default_rng(3)
    sheet = draw_grain(rng)
    scene = np.full((FRAME_HEIGHT, FRAME_WIDTH, 3), 900.0, np.float32)
    assert (backdrop.exposed(scene, 0.0, grain_at(sheet, rng)) == 255).mean() > 0.99
    dim = np.full_like(scene, 100.0)
    grey = backdrop.exposed(dim, 0.0, grain_at(sheet, rng))
    assert grey.dtype == np.uint8
    assert 1.0 < np.diff(grey.astype(int), axis=1).std() < 15.0


def test_frames_get_different_noise_from_one_sheet() -> None:
    rng = np.random.default_rng(4)
    sheet = draw_grain(rng)
    assert not np.array_equal(grain_at(sheet, rng), grain_at(sheet, rng))
