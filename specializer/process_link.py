"""The way to a training process: starts it, sends a line, waits for a line, ends it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

from specializer.errors import TrainerBroke

_LAST_WORDS_BYTES = 2000
_LAST_BREATH_S = 1.0
_READ_BYTES = 1 << 16


class ProcessLink:
    """One process at a time. kill is for any thread, the rest for one.

    Args:
        root: folder of the catalog that it trains from.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._received = b""
        self._ended = False
        self._used_s: float | None = None
        self._used_before_s: float | None = None

    @property
    def process_id(self) -> int | None:
        """Of the process; None while there is none."""
        process = self._process
        return None if process is None else process.pid

    @property
    def since_sent_s(self) -> float | None:
        """Processor time of the process since a line was sent to it; None where the system does not tell."""
        self._look()
        if self._used_s is None or self._used_before_s is None:
            return None
        return self._used_s - self._used_before_s

    def _look(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            self._used_s = _processor_s(process.pid)

    def start(self) -> None:
        """Start the process unless there is one; it may take a second until it reads its first line."""
        with self._lock:
            if self._ended or self._process is not None:
                return
            self._log = tempfile.TemporaryFile()  # noqa: SIM115  (as long as the process)
            self._received = b""
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "specializer.training_process", str(self._root.resolve())],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._log,
                    env=os.environ | {"PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path)},
                    start_new_session=True,  # Ctrl-C is meant for who waits for it, who then ends it
                )
            except OSError:
                self._log.close()
                self._log = None

    def send(self, line: bytes) -> None:
        """Send a line.

        Raises:
            TrainerBroke: there is no process, or it has ended.
        """
        self.start()
        process = self._process
        if process is None or process.stdin is None:
            raise TrainerBroke("no process could be started that trains heads")
        self._look()
        self._used_before_s = self._used_s
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except (OSError, ValueError) as e:
            raise self._broke() from e

    def receive(self, timeout_s: float) -> bytes | None:
        """Return the next line; None where none has come within the time.

        Raises:
            TrainerBroke: the process has ended.
        """
        if b"\n" not in self._received:
            process = self._process
            if process is None or process.stdout is None:
                raise self._broke()
            ready, _, _ = select.select([process.stdout], [], [], timeout_s)
            if not ready:
                return None
            data = os.read(process.stdout.fileno(), _READ_BYTES)
            if not data:
                raise self._broke()
            self._received += data
        line, found, rest = self._received.partition(b"\n")
        if not found:
            return None
        self._received = rest
        return line

    def restart(self) -> None:
        """Replace the process by a fresh one."""
        self.close()
        self.start()

    def kill(self) -> None:
        """End the process at once, and never start one again; whoever waits for a line learns of it."""
        with self._lock:
            self._ended = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process and let go of it."""
        with self._lock:
            process, self._process = self._process, None
            log, self._log = self._log, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        if log is not None:
            log.close()

    def _broke(self) -> TrainerBroke:
        process, log = self._process, self._log
        if process is None or log is None:
            return TrainerBroke("the process that trains heads has ended")
        self._look()  # nobody can after it was waited for
        try:
            status = process.wait(_LAST_BREATH_S)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        broke = TrainerBroke(f"the process that trains heads ended {how}")
        log.seek(max(0, log.seek(0, os.SEEK_END) - _LAST_WORDS_BYTES))
        last_words = log.read().decode(errors="replace").strip()
        if last_words:
            broke.add_note(last_words)
        return broke


def _processor_s(process_id: int) -> float | None:
    """Return the processor time of a process of this machine, one that has ended but was not waited for, too.

    None where the system does not tell (proc(5): the 14th and 15th field of stat).
    """
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
