"""Reads configuration and catalog again during a run: when told to, and when a catalog was replaced."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from catalog.errors import McdnnError
from mcdnn.configuration_change import Reloaded
from mcdnn.engine_file import EngineFile

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 5.0

Stamp = tuple[int, int, int]


class Reloadable(Protocol):
    """What follows another configuration; mcdnn.engine.Engine."""

    def reload(self, config: EngineFile | None = None) -> Reloaded:
        """Take another configuration; None for the same, with the catalog as it lies on disk now.

        Raises:
            BadInput: it is wrong; everything is as before.
        """

    @property
    def catalog_path(self) -> Path:
        """The folder of the catalog in use."""


class ReloadTeller(Protocol):
    """Told of reloads that somebody asked for."""

    def reloading(self) -> None:
        """One begins."""

    def reloaded(self) -> None:
        """It is done, whether the new configuration was taken or not."""


class Reloading:
    """Reloads in a thread of its own, so that the run goes on meanwhile.

    Whatever goes wrong is one line in the log, and everything is as before. A catalog that is refused is
    not tried again until it is replaced again.

    Args:
        engine: that runs.
        read: reads the configuration.
        teller: told of what was asked for.
        look_every_s: between two looks whether catalog.json was replaced.
    """

    def __init__(
        self,
        engine: Reloadable,
        read: Callable[[], EngineFile],
        teller: ReloadTeller,
        look_every_s: float = _LOOK_EVERY_S,
    ) -> None:
        self._engine = engine
        self._read = read
        self._teller = teller
        self._look_every_s = look_every_s
        self._stamp = self._stamp_now()
        # put() of this queue may be interrupted by a signal whose handler puts, too.
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="mcdnn-reloading", daemon=True)

    def __enter__(self) -> Reloading:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._asked.put(False)
        self._thread.join()

    def ask(self) -> None:
        """Have the configuration read again; any thread or signal handler may call."""
        self._asked.put(True)

    def _run(self) -> None:
        while True:
            try:
                if not self._asked.get(timeout=self._look_every_s):
                    return
                self._reload_file()
            except queue.Empty:
                self._follow_catalog()

    def _reload_file(self) -> None:
        self._teller.reloading()
        stamp = self._stamp_now()
        try:
            self._tell(self._engine.reload(self._read()))
            self._stamp = stamp
        except (McdnnError, OSError) as e:
            _log.error("reload: %s: everything goes on as before", e)
        finally:
            self._teller.reloaded()

    def _follow_catalog(self) -> None:
        stamp = self._stamp_now()
        if stamp is None or stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._tell(self._engine.reload())
        except (McdnnError, OSError) as e:
            _log.error("the catalog was replaced: %s: the one in use goes on", e)

    def _tell(self, reloaded: Reloaded) -> None:
        if reloaded.fixed:
            _log.warning("reload: %s: needs a restart, and stays as it is", ", ".join(reloaded.fixed))
        _log.warning("reload: other than before: %s", ", ".join(reloaded.followed) or "nothing")

    def _stamp_now(self) -> Stamp | None:
        try:
            status = (self._engine.catalog_path / "catalog.json").stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size
