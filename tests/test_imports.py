"""What importing a package and asking for help may load."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "cv2", "av", "grpc", "onnxruntime", "onnx", "sklearn", "matplotlib")


def loaded_by(statement: str) -> set[str]:
    listing = f"print(*(m for m in {HEAVY!r} if m in sys.modules), file=sys.stderr)"
    code = f"import sys\n{statement}\n{listing}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "package",
    ["catalog", "specializer", "engine", "cloud", "sim", "mcdnn", "engine.scheduling", "engine.ledger"],
)
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    assert loaded_by(f"import {package}") == set()


def test_help_loads_nothing_heavy() -> None:
    ask = "from mcdnn.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"
    assert loaded_by(ask) == set()


@pytest.mark.parametrize("command", ["demo", "compile", "catalog", "run", "serve", "simulate"])
def test_help_of_a_command_loads_nothing_heavy_and_gives_an_example(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mcdnn", command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"mcdnn {command}" in done.stdout.partition("example")[2]
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert loaded.isdisjoint(HEAVY)


def test_running_serving_and_simulating_never_import_torch() -> None:
    modules = (
        "mcdnn.engine, mcdnn.commands.run, mcdnn.commands.serve, mcdnn.commands.simulate, sim.day, "
        "cloud.server, engine.sources.opening, engine.extractors.table, engine.sinks.fan_out"
    )
    assert "torch" not in loaded_by(f"import {modules}")
