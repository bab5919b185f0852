"""Noise, flicker and exposure keep the gate shut; what comes, goes or changes slowly opens it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest

from engine.frames import UInt8
from engine.gating.motion_gate import GateSettings, MotionGate, small_grey
from engine.sources.video_file import open_video_file
from tests.engine.gating.scenery import HEIGHT, filmed, place, with_thing
from tests.outside_data import outside_file


def looked_at(pictures: Iterable[UInt8], settings: GateSettings | None = None) -> list[int]:
    """Indices of the pictures that were looked at."""
    gate = MotionGate(settings or GateSettings())
    looked = []
    for i, pixels in enumerate(pictures):
        if gate.changed(pixels):
            gate.look()
            looked.append(i)
    return looked


@pytest.mark.parametrize("noise", [0.0, 3.0, 10.0, 20.0])
def test_a_still_place_is_looked_at_once_whatever_the_sensors_noise(noise: float) -> None:
    assert looked_at(filmed(lambda _: place(), 60, noise)) == [0]


def test_lamps_that_flicker_do_not_hold_the_gate_open() -> None:
    flicker = filmed(lambda i: place() * (1.0 + 0.15 * math.sin(i * 0.86)), 60)
    assert looked_at(flicker) == [0]


def test_the_bands_that_a_rolling_shutter_makes_of_mains_light_do_not_either() -> None:
    rows = np.arange(HEIGHT)[:, None, None] / HEIGHT
    bands = filmed(lambda i: place() * (1.0 + 0.05 * np.sin(i * 1.1 + rows * 4.0 * math.pi)), 60)
    assert looked_at(bands) == [0]


def test_automatic_exposure_opens_the_gate_once_it_has_changed_a_lot() -> None:
    brighter = filmed(lambda i: place() * (1.0 + 0.008 * i) * 0.6, 100)
    assert 2 <= len(looked_at(brighter)) <= 4


def test_a_light_that_goes_out_is_a_change_even_before_a_bare_wall() -> None:
    wall = [np.full((240, 320, 3), 200 if i < 5 else 90, np.uint8) for i in range(10)]
    assert looked_at(wall) == [0, 5]


def test_something_that_comes_and_goes_is_looked_at_both_times() -> None:
    shown = filmed(lambda i: with_thing(place(), 150) if 20 <= i < 40 else place(), 60)
    assert looked_at(shown) == [0, 20, 40]


def test_something_that_moves_in_flickering_light_is_followed() -> None:
    light = lambda i: 1.0 + 0.15 * math.sin(i * 0.86)  # noqa: E731
    shown = filmed(lambda i: with_thing(place(), 4 * i) * light(i), 60)
    assert len(looked_at(shown)) >= 20


def test_a_slow_dissolve_adds_up() -> None:
    steps = 300
    dissolve = filmed(lambda i: place(0) * (1 - i / steps) + place(5) * (i / steps), steps)
    assert len(looked_at(dissolve)) >= 3


def test_what_flickers_in_one_spot_becomes_noise_there_and_nowhere_else() -> None:
    screen = lambda i: with_thing(place(), 40, shade=0.88) if i % 2 else place()  # noqa: E731
    assert 10 < looked_at(filmed(screen, 150))[-1] < 100
    shown = filmed(lambda i: with_thing(screen(i), 240) if i >= 140 else screen(i), 150)
    assert looked_at(shown)[-1] == 140


def test_what_moves_all_the_time_is_never_taken_for_noise() -> None:
    belt = filmed(lambda i: with_thing(place(), (i * 9) % 280, side=40), 300)
    assert len([i for i in looked_at(belt) if i >= 250]) >= 45


def test_another_size_is_another_picture() -> None:
    small = np.full((90, 160, 3), 80, np.uint8)
    assert looked_at([small, small, np.full((180, 320, 3), 80, np.uint8)]) == [0, 2]


@pytest.mark.parametrize("size", [(1, 1), (48, 64), (240, 320), (1080, 1920), (1921, 7), (333, 1001)])
def test_the_small_picture_has_the_mean_of_the_large_one(size: tuple[int, int]) -> None:
    ramp = np.linspace(0.0, 255.0, size[1])[None, :, None] * np.ones((size[0], 1, 3))
    grey = small_grey(ramp.astype(np.uint8))
    assert max(grey.shape) <= 160
    assert abs(float(grey.mean()) - float(ramp.mean())) < 4.0


@pytest.mark.data
def test_real_clips_are_passed_over_where_people_sit_still_and_not_where_things_move() -> None:
    shares = {}
    for clip in ("classroom_3s", "fruit_conveyor_7s"):
        video = open_video_file(outside_file(f"videos/{clip}.mp4"))
        pictures = [seen.pixels for seen in iter(video.read, None)]
        shares[clip] = len(looked_at(pictures)) / len(pictures)
    assert shares["classroom_3s"] < 0.3
    assert shares["fruit_conveyor_7s"] > 0.9
