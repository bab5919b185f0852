"""Why a request is not served: the words that results, logs and summaries share."""

from __future__ import annotations

from engine.scheduling.problem import App

AT_CLOUD = "not answered by the cloud yet"
ENERGY_GONE = "energy budget gone"
BEING_LOADED = "being loaded"
CLOUD_SILENT = "the cloud did not answer in time"
CONNECTION_LOST = "connection lost before the answer came"
ENERGY_KEPT = "energy kept for the rest of the period"
LATE = "late"
MONEY_KEPT = "cloud budget kept for the rest of the period"
MONEY_GONE = "cloud budget gone"
NOT_WORTH_IT = "no variant is worth what it costs now"
NO_CONNECTION = "no connection to the cloud"
OVERLOADED = "processor overloaded"
RATE_LOWERED = "rate lowered by the plan"
NOT_PLANNED = "no configuration within memory, energy, processor time and latency has room for it"
TOO_LARGE = "no variant fits the memory alone"
TOO_LATE = "waited too long already"
TOO_SLOW = "no variant is fast enough for the latency limit"
UNKNOWN_APP = "not an app of this run"


def without_options(app: App) -> str:
    """Say why an app has no option at all."""
    if app.accuracy_floor > 0.0:
        return f"no variant of {app.task} reaches the accuracy floor {app.accuracy_floor:g}"
    return f"no variant of {app.task} is offered"
