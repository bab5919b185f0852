"""docs/deploy/mcdnn-device.service under a real systemd: what docs/deploy-device.md promises of it."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.state.spending_record import SpendingRecord, record_from_bytes
from tests.catalog_builder import build_catalog
from tests.engine.sources.served import LONG_S, wait_until
from tests.system.systemd_machine import NoSystemd, SystemdMachine

UNIT = "mcdnn-device.service"
DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
STATE = "/var/lib/private/mcdnn"
WATCHDOG_S = 6
IN_THE_ENGINE = r'File ".*engine/\w+\.py", line \d+ in '
CAMERA_PORT = 8001
ENGINE = f"""
catalog = "/var/lib/mcdnn/catalog/"
state = "/var/lib/mcdnn/state/"
[budget]
energy_j = 200000.0
period = "10h"
[[source]]
uri = "digits:?seed=7&fps=10"
name = "digits"
[[source]]
uri = "http://127.0.0.1:{CAMERA_PORT}/live.mjpg?fps=10"
name = "yard"
motion_gate = false
[extractor]
digit = "whole-frame"
[[app]]
name = "who"
task = "identity"
[[sink]]
kind = "jsonl"
path = "/var/lib/mcdnn/results.jsonl"
[[sink]]
kind = "sqlite"
path = "/var/lib/mcdnn/results.db"
[[sink]]
kind = "webhook"
url = "http://127.0.0.1:9/"
when_full = "spool"
spool = "/var/lib/mcdnn/spool"
"""
ODD = '[[app]]\nname = "odd"\ntask = "parity"\n'
# Runs as the service would, with all that the unit takes away, and writes what it could do all the same.
PROBE = """
import json, os, socket
def tried(do):
    try:
        do()
    except OSError as e:
        return e.strerror
    return "done"
families = {"inet": socket.AF_INET, "netlink": socket.AF_NETLINK, "packet": socket.AF_PACKET}
said = {name: tried(lambda: socket.socket(family, socket.SOCK_RAW if name == "packet" else socket.SOCK_DGRAM))
        for name, family in families.items()}
said["etc"] = tried(lambda: open("/etc/mcdnn/new", "w"))
said["catalog"] = tried(lambda: open("/var/lib/mcdnn/catalog/catalog.json"))
said["home"] = tried(lambda: os.listdir("/root"))
said["tmp"] = sorted(os.listdir("/tmp"))
said["random"] = tried(lambda: open("/dev/urandom", "rb"))
said["tunnel"] = tried(lambda: open("/dev/net/tun", "rb"))
said["uid"] = os.getuid()
json.dump(said, open("/var/lib/mcdnn/probe.json", "w"))
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdMachine]:
    """A device with a camera on its network, installed by the guide, whose service is not started yet."""
    catalog = build_catalog(tmp_path_factory.mktemp("made") / "catalog")
    try:
        booted = SystemdMachine()
    except NoSystemd as e:
        pytest.skip(f"systemd cannot run here: {e}")
    with booted as machine:
        machine.start("systemd-journald.service")
        machine.write(f"/run/systemd/system/{UNIT}", (DEPLOY / UNIT).read_text())
        machine.write(
            f"/run/systemd/system/{UNIT}.d/quick.conf",
            f"[Service]\nWatchdogSec={WATCHDOG_S}\nRestartSec=0.2\n",
        )
        machine.write("/etc/mcdnn/ENGINE.toml", ENGINE)
        machine.copy(catalog, "/var/lib/mcdnn/catalog")
        camera = ("/opt/mcdnn/bin/python", "-m", "tests.engine.sources.video_server", str(CAMERA_PORT))
        machine.run("systemctl", "daemon-reload")
        machine.run("systemd-run", "--unit=camera", "--working-directory=/opt/checkout", *camera)
        yield machine


@pytest.fixture
def device(machine: SystemdMachine) -> Iterator[SystemdMachine]:
    """The same with its service started, which systemctl returns from at READY=1."""
    machine.write("/etc/mcdnn/ENGINE.toml", ENGINE)
    machine.start(UNIT)
    yield machine
    machine.run("systemctl", "stop", UNIT)


def results(machine: SystemdMachine) -> list[dict[str, Any]]:
    """Return what stands in the results by now, whole lines only."""
    path = machine.place(f"{STATE}/results.jsonl")
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def new_results(machine: SystemdMachine, **wanted: str) -> None:
    """Wait until results with these values come that were not there before."""
    before = len(results(machine))
    wait_until(
        lambda: any(wanted.items() <= r.items() and r["served"] for r in results(machine)[before:]), LONG_S
    )


def spending(machine: SystemdMachine) -> SpendingRecord:
    return record_from_bytes(machine.place(f"{STATE}/state/spending.json").read_bytes())


def test_it_is_active_once_it_runs_and_answers_every_source_inside_its_limits(device: SystemdMachine) -> None:
    assert device.asked(UNIT, "ActiveState", "SubState") == ("active", "running")
    new_results(device, source="digits", app="who")
    new_results(device, source="yard", app="who")
    wait_until(lambda: "of" in device.asked(UNIT, "StatusText")[0], LONG_S)
    assert device.place(f"{STATE}/results.db").stat().st_size > 0
    wait_until(lambda: any(device.place(f"{STATE}/spool").iterdir()), LONG_S)


