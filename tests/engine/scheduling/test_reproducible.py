"""The same question has the same answer in every process, however Python hashes names in it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Prints what HiGHS is given, to the last bit and in its order: among equally good solutions that decides.
_PROGRAM = """
import hashlib
import numpy as np
import scipy.optimize
from engine.scheduling.configuration_space import ConfigurationSpace
from engine.scheduling.kinds import Kind
from engine.scheduling.residency_program import best_residents
from sim.ready import ready_scenario

solve = scipy.optimize.milp
def shown(gains, constraints, **given):
    (rows,) = constraints
    seen = [gains, rows.A.indptr, rows.A.indices, rows.A.data, rows.ub]
    print(hashlib.sha256(b"".join(np.ascontiguousarray(x).tobytes() for x in seen)).hexdigest())
    return solve(gains, constraints=constraints, **given)
scipy.optimize.milp = shown

problem = ready_scenario("home-camera").devices[0].problem
kinds = {}
for app in problem.apps.values():
    kinds.setdefault(app.input_type, []).append(app.name)
windows = {Kind(t, tuple(sorted(names)), "", True): 1000.0 for t, names in kinds.items()}
spaces = {kind: ConfigurationSpace(problem, kind) for kind in windows}
limits = np.array([problem.budget.energy_j, problem.budget.cost_usd, 3e4])
print(best_residents(problem, spaces, windows, limits, frozenset(), 1e-3).bound)
"""


@pytest.mark.parametrize("seed", ["1", "2"])
def test_what_to_keep_in_memory_does_not_hang_on_how_names_are_hashed(seed: str) -> None:
    assert _printed(seed) == _printed("0")


def _printed(seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", _PROGRAM]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
