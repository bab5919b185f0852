"""A timeline as numbers to draw: accuracy, spending, what answered and what was skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate

from sim.timeline import AppBin, Bin, Timeline

Point = tuple[float, float | None]


def accuracy_course(timeline: Timeline, weights: Mapping[str, float], most_bins: int) -> list[Point]:
    """Return the weighted share of right answers of the requests of each stretch of time.

    Args:
        timeline: of a device.
        weights: by app.
        most_bins: stretches that there may be; bins are put together for it.

    Returns:
        The middle of each stretch in seconds, and the share; None where nothing was asked.
    """
    together = -(-len(timeline.bins) // most_bins) if timeline.bins else 1
    points: list[Point] = []
    for first in range(0, len(timeline.bins), together):
        bins = timeline.bins[first : first + together]
        asked = sum(weights.get(n, 1.0) * a.requests for b in bins for n, a in b.apps.items())
        right = sum(weights.get(n, 1.0) * a.right for b in bins for n, a in b.apps.items())
        middle_s = bins[0].start_s + 0.5 * len(bins) * timeline.bin_s
        points.append((middle_s, right / asked if asked else None))
    return points


def energy_course(timeline: Timeline) -> list[Point]:
    """Return the energy (J) spent up to the end of each bin, from 0 at the start."""
    return _spent(timeline, lambda b: sum(b.energy_j.values()))


def money_course(timeline: Timeline) -> list[Point]:
    """Return the money (USD) spent up to the end of each bin, from 0 at the start."""
    return _spent(timeline, lambda b: b.cost_usd)


def _spent(timeline: Timeline, of: Callable[[Bin], float]) -> list[Point]:
    totals = accumulate((of(b) for b in timeline.bins), initial=0.0)
    return [(i * timeline.bin_s, total) for i, total in enumerate(totals)]


def place_counts(app: AppBin) -> Mapping[str, int]:
    """Return how many requests each place answered."""
    return app.places


def model_counts(app: AppBin) -> Mapping[str, int]:
    """Return how many requests each model answered, whatever the app: see model_of."""
    counts: Counter[str] = Counter()
    for variant, count in app.variants.items():
        counts[model_of(variant)] += count
    return counts


def model_of(variant: str) -> str:
    """Return what of a variant's name its apps have in common: the part before the first slash."""
    return variant.partition("/")[0]


def reason_counts(app: AppBin) -> Mapping[str, int]:
    """Return how many requests were not served, by reason."""
    return app.unserved


def totals(
    timelines: Sequence[Timeline],
    of: Callable[[AppBin], Mapping[str, int]],
    apps: Collection[str] | None = None,
) -> list[str]:
    """Return what is counted over whole days, most often first; of all apps where none are given."""
    counts: Counter[str] = Counter()
    for timeline in timelines:
        for b in timeline.bins:
            for app in _some(b, apps):
                counts.update(of(app))
    return sorted(counts, key=lambda name: (-counts[name], name))


def shares(
    timeline: Timeline,
    of: Callable[[AppBin], Mapping[str, int]],
    names: Sequence[str],
    apps: Collection[str] | None = None,
) -> dict[str, list[float]]:
    """Return what share of each bin's requests has each name; a bin without requests has 0.

    Args:
        timeline: of a device.
        of: what is counted.
        names: to be told apart; all others add up under "".
        apps: whose requests; None for all.
    """
    found: dict[str, list[float]] = {name: [0.0] * len(timeline.bins) for name in (*names, "")}
    for i, b in enumerate(timeline.bins):
        counted = _some(b, apps)
        requests = sum(a.requests for a in counted)
        for app in counted:
            for name, count in of(app).items():
                found[name if name in found else ""][i] += count / requests
    return found


def _some(b: Bin, apps: Collection[str] | None) -> list[AppBin]:
    return [counts for name, counts in b.apps.items() if apps is None or name in apps]
