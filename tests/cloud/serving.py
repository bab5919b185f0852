"""mcdnn serve in a process of its own, which can be killed and started again at the same address."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cloud.endpoint import Endpoint, parse_endpoint
from tests.cloud.loopback import ANY_PORT, STEP_LIMIT_S


class ServeProcess:
    """A server that is up when this returns; killed by kill or by leaving the context."""

    def __init__(self, catalog: Path, listen: Endpoint = ANY_PORT) -> None:
        command = [sys.executable, "-m", "mcdnn", "serve", str(catalog)]
        command += ["--listen", str(listen), "--threads", "1"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the server did not start"
        self.endpoint = parse_endpoint(line.split()[-1], "ready line")

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.communicate(timeout=STEP_LIMIT_S)

    def __enter__(self) -> ServeProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
