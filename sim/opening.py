"""What a user names becomes a scenario: a ready one, a file, or the folder of a recorded run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from catalog.errors import BadInput
from sim.day import recorded_scenario
from sim.ready import ready_names, ready_table
from sim.recording import open_recording
from sim.scenario import Scenario
from sim.scenario_building import build_scenario
from sim.scenario_file import parse_scenario_table, read_scenario_table
from sim.settings import Value, with_settings


def open_scenario(named: str, values: Mapping[str, Value] | None = None) -> Scenario:
    """Open a scenario.

    Args:
        named: name of a ready one, path of a SCENARIO.toml, or a folder written by mcdnn run --record.
        values: keys of the scenario that are set to something else.

    Raises:
        BadInput: there is no such thing, or it is wrong.
    """
    path = Path(named)
    if path.is_dir() and (named not in ready_names() or (path / "costs.json").is_file()):
        if values:
            raise BadInput(f"--set {next(iter(values))}: {named} is a recording: it has no keys to be set")
        return recorded_scenario(open_recording(path))
    is_file = path.suffix == ".toml" or path.is_file()
    table = read_scenario_table(path) if is_file else ready_table(named)
    changed = with_settings(table, values or {})
    folder = path.parent if is_file else Path()
    where = " with ".join([named, *(f"{key} = {value!r}" for key, value in (values or {}).items())])
    return build_scenario(parse_scenario_table(changed, where), folder, where, values)
