"""Makes the result lines of one window: what was answered, and what was not and why."""

from __future__ import annotations

from engine.frames import Window
from engine.ledger import EnergyOrigin
from engine.results import Result
from engine.router import Answer
from engine.scheduling.problem import App, Place
from engine.scheduling.unserved import LATE


def answered(window: Window, app: App, answer: Answer, latency_s: float, energy_j: float) -> Result:
    """Return the result of a request that the device answered, in time or late.

    Args:
        window: what it was about.
        app: that asked.
        answer: about this one window.
        latency_s: until the answer was there.
        energy_j: this request's share, modelled.
    """
    ((class_name, confidence),) = answer.windows
    late = latency_s > app.latency_limit_s
    return Result(
        window.frame.t_s,
        window.frame.source,
        window.id,
        window.box,
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
    )


def _true_class(window: Window, app: App) -> str | None:
    return None if window.truth is None else window.truth.labels.get(app.task)
