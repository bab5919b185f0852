"""Parts run by what was picked for each of them on a device."""

from __future__ import annotations

import logging
from pathlib import Path

from catalog.backends.protocol import Backend, LoadedPart
from catalog.backends.table import DEFAULT, open_backend
from catalog.errors import BackendError, MissingExtra
from catalog.measurements import DeviceMeasurements

_log = logging.getLogger(__name__)


class PickedBackends:
    """Loads each part of a catalog by the backend and in the precision that were picked for it.

    Where that is not to be had on this device, the default backend runs the part, and the log says
    once why; so it does for parts that were not measured.

    Args:
        measurements: of the catalog on this device.
        threads: threads that one call may use.
    """

    name = "picked"

    def __init__(self, measurements: DeviceMeasurements, threads: int = 1) -> None:
        self._measurements = measurements
        self._threads = threads
        self._opened: dict[tuple[str, str], Backend] = {}

    def load(self, path: Path) -> LoadedPart:
        """Load a stored part, which its file is named after; see Backend."""
        return self._backend_of(path.stem).load(path)

    def _backend_of(self, part: str) -> Backend:
        try:
            best = self._measurements.best(part)
        except KeyError:
            return self._open(DEFAULT, "f32")
        # An int8 part is so by its graph: what is left in float is f32.
        return self._open(best.backend, "f32" if best.precision == "int8" else best.precision)

    def _open(self, name: str, precision: str) -> Backend:
        wanted = (name, precision)
        if wanted not in self._opened:
            try:
                self._opened[wanted] = open_backend(name, self._threads, precision)
            except (MissingExtra, BackendError) as e:
                _log.warning("%s; %s runs the parts that were to be run by it", e, DEFAULT)
                self._opened[wanted] = open_backend(DEFAULT, self._threads)
        return self._opened[wanted]
