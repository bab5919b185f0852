"""A machine of an operator: a real systemd with namespaces and a root of its own, thrown away after."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from types import TracebackType

PATIENCE_S = 90.0
_SCRIPT = Path(__file__).with_suffix(".sh")
_CHECKOUT = Path(__file__).parents[2]
_LOOK_EVERY_S = 0.05


class NoSystemd(Exception):
    """systemd cannot run here; says why."""


class SystemdMachine:
    """Boots when it is made; see systemd_machine.sh for what is in it.

    Raises:
        NoSystemd: this machine does not allow it.
    """

    def __init__(self) -> None:
        if os.geteuid() != 0:
            raise NoSystemd("only root may give systemd namespaces of its own")
        self._folder = Path(tempfile.mkdtemp(prefix="mcdnn-machine-"))
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the machine
        places = (self._folder, _CHECKOUT, sys.base_prefix, sysconfig.get_path("purelib"))
        command = [str(_SCRIPT), *map(str, places)]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        try:
            self._init = self._booted()
        except NoSystemd:
            self.close()
            raise

    def __enter__(self) -> SystemdMachine:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Switch it off; nothing of it stays."""
        self._process.kill()
        self._process.wait()
        self._log.close()
        for mount in Path("/proc/mounts").read_text().splitlines():
            if mount.split()[2] == "cgroup2":
                _remove_group(Path(mount.split()[1]) / self._folder.name)
        shutil.rmtree(self._folder)

    def run(self, *command: str) -> str:
        """Run a command in the machine, as root, and return what it printed.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        done = subprocess.run(self._inside(command), capture_output=True, text=True, check=False)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        return done.stdout

    def start(self, unit: str) -> None:
        """Start a unit and wait until it is active.

        Raises:
            AssertionError: it failed; says what it wrote.
        """
        try:
            self.run("systemctl", "start", unit)
        except subprocess.CalledProcessError as e:
            raise AssertionError(self.journal(unit)) from e

    def write(self, path: str, text: str) -> None:
        """Write a file of the machine, with the folders above it."""
        place = self.place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def copy(self, folder: Path, path: str) -> None:
        """Copy a folder from outside into the machine, for all to read."""
        for file in folder.rglob("*"):
            if file.is_file():
                to = self.place(f"{path}/{file.relative_to(folder)}")
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_bytes(file.read_bytes())

    def python(self, *arguments: str) -> str:
        """Run the environment's interpreter in the machine, and return what it printed; see run."""
        environment = ("env", "PYTHONPATH=/opt/checkout", "LD_LIBRARY_PATH=/opt/python/lib")
        return self.run(*environment, "/opt/mcdnn/bin/python", *arguments)

    def place(self, path: str) -> Path:
        """Return where a file of the machine is to be found from outside; no link in it may be absolute."""
        return Path(f"/proc/{self._init}/root{path}")

    def asked(self, unit: str, *properties: str) -> tuple[str, ...]:
        """Return what systemd says of a unit, property by property."""
        told = self.run("systemctl", "show", unit, *(f"--property={p}" for p in properties))
        values = dict(line.split("=", 1) for line in told.splitlines())
        return tuple(values[p] for p in properties)

    def pid(self, unit: str) -> int:
        """Return the main process of a unit, as the machine counts."""
        return int(self.asked(unit, "MainPID")[0])

    def signal(self, unit: str, number: signal.Signals) -> None:
        """Send a signal to the main process of a unit, behind systemd's back."""
        self.run("kill", f"-{number.name.removeprefix('SIG')}", str(self.pid(unit)))

    def journal(self, unit: str) -> str:
        """Return what a unit wrote, and systemd about it."""
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}")

    def _inside(self, command: tuple[str, ...]) -> list[str]:
        return ["nsenter", f"--target={self._init}", "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", *command]

    def _booted(self) -> int:
        """Wait until systemd answers, and return its process id here."""
        ends_s = time.monotonic() + PATIENCE_S
        while self._process.poll() is None and time.monotonic() < ends_s:
            children = (
                Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            )
            if children:
                self._init = int(children[0])
                asked = self._inside(("systemctl", "is-system-running"))
                done = subprocess.run(asked, capture_output=True, text=True, check=False)
                if done.stdout.strip() in ("running", "degraded"):
                    return self._init
            time.sleep(_LOOK_EVERY_S)
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip()
        raise NoSystemd(said or f"systemd did not come up within {PATIENCE_S:g} s")


def _remove_group(group: Path) -> None:
    """Remove a control group and those in it; what was killed leaves them a moment later."""
    if not group.is_dir():
        return
    for folder, _, _ in os.walk(group, topdown=False):
        ends_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                Path(folder).rmdir()
                break
            except OSError:
                if time.monotonic() > ends_s:
                    raise
                time.sleep(_LOOK_EVERY_S)
