"""Parts and heads timed as an always-on camera calls them: now and then, with cold caches.

A call in a loop finds its weights and code in the processor's caches. A camera's calls do not: the
device was idle until the frame came, the search for windows ran first, and so did other trunks. The
first call of a frame then takes twice to four times as long as one in a loop, the next ones less. So a
turn is a frame: some idle time, work on an image, then a few windows in a row, each cut out of the
frame and brought through the parts and heads of one trunk. Trunks take turns, and a turn counts as the
mean of its windows: windows of a frame are unlike each other, and a median over single calls would jump
between the cold ones and the warm ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from catalog.heads import FusedHeads
from catalog.measured_calls import Clock, MeasuredCall
from catalog.measurements import LiveTime
from catalog.parts import Trunk
from catalog.preprocessing import window_pixels
from catalog.tasks import InputType

Sleep = Callable[[float], None]
Idle = Callable[[], None]

WINDOWS = 3  # of a frame

_IDLE_S = 0.01  # longer idle times measured the same
_FRAME_PX = (240, 320)  # height, width: what extractors work on
_WINDOW_SCALE = 1.5  # side of a window in the frame, in sides of what a trunk reads


class CameraFrame:
    """A frame to look at and to cut windows from: smooth noise, the same always."""

    def __init__(self) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (*_FRAME_PX, 3), dtype=np.uint8)
        self._pixels = np.asarray(cv2.GaussianBlur(noise, (9, 9), 2.0), dtype=np.uint8)  # (H, W, 3)

    def look(self) -> None:
        """Do about what an extractor does: pass over the frame, pixel by pixel, a few times."""
        grey = cv2.GaussianBlur(cv2.cvtColor(self._pixels, cv2.COLOR_RGB2GRAY), (5, 5), 1.0)
        cv2.absdiff(grey, cv2.blur(grey, (41, 41)))

    def window(self, input_type: InputType, size_px: int) -> npt.NDArray[np.uint8]:
        """Return a window from the middle of the frame, (1, size_px, size_px, 3)."""
        height, width = self._pixels.shape[:2]
        side = min(height, round(_WINDOW_SCALE * size_px))
        box = ((width - side) // 2, (height - side) // 2, side, side)
        return window_pixels(self._pixels, box, input_type, size_px)


def idle_before(frame: CameraFrame, sleep: Sleep) -> Idle:
    """Return what comes before the windows of a frame: the device is idle, then the frame is looked at."""

    def idle() -> None:
        sleep(_IDLE_S)
        frame.look()

    return idle


@dataclass(slots=True)
class TrunkTurns:
    """What a frame asks of one trunk, and what that took so far.

    Args:
        trunk: whose windows are cut out.
        input_type: that it reads.
        calls: of its parts that are to be measured, in order, for one window.
        heads: that read its features, fused; None to measure none.
        head_ids: theirs.
        turns_s: by piece, one list a frame with the time of each window.
    """

    trunk: Trunk
    input_type: InputType
    calls: Sequence[MeasuredCall]
    heads: FusedHeads | None
    head_ids: Sequence[str]
    turns_s: dict[str, list[list[float]]] = field(default_factory=lambda: defaultdict(list))

    def take(self, frame: CameraFrame, timer: Clock) -> None:
        """Bring the windows of a frame through the trunk, timed as the engine's router does."""
        took_s: dict[str, list[float]] = defaultdict(list)
        features = np.zeros((1, self.trunk.feature_dim), np.float32)
        for _ in range(WINDOWS):
            before_s = timer()
            for call in self.calls:
                first = call.part.id == self.trunk.parts[0]
                call.run(frame.window(self.input_type, self.trunk.size_px) if first else call.inputs)
                now_s = timer()
                took_s[call.part.id].append(now_s - before_s)
                before_s = now_s
            if self.heads is not None:
                self.heads.answers(features)
                each_s = (timer() - before_s) / len(self.head_ids)
                for head in self.head_ids:
                    took_s[head].append(each_s)
        for piece, times_s in took_s.items():
            self.turns_s[piece].append(times_s)


def take_frames(
    turns: Sequence[TrunkTurns],
    budget_s: float,
    least: int,
    most: int,
    clock: Clock,
    timer: Clock,
    sleep: Sleep,
) -> None:
    """Show every trunk a frame, round after round, until the time is up.

    Args:
        turns: what is asked of each trunk.
        budget_s: about how long it may take.
        least: rounds that are made in any case.
        most: rounds after which it ends.
        clock: seconds, monotonic, for the budget.
        timer: what the calls are timed by.
        sleep: leaves the device idle.
    """
    frame = CameraFrame()
    idle = idle_before(frame, sleep)
    start_s = clock()
    for done in range(most):
        if done >= least and clock() - start_s > budget_s:
            return
        for turn in turns:
            idle()
            turn.take(frame, timer)


def live_times(turns: Sequence[TrunkTurns]) -> Mapping[str, LiveTime]:
    """Return what each piece took: the median over frames, and the 95th percentile of single calls."""
    frames_s: dict[str, list[list[float]]] = defaultdict(list)
    for turn in turns:
        for piece, times_s in turn.turns_s.items():
            frames_s[piece] += times_s
    return {
        piece: LiveTime(
            float(np.median(np.mean(times_s, axis=1))), float(np.percentile(np.concatenate(times_s), 95))
        )
        for piece, times_s in frames_s.items()
    }
