"""Makes the result lines of one window: what was answered, and what was not and why."""

from __future__ import annotations

from collections.abc import Iterable

from engine.energy_origin import EnergyOrigin
from engine.frames import Window
from engine.offload import OffloadedAnswer
from engine.results import REUSED, Result
from engine.route_run import Answer
from engine.scheduling.problem import App, Place
from engine.scheduling.unserved import LATE


def answered(
    window: Window, answers: Iterable[tuple[App, Answer, float]], latency_s: float
) -> dict[str, Result]:
    """Return, by app, the results of requests that the device answered together, in time or late.

    Args:
        window: what they were about.
        answers: who asked, the answer about this one window, and its modelled share of the energy (J).
        latency_s: until the answers were there.
    """
    frame, window_id, box = window.frame, window.id, window.box
    results = {}
    for app, answer, energy_j in answers:
        ((class_name, confidence),) = answer.windows
        late = latency_s > app.latency_limit_s
        results[app.name] = Result(
            frame.t_s,
            frame.source,
            window_id,
            box,
            app.name,
            class_name,
            confidence,
            answer.variant,
            Place.DEVICE,
            latency_s,
            energy_j,
            EnergyOrigin.MODELLED,
            0.0,
            not late,
            LATE if late else "",
            _true_class(window, app),
            window.track,
        )
    return results


def answered_away(
    window: Window,
    app: App,
    answer: OffloadedAnswer,
    variant: str,
    place: str,
    latency_s: float,
    energy_j: float,
    cost_usd: float,
) -> Result:
    """Return the result of a request that the cloud answered, in time or late.

    Args:
        place: "cloud" or "split".
        energy_j: its modelled share of what was run, sent and received at the device.
        cost_usd: its share of the price.
    """
    late = latency_s > app.latency_limit_s
    return Result(
        window.frame.t_s,
        window.frame.source,
        window.id,
        window.box,
        app.name,
        answer.class_name,
        answer.confidence,
        variant,
        place,
        latency_s,
        energy_j,
        EnergyOrigin.MODELLED,
        cost_usd,
        not late,
        LATE if late else "",
        _true_class(window, app),
        window.track,
    )


def unserved(window: Window, app: App, reason: str) -> Result:
    """Return the result of a request that nothing answered."""
    return Result(
        window.frame.t_s,
        window.frame.source,
        window.id,
        window.box,
        app.name,
        None,
        None,
        None,
        None,
        None,
        0.0,
        EnergyOrigin.MODELLED,
        0.0,
        False,
        reason,
        _true_class(window, app),
        window.track,
    )


def reused(window: Window, app: App, before: Result, confidence: float) -> Result:
    """Return an answer about an earlier window of the same track as one about this window.

    Args:
        before: the earlier answer.
        confidence: what is left of its.
    """
    return before._replace(
        t_s=window.frame.t_s,
        window=window.id,
        box=window.box,
        confidence=confidence,
        place=REUSED,
        latency_s=None,
        energy_j=0.0,
        cost_usd=0.0,
        served=True,
        reason="",
        truth=_true_class(window, app),
    )


def _true_class(window: Window, app: App) -> str | None:
    return None if window.truth is None else window.truth.labels.get(app.task)
