"""Request and connectivity traces as CSV, read as they are needed and checked line by line."""

from __future__ import annotations

import bisect
import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from catalog.errors import BadInput
from engine.scheduling.problem import App


@dataclass(frozen=True, slots=True)
class Request:
    """One app asking about one window.

    Args:
        t_s: when, in seconds since the start of the trace.
        source: name of the source, "" where not given.
        window: id of the window, "" where not given.
        class_id: what is really there, None where not given.
    """

    t_s: float
    source: str
    window: str
    app: str
    class_id: int | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One window and the apps that ask about it.

    Args:
        t_s: when.
        source: name of the source.
        window: id of the window.
        input_type: of the window.
        due: app names, in the order of the trace.
        context: which context of the options holds, "" for none.
    """

    t_s: float
    source: str
    window: str
    input_type: str
    due: tuple[str, ...]
    context: str = ""


class Connectivity:
    """Whether the cloud can be reached, as a step function of time; no before the first step."""

    def __init__(self, steps: Mapping[float, bool]) -> None:
        self._times_s = sorted(steps)
        self._states = [steps[t] for t in self._times_s]

    @property
    def steps(self) -> Mapping[float, bool]:
        """State by the moment from which on it holds, in order."""
        return dict(zip(self._times_s, self._states, strict=True))

    def at(self, t_s: float) -> bool:
        """Return the state at a moment; a step counts from its own moment on."""
        step = bisect.bisect_right(self._times_s, t_s) - 1
        return step >= 0 and self._states[step]


def read_requests(path: Path, apps: Mapping[str, App]) -> Iterator[Request]:
    """Read `t_s,source,window,app,class_id`; source, window and class_id may be left out.

    Raises:
        BadInput: naming the line: a time that is no number or earlier than the one before, an app
            that is not one of those given, a class id that is no whole number.
    """
    before_s = 0.0
    for line, row in _rows(path, ("t_s", "app")):
        t_s = _time_s(row["t_s"], before_s, f"{path}, line {line}")
        before_s = t_s
        app = row["app"] or ""
        if app not in apps:
            raise BadInput(f"{path}, line {line}: app {app!r}: expected one of {sorted(apps)}")
        yield Request(t_s, row.get("source") or "", row.get("window") or "", app, _class_id(row, path, line))


def group_by_window(requests: Iterator[Request], apps: Mapping[str, App]) -> Iterator[Arrival]:
    """Put the requests about one window together: same time, source, window and input type.

    Requests without a window id are windows of their own.
    """
    for number, (key, group) in enumerate(groupby(requests, lambda r: (r.t_s, r.source, r.window))):
        t_s, source, window = key
        by_type: dict[str, list[str]] = {}
        for request in group:
            input_type = apps[request.app].input_type
            if not window:
                yield Arrival(t_s, source, str(number), input_type, (request.app,))
            else:
                by_type.setdefault(input_type, []).append(request.app)
        for input_type, due in by_type.items():
            yield Arrival(t_s, source, window, input_type, tuple(due))


def read_connectivity(path: Path) -> Connectivity:
    """Read `t_s,connected` with 0 or 1.

    Raises:
        BadInput: naming the line: a time that is no number or not in order, another state.
    """
    steps: dict[float, bool] = {}
    before_s = 0.0
    for line, row in _rows(path, ("t_s", "connected")):
        before_s = _time_s(row["t_s"], before_s, f"{path}, line {line}")
        if row["connected"] not in ("0", "1"):
            raise BadInput(f"{path}, line {line}: connected = {row['connected']!r}: expected 0 or 1")
        steps[before_s] = row["connected"] == "1"
    return Connectivity(steps)


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Yield the rows of a CSV file with their line numbers."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or ()
            missing = [c for c in needed if c not in columns]
            if missing:
                raise BadInput(f"{path}, line 1: no column {missing[0]!r}: expected {', '.join(needed)}")
            for row in reader:
                if None in row:
                    raise BadInput(f"{path}, line {reader.line_num}: more fields than columns")
                yield reader.line_num, row
    except OSError as e:
        raise BadInput(f"{path}: {e.strerror or e}") from e
    except (UnicodeDecodeError, csv.Error) as e:
        raise BadInput(f"{path}: not a CSV file: {e}") from e


def _time_s(text: str | None, before_s: float, where: str) -> float:
    try:
        t_s = float(text or "")
    except ValueError:
        t_s = math.nan
    if not 0.0 <= t_s < math.inf:
        raise BadInput(f"{where}: t_s = {text!r}: expected seconds, at least 0")
    if t_s < before_s:
        raise BadInput(
            f"{where}: t_s = {text}: earlier than {before_s:g} in the line before: sort the file by t_s"
        )
    return t_s


def _class_id(row: Mapping[str, str | None], path: Path, line: int) -> int | None:
    text = row.get("class_id") or ""
    if not text:
        return None
    if not text.isdigit():
        raise BadInput(f"{path}, line {line}: class_id = {text!r}: expected a whole number or nothing")
    return int(text)
