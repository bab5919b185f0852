"""Problems cut down to one place."""

from __future__ import annotations

from dataclasses import replace

from engine.scheduling.problem import Place, Problem


def only_device(problem: Problem) -> Problem:
    """Return a problem without options that need the cloud."""
    kept = {a: tuple(o for o in options if not o.needs_cloud) for a, options in problem.options.items()}
    return replace(problem, options=kept)


def only_cloud(problem: Problem) -> Problem:
    """Return a problem without options that run anything at the device."""
    kept = {
        a: tuple(o for o in options if all(s.place is Place.CLOUD for s in o.stages))
        for a, options in problem.options.items()
    }
    return replace(problem, options=kept)
