"""A quick bound on what any schedule of a day can reach: the planner's linear program over the true counts.

Windows that are equal for a plan are counted; loads cost nothing and any mix of configurations may
be kept, so that no schedule is better. sim.bound is tighter where memory is short, and slower.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from engine.scheduling.fluid_program import Outlook
from engine.scheduling.kinds import Kind
from engine.scheduling.planner import Planner
from sim.scenario import DeviceDay


def bound_accuracy(day: DeviceDay) -> float:
    """Return the largest weighted share of right answers that the day allows."""
    apps, budget = day.problem.apps, day.problem.budget
    windows: Counter[Kind] = Counter()
    weight = last_s = 0.0
    for a in day.arrivals():
        windows[Kind(a.input_type, a.due, a.context, day.network.is_connected(a.t_s))] += 1
        weight += sum(apps[name].weight for name in a.due)
        last_s = a.t_s
    limits = np.array([budget.energy_j, budget.cost_usd, max(last_s, min(budget.period_s, 1e9))])
    plan = Planner(day.problem).mix(Outlook(dict(windows)), limits)
    return plan.bound / weight if weight else 0.0
