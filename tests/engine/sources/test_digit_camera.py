import math

import numpy as np
import pytest

from catalog.digits.digit_images import digit_images
from catalog.digits.digit_video import DigitVideo
from catalog.errors import BadInput
from engine.frames import Frame
from engine.sources.digit_camera import DigitCamera, open_digit_camera
from engine.sources.protocol import Source


class Clock:
    """A settable clock that sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, duration_s: float) -> None:
        self.slept.append(duration_s)
        self.now_s += duration_s


def live_camera(clock: Clock, fps: float = 10.0, seconds: float = math.inf) -> DigitCamera:
    return DigitCamera(seed=3, fps=fps, seconds=seconds, clock=clock, sleep=clock.sleep)


def frames_of(camera: Source) -> list[Frame]:
    frames = []
    while (frame := camera.read()) is not None:
        frames.append(frame)
    return frames


def test_at_its_own_pace_it_gives_every_frame_and_then_ends() -> None:
    camera = DigitCamera(seed=3, fps=10.0, seconds=0.5, pace="max")
    frames = frames_of(camera)
    assert not camera.live
    assert [f.index for f in frames] == [0, 1, 2, 3, 4]
    assert [f.t_s for f in frames] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    assert camera.read() is None
    assert {f.source for f in frames} == {"digits"}
    assert frames[0].pixels.shape == (240, 320, 3)
    assert frames[0].pixels.dtype == np.uint8


def test_a_live_camera_waits_until_each_frame_is_due() -> None:
    clock = Clock()
    camera = live_camera(clock)
    frames = [camera.read() for _ in range(3)]
    assert camera.live
    assert clock.slept == pytest.approx([0.1, 0.1])
    assert [f.captured_s for f in frames if f] == pytest.approx([1000.0, 1000.1, 1000.2])


def test_a_live_camera_loses_the_frames_that_nobody_came_for() -> None:
    clock = Clock()
    camera = live_camera(clock)
    camera.read()
    clock.now_s += 0.57
    late, next_one = camera.read(), camera.read()
    assert late is not None
    assert next_one is not None
    assert (late.index, next_one.index) == (5, 6)
    assert (late.t_s, next_one.t_s) == pytest.approx((0.5, 0.6))
    assert next_one.captured_s == pytest.approx(1000.6)


def test_a_live_camera_ends_even_when_nobody_came_for_its_last_frames() -> None:
    clock = Clock()
    camera = live_camera(clock, seconds=1.0)
    camera.read()
    clock.now_s += 30.0
    assert camera.read() is None
    assert camera.read() is None


def test_a_closed_camera_gives_no_more_frames() -> None:
    camera = DigitCamera(pace="max")
    camera.close()
    camera.close()
    assert camera.read() is None


def test_the_pace_does_not_change_what_is_seen() -> None:
    clock = Clock()
    slow, fast = live_camera(clock), DigitCamera(seed=3, fps=10.0, pace="max")
    for _ in range(3):
        a, b = slow.read(), fast.read()
        assert a is not None
        assert b is not None
        assert np.array_equal(a.pixels, b.pixels)
        assert a.truth == b.truth


def test_it_shows_the_held_out_digits_and_knows_them() -> None:
    camera = DigitCamera(seed=4, fps=2.0, pace="max")
    held_out = DigitVideo(digit_images("test"), seed=4)
    for i in range(6):
        frame, rendered = camera.read(), held_out.render(i, i / 2.0)
        assert frame is not None
        assert frame.truth is not None
        assert np.array_equal(frame.pixels, rendered.pixels)
        assert [t.labels["identity"] for t in frame.truth] == [str(s.digit) for s in rendered.seen]
        assert [(t.box, t.track) for t in frame.truth] == [(s.box, s.track) for s in rendered.seen]


def test_truth_answers_all_four_tasks() -> None:
    camera = DigitCamera(seed=4, fps=2.0, seconds=10.0, pace="max")
    things = [t for f in frames_of(camera) for t in f.truth or ()]
    assert things
    for thing in things:
        assert set(thing.labels) == {"identity", "parity", "below_five", "closed_loop"}
        digit = int(thing.labels["identity"])
        assert thing.labels["parity"] == ("odd" if digit % 2 else "even")


def test_a_uri_sets_every_option() -> None:
    camera = open_digit_camera("digits:?seed=7&fps=2&seconds=1.2&split=train&pace=max", name="desk")
    frames = frames_of(camera)
    assert not camera.live
    assert camera.name == frames[0].source == "desk"
    assert [f.t_s for f in frames] == [0.0, 0.5, 1.0]
    shown = DigitVideo(digit_images("train"), seed=7).render(1, 0.5)
    assert np.array_equal(frames[1].pixels, shown.pixels)


def test_the_bare_uri_is_a_live_camera() -> None:
    assert open_digit_camera("digits:").live
    assert not open_digit_camera("digits:", pace="max").live
    assert open_digit_camera("digits:?pace=wall", pace="max").live


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("digits:?sed=7", "unknown option 'sed': expected one of seed, fps, seconds, split, pace"),
        ("digits:?seed=x", "seed = 'x': expected a whole number"),
        ("digits:?seed=-1", "seed = -1: expected a whole number of at least 0"),
        ("digits:?fps=0", "fps = 0.0: expected a number above 0, at most 1000"),
        ("digits:?fps=nan", "fps = nan: expected a number above 0, at most 1000"),
        ("digits:?fps=", "fps = '': expected a number"),
        ("digits:?seconds=-3", "seconds = -3.0: expected a number above 0"),
        ("digits:?split=all", "split = 'all': expected one of train, validation, test"),
        ("digits:?pace=slow", "pace = 'slow': expected one of max, wall"),
        ("digits:7", "expected digits: or digits:"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(uri: str, message: str) -> None:
    with pytest.raises(BadInput) as error:
        open_digit_camera(uri)
    assert message in str(error.value)
