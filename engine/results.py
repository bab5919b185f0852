"""One request's result: a line of the results file."""

from __future__ import annotations

from typing import NamedTuple

REUSED = "reused"


class Result(NamedTuple):
    """One app's answer about one window, or why there is none.

    A named tuple, because one is made for every request: a frozen dataclass of this size takes seven
    times as long.

    Args:
        t_s: time of the frame on the source's clock.
        source: name of the source.
        window: id of the window.
        box: x, y, width, height in pixels of the frame.
        app: name of the app.
        answer: class name, or None where unserved.
        confidence: calibrated, in [0, 1], or None where unserved; what is left of it where reused.
        variant: id of the variant that answered, or None.
        place: "device", "cloud", "split" (the device began and the cloud went on), "reused" (nothing ran:
            an earlier answer about the same track still stands), or None.
        latency_s: from the frame's capture to the answer (from its dequeuing where the source is
            not live), or None; nothing was waited for where it was reused.
        energy_j: this request's share: parts that several apps used are divided equally.
        energy_origin: "measured", "modelled" or "given".
        cost_usd: this request's share of the cloud's bill.
        served: an answer was given within the app's latency limit.
        reason: why it was not served, or a note ("late", or why the device answered for the cloud),
            else "".
        truth: class name where the source knows it, else None.
        track: of the thing in the window, the same from frame to frame, or None where none is kept.
    """

    t_s: float
    source: str
    window: str
    box: tuple[int, int, int, int]
    app: str
    answer: str | None
    confidence: float | None
    variant: str | None
    place: str | None
    latency_s: float | None
    energy_j: float
    energy_origin: str
    cost_usd: float
    served: bool
    reason: str = ""
    truth: str | None = None
    track: int | None = None
