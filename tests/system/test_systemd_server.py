"""docs/deploy/mcdnn-server.service under a real systemd: what docs/deploy-cloud.md promises of it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.catalog_builder import build_catalog
from tests.engine.sources.served import LONG_S, wait_until
from tests.system.systemd_machine import NoSystemd, SystemdMachine

UNIT = "mcdnn-server.service"
DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
TOKEN = "0123456789abcdef0123456789"
ASK = ("-m", "tests.system.one_request", "/etc/device/ca.pem", "/etc/device/token")
COUNTED = (
    "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9464/metrics').read().decode())"
)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdMachine]:
    """A machine whose server is installed by the guide and started."""
    catalog = build_catalog(tmp_path_factory.mktemp("made") / "catalog")
    authority = trustme.CA()
    server = authority.issue_cert("localhost")
    try:
        booted = SystemdMachine()
    except NoSystemd as e:
        pytest.skip(f"systemd cannot run here: {e}")
    with booted as machine:
        machine.copy(catalog, "/srv/catalog")
        machine.write(f"/run/systemd/system/{UNIT}", (DEPLOY / UNIT).read_text())
        machine.write("/etc/mcdnn/server.pem", server.cert_chain_pems[0].bytes().decode())
        for name, secret in {
            "mcdnn/server-key.pem": server.private_key_pem.bytes().decode(),
            "mcdnn/tokens": f"porch:{TOKEN}\n",
            "device/ca.pem": authority.cert_pem.bytes().decode(),
            "device/token": TOKEN,
        }.items():
            machine.write(f"/etc/{name}", secret)
            machine.place(f"/etc/{name}").chmod(0o600)
        machine.start("systemd-journald.service")
        machine.run("systemctl", "daemon-reload")
        machine.start(UNIT)
        yield machine


def test_it_takes_requests_as_soon_as_it_is_active_and_its_secrets_are_its_own(
    machine: SystemdMachine,
) -> None:
    assert machine.python(*ASK) == "1 answered\n"
    assert 'mcdnn_requests_total{status="OK"} 1.0' in machine.python("-c", COUNTED)
    owner = machine.place(f"/proc/{machine.pid(UNIT)}").stat().st_uid
    assert owner > 0


def test_a_killed_server_is_started_anew(machine: SystemdMachine) -> None:
    pid = machine.pid(UNIT)
    machine.signal(UNIT, signal.SIGKILL)
    wait_until(lambda: machine.pid(UNIT) not in (0, pid), LONG_S)
    wait_until(lambda: machine.asked(UNIT, "ActiveState")[0] == "active", LONG_S)
    assert machine.python(*ASK) == "1 answered\n"


def test_a_stop_ends_in_good_order(machine: SystemdMachine) -> None:
    machine.run("systemctl", "stop", UNIT)
    assert machine.asked(UNIT, "Result", "ExecMainStatus", "ActiveState") == ("success", "0", "inactive")
    machine.start(UNIT)
    assert machine.python(*ASK) == "1 answered\n"