def test_what_the_unit_takes_away_is_gone_and_what_it_gives_is_there(machine: SystemdMachine) -> None:
    machine.write("/opt/probe.py", PROBE)
    machine.place("/dev/net").mkdir()
    machine.run("mknod", "--mode=666", "/dev/net/tun", "c", "10", "200")
    drop_in = f"/run/systemd/system/{UNIT}.d/probe.conf"
    machine.write(drop_in, "[Service]\nExecStartPre=/opt/mcdnn/bin/python /opt/probe.py\n")
    machine.run("systemctl", "daemon-reload")
    try:
        machine.start(UNIT)
        machine.run("systemctl", "stop", UNIT)
    finally:
        machine.place(drop_in).unlink()
        machine.run("systemctl", "daemon-reload")
    said = json.loads(machine.place(f"{STATE}/probe.json").read_text())
    assert said.pop("uid") > 0
    unsupported = "Address family not supported by protocol"
    assert said == {
        "inet": "done",
        "netlink": unsupported,
        "packet": unsupported,
        "etc": "Read-only file system",
        "catalog": "done",
        "home": "Permission denied",
        "tmp": [],
        "random": "done",
        "tunnel": "Operation not permitted",
    }


def test_a_reload_is_taken_by_the_same_process_without_a_gap(device: SystemdMachine) -> None:
    pid = device.pid(UNIT)
    device.write("/etc/mcdnn/ENGINE.toml", ENGINE + ODD)
    device.run("systemctl", "reload", UNIT)
    new_results(device, app="odd")
    device.write("/etc/mcdnn/ENGINE.toml", ENGINE.replace("identity", "nothing"))
    device.run("systemctl", "reload", UNIT)
    wait_until(lambda: "everything goes on as before" in device.journal(UNIT), LONG_S)
    new_results(device, app="odd")
    assert (device.asked(UNIT, "ActiveState")[0], device.pid(UNIT)) == ("active", pid)


def said_of_being_frozen(device: SystemdMachine) -> str:
    """Freeze the engine, and return the journal once another answers."""
    pid, restarts = device.pid(UNIT), int(device.asked(UNIT, "NRestarts")[0])
    device.signal(UNIT, signal.SIGSTOP)
    wait_until(lambda: int(device.asked(UNIT, "NRestarts")[0]) == restarts + 1, LONG_S)
    wait_until(lambda: device.asked(UNIT, "ActiveState")[0] == "active", LONG_S)
    assert device.pid(UNIT) != pid
    new_results(device, app="who")
    return device.journal(UNIT)


def test_a_frozen_engine_is_ended_by_the_watchdog_and_started_anew(device: SystemdMachine) -> None:
    new_results(device, app="who")
    # What an aborted process says of its threads is read while they go on, and may break off: one in a
    # hundred does, three in a row do not.
    journals = (said_of_being_frozen(device) for _ in range(3))
    journal = next((j for j in journals if re.search(IN_THE_ENGINE, j)), None)
    assert journal is not None, "no aborted engine said where in it a thread was"
    assert "Watchdog timeout" in journal
    assert "Fatal Python error: Aborted" in journal
    assert "(most recent call first):" in journal  # where threads were, whichever of them was aborted


def test_a_killed_engine_is_started_anew_with_what_is_left_of_its_budget(device: SystemdMachine) -> None:
    new_results(device, app="who")
    restarts = int(device.asked(UNIT, "NRestarts")[0])
    device.signal(UNIT, signal.SIGKILL)
    before = spending(device)
    wait_until(lambda: int(device.asked(UNIT, "NRestarts")[0]) == restarts + 1, LONG_S)
    wait_until(lambda: spending(device).written != before.written, LONG_S)
    after = spending(device)
    assert after.standing.work_j >= before.standing.work_j + before.ahead_j
    assert after.standing.elapsed_s >= before.standing.elapsed_s
    new_results(device, app="who")


def test_a_wrong_configuration_is_tried_again_until_somebody_mends_it(machine: SystemdMachine) -> None:
    machine.write("/etc/mcdnn/ENGINE.toml", ENGINE.replace("identity", "nothing"))
    machine.run("systemctl", "start", "--no-block", UNIT)
    wait_until(lambda: int(machine.asked(UNIT, "NRestarts")[0]) > 1, LONG_S)
    machine.write("/etc/mcdnn/ENGINE.toml", ENGINE)
    wait_until(lambda: machine.asked(UNIT, "ActiveState")[0] == "active", LONG_S)
    machine.run("systemctl", "stop", UNIT)


def test_a_stop_ends_in_good_order(machine: SystemdMachine) -> None:
    machine.write("/etc/mcdnn/ENGINE.toml", ENGINE)
    machine.start(UNIT)
    new_results(machine, app="who")
    machine.run("systemctl", "stop", UNIT)
    assert machine.asked(UNIT, "Result", "ExecMainStatus", "ActiveState") == ("success", "0", "inactive")
    assert spending(machine).ahead_j == 0.0
