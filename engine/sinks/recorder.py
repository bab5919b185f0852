"""Records a run so that a simulator can replay it: requests, windows, connectivity and costs.

requests.csv       t_s,source,window,app,class_id        one row a request, class_id where truth is known
windows.csv        t_s,source,window,input_type,x,y,w,h,truth   one row a window that an app asked about
connectivity.csv   t_s,connected                         one row a change, the first at the start
costs.json         the problem with the costs that were measured, written at the end
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

from catalog.durable_file import write_whole
from catalog.errors import BadInput
from engine.errors import SinkError
from engine.frames import Frame
from engine.results import REUSED, Result

_REQUESTS = ("t_s", "source", "window", "app", "class_id")
_WINDOWS = ("t_s", "source", "window", "input_type", "x", "y", "w", "h", "truth")
_CONNECTIVITY = ("t_s", "connected")


class Recorder:
    """Writes a recording into a folder, whose files of the same names are replaced.

    Args:
        folder: made where it is missing.
        classes_of: class names of an app's task, by class id; asked once an app.
        costs: gives what costs.json says; called once, at the end.
        connected: tells whether the cloud can be reached, None where there is none; asked every frame.

    Raises:
        BadInput: the folder or a file in it cannot be created.
    """

    def __init__(
        self,
        folder: Path,
        classes_of: Callable[[str], Sequence[str]],
        costs: Callable[[], Mapping[str, Any]],
        connected: Callable[[], bool | None] = lambda: None,
    ) -> None:
        self._folder = folder
        self._classes_of = classes_of
        self._costs = costs
        self._is_connected = connected
        self._class_ids: dict[str, dict[str, int]] = {}
        self._connected: bool | None = None
        self._broken = False
        self._files = ExitStack()  # closes all of them, also where one fails
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "costs.json").unlink(missing_ok=True)  # a recording is complete once it is there again
            self._requests = self._open("requests.csv", _REQUESTS)
            self._windows = self._open("windows.csv", _WINDOWS)
            self._connectivity = self._open("connectivity.csv", _CONNECTIVITY)
        except OSError as e:
            self._files.close()
            raise BadInput(f"recording {folder}: cannot be created: {e.strerror or e}") from e

    def __str__(self) -> str:
        return f"recording {self._folder}"

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        """Write what was asked about a frame; answers that were reused were not asked for.

        Raises:
            SinkError: the disk is full.
        """
        t_s = round(frame.t_s, 6)
        connected = self._is_connected()
        if connected is not None:
            self.connectivity(t_s, connected)
        try:
            requests = (r for r in results if r.place != REUSED)
            for window, group in groupby(requests, lambda r: r.window):
                asked = list(group)
                input_type = window.split(".")[1]
                truth = ";".join(f"{r.app}={r.truth}" for r in asked if r.truth is not None)
                self._windows.writerow((t_s, frame.source, window, input_type, *asked[0].box, truth))
                self._requests.writerows((t_s, frame.source, window, r.app, self._class_id(r)) for r in asked)
        except OSError as e:
            raise self._error(e) from e

    def connectivity(self, t_s: float, connected: bool) -> None:
        """Note whether the cloud can be reached; only changes are written.

        Raises:
            SinkError: the disk is full.
        """
        if connected == self._connected:
            return
        self._connected = connected
        try:
            self._connectivity.writerow((round(t_s, 6), int(connected)))
        except OSError as e:
            raise self._error(e) from e

    def close(self) -> None:
        """Finish the files and write the costs, which makes the recording complete if nothing is missing.

        Raises:
            SinkError: the disk is full.
        """
        try:
            self._files.close()
        except OSError as e:
            raise self._error(e) from e
        if self._broken:
            return
        costs = json.dumps(dict(self._costs()), indent=1, allow_nan=False)
        write_whole(self._folder / "costs.json", costs.encode("utf-8"))

    def _open(self, name: str, columns: Sequence[str]) -> Any:
        file = self._files.enter_context((self._folder / name).open("w", encoding="utf-8", newline=""))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        return writer

    def _class_id(self, result: Result) -> int | None:
        if result.truth is None:
            return None
        ids = self._class_ids.get(result.app)
        if ids is None:
            ids = self._class_ids[result.app] = {c: i for i, c in enumerate(self._classes_of(result.app))}
        return ids.get(result.truth)

    def _error(self, cause: OSError) -> SinkError:
        self._broken = True
        return SinkError(f"{self}: cannot be written: {cause.strerror or cause}")
