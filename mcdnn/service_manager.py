"""Tells systemd how the engine fares, by the protocol of sd_notify(3): a datagram of NAME=VALUE lines."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

_log = logging.getLogger(__name__)


class ServiceManager(Protocol):
    """Who started this process as a service."""

    def tell(self, *assignments: str) -> None:
        """Tell NAME=VALUE pairs, all at once; any thread may call."""


class NoServiceManager:
    """Where nobody asked to be told."""

    def tell(self, *assignments: str) -> None:
        """Tell nobody."""


class NotifySocket:
    """A manager that listens at a unix datagram socket.

    What cannot be sent is said once in the log: an engine does not end because nobody listens.

    Args:
        address: a path, or "@name" in the abstract namespace.
    """

    def __init__(self, address: str) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._shown = address
        self._failed = False

    def tell(self, *assignments: str) -> None:
        """Send one datagram; see ServiceManager."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
                told.setblocking(False)
                told.sendto("\n".join(assignments).encode(), self._address)
        except OSError as e:
            if not self._failed:
                _log.warning("NOTIFY_SOCKET %s: cannot be told anything: %s", self._shown, e.strerror or e)
            self._failed = True


@dataclass(frozen=True, slots=True)
class Supervision:
    """Who is to be told, and how often a sign of life is expected.

    Args:
        watchdog_s: within which the next sign has to come; None where none is expected.
    """

    manager: ServiceManager
    watchdog_s: float | None = None


UNSUPERVISED = Supervision(NoServiceManager())


def supervision(environment: Mapping[str, str], pid: int) -> Supervision:
    """Read what systemd says of itself to a process that it starts.

    Args:
        environment: of the process.
        pid: of the process: a watchdog of another one is none of its business.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return UNSUPERVISED
    if not address.startswith(("/", "@")):
        _log.warning("NOTIFY_SOCKET = %r: expected a path or @name: nobody is told anything", address)
        return UNSUPERVISED
    usec = environment.get("WATCHDOG_USEC", "")
    meant = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
    watchdog_s = int(usec) * 1e-6 if meant and usec.isascii() and usec.isdecimal() and int(usec) else None
    return Supervision(NotifySocket(address), watchdog_s)


def supervision_here() -> Supervision:
    """Return that of this process."""
    return supervision(os.environ, os.getpid())


def begin_reload(manager: ServiceManager, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
    """Tell that the configuration is being read again; "READY=1" ends that.

    Args:
        manager: to be told.
        clock_ns: CLOCK_MONOTONIC: systemd compares it with the moment at which it sent SIGHUP.
    """
    manager.tell("RELOADING=1", f"MONOTONIC_USEC={clock_ns() // 1000}")
