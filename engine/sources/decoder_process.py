"""The engine's handle on a process that decodes one source: start it, hear from it, end it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import engine
from engine.sources.decoder_link import Kind, Message, link_pair, receive, send

_MODULE = "engine.sources.decoding_process"
_DYING_S = 2.0


class DecoderDied(Exception):
    """Say how the process ended."""


class DecoderProcess:
    """A new process: it shares nothing with this one but a socket, a pipe and the slots for pictures.

    It is started from an empty interpreter, not forked: threads, locks, open files and signal
    handlers of the engine stay where they are.

    Args:
        wake_descriptor: receive() comes back when there is something to read from it.

    Raises:
        OSError: no process can be started.
    """

    def __init__(self, wake_descriptor: int) -> None:
        self._link, theirs = link_pair()
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno()), str(lifeline)],
                pass_fds=(theirs.fileno(), lifeline),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None,  # FFmpeg and drivers write a line a damaged frame
                env={**os.environ, "PYTHONPATH": _python_path()},
                process_group=0,  # Ctrl-C is for the engine, which ends its decoders itself
            )
        except OSError:
            self._link.close()
            os.close(self._lifeline)
            raise
        finally:
            theirs.close()
            os.close(lifeline)
        self._waiting = select.poll()
        self._waiting.register(self._link, select.POLLIN)
        self._waiting.register(wake_descriptor, select.POLLIN)

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    def tell(self, kind: Kind, body: bytes = b"") -> None:
        """Send a message.

        Raises:
            DecoderDied: it is gone.
        """
        try:
            send(self._link, kind, body)
        except OSError as e:
            raise self._died() from e

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message; None where none came in time, or somebody wakes the waiting.

        Raises:
            DecoderDied: there is none left, and it is gone.
        """
        ready = self._waiting.poll(max(0.0, timeout_s) * 1000.0)
        if not any(descriptor == self._link.fileno() for descriptor, _ in ready):
            return None
        message = receive(self._link)
        if message is None:
            raise self._died()
        return message

    def end(self) -> bool:
        """Kill it and let go of it; return whether it is gone, which a driver may prevent for a while."""
        if self._process.poll() is None:
            self._process.kill()
        try:
            self._process.wait(_DYING_S)
        except subprocess.TimeoutExpired:
            return False
        finally:
            self._link.close()
            os.close(self._lifeline)
        return True

    def _died(self) -> DecoderDied:
        try:
            code = self._process.wait(_DYING_S)
        except subprocess.TimeoutExpired:
            return DecoderDied("its decoder closed the connection")
        if code < 0:
            return DecoderDied(f"its decoder was ended by {signal.Signals(-code).name}")
        return DecoderDied(f"its decoder ended with status {code}")


def _python_path() -> str:
    """Return where the process finds these packages, and then what this one was told."""
    packages = str(Path(engine.__file__).parent.parent)
    told = os.environ.get("PYTHONPATH")
    return packages if not told else os.pathsep.join((packages, told))
