"""A folder written by `mcdnn run --record`, ready to be replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import BadInput
from engine.scheduling.problem import Problem
from engine.scheduling.problem_json import problem_from_json
from sim.network import Network
from sim.traces import Arrival, group_by_window, read_connectivity, read_requests


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded run.

    Args:
        folder: where it lies.
        problem: with the costs that were measured.
        network: when the cloud could be reached.
    """

    folder: Path
    problem: Problem
    network: Network

    def arrivals(self) -> Iterator[Arrival]:
        """Read the windows that apps asked about, from the start.

        Raises:
            BadInput: naming the line of requests.csv that is wrong.
        """
        apps = self.problem.apps
        return group_by_window(read_requests(self.folder / "requests.csv", apps), apps)


def open_recording(folder: Path) -> Recording:
    """Open a recording.

    Raises:
        BadInput: not such a folder, or a file in it is missing or wrong.
    """
    costs = folder / "costs.json"
    if not costs.is_file():
        raise BadInput(
            f"{folder}: no recording (no costs.json): make one with mcdnn run ENGINE.toml --record {folder}"
        )
    try:
        data = json.loads(costs.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise BadInput(f"{costs}: not readable as JSON: {e}") from e
    problem = problem_from_json(data, str(costs))
    connectivity = folder / "connectivity.csv"
    network = Network(read_connectivity(connectivity)) if connectivity.is_file() else Network()
    return Recording(folder, problem, network)
