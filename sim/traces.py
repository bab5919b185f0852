"""Traces as CSV, read as they are needed and checked line by line.

Requests are `t_s,app` and optionally source, window, class_id and context; published ones
`t_s` and optionally class_id, all of one app. What becomes of the link is `t_s,connected` and
`t_s,mbps`; which context holds for an input type `t_s,input_type,context`. A night without anything
is nothing wrong.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from catalog.csv_rows import CsvRow, read_csv_rows
from catalog.errors import BadInput
from engine.scheduling.problem import App
from sim.network import Steps

_LATEST_S = 1e9  # thirty years; the seconds since 1970 are more
_UP = {"0": 0.0, "1": 1.0}


@dataclass(frozen=True, slots=True)
class Request:
    """One app asking about one window.

    Args:
        t_s: when, in seconds since the start of the trace.
        source: name of the source, "" where not given.
        window: id of the window, "" where not given.
        class_id: what is really there, None where not given.
        context: which context of the options holds, "" for none.
    """

    t_s: float
    source: str
    window: str
    app: str
    class_id: int | None = None
    context: str = ""


class Arrival(NamedTuple):
    """One window and the apps that ask about it.

    A named tuple, because one is made for every window.

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


class _Clock:
    """Checks that times are in order."""

    def __init__(self) -> None:
        self._last_s = 0.0

    def read(self, row: CsvRow) -> float:
        """Return the time of a row.

        Raises:
            BadInput: it is no number of at least 0, or earlier than the one before, or a date.
        """
        t_s = row.number("t_s")
        if t_s > _LATEST_S:
            raise BadInput(
                f"{row.where}: t_s = {row.fields['t_s']}: expected seconds since the start of the trace: "
                "subtract the first time from all"
            )
        if t_s < self._last_s:
            raise BadInput(
                f"{row.where}: t_s = {row.fields['t_s']}: earlier than {self._last_s:g} in the line before: "
                "sort the file by t_s"
            )
        self._last_s = t_s
        return t_s


class _AskedOnce:
    """Checks that no app asks twice about a window."""

    def __init__(self) -> None:
        self._window: tuple[float, str, str] = (0.0, "", "")
        self._apps: set[str] = set()

    def check(self, row: CsvRow, window: tuple[float, str, str], app: str) -> None:
        """Take a request; one without a window id is about a window of its own.

        Raises:
            BadInput: the app asked about the window before.
        """
        if not window[2]:
            return
        if window != self._window:
            self._window, self._apps = window, set()
        if app in self._apps:
            raise BadInput(f"{row.where}: app {app!r} asks twice about window {window[2]!r}: leave one out")
        self._apps.add(app)


def read_requests(
    path: Path, apps: Mapping[str, App], contexts: Collection[str] | None = None
) -> Iterator[Request]:
    """Read `t_s,app` and where they are there source, window, class_id and context.

    Args:
        apps: those that may ask, by name.
        contexts: those that may hold besides none; None for any.

    Raises:
        BadInput: naming the line: a time that is no number or earlier than the one before, an app
            that is not one of those given or asks twice about a window, a context likewise, a class
            id that is no whole number, a line cut off.
    """
    clock, asked = _Clock(), _AskedOnce()
    for row in read_csv_rows(path, ("t_s", "app")):
        t_s, app = clock.read(row), row.fields["app"]
        if app not in apps:
            raise BadInput(f"{row.where}: app {app!r}: expected one of {sorted(apps)}")
        source, window = row.optional("source"), row.optional("window")
        asked.check(row, (t_s, source, window), app)
        yield Request(t_s, source, window, app, _class_id(row), _context(row, contexts))


def read_requests_of(path: Path, app: str) -> Iterator[Request]:
    """Read `t_s` and where it is there class_id, all of it asked by one app.

    Raises:
        BadInput: naming the line, as read_requests does.
    """
    clock = _Clock()
    for row in read_csv_rows(path, ("t_s",)):
        yield Request(clock.read(row), row.optional("source"), "", app, _class_id(row))


def merge_requests(traces: Iterable[Iterator[Request]]) -> Iterator[Request]:
    """Put several traces together, in order of time."""
    return heapq.merge(*traces, key=lambda r: r.t_s)


def group_by_window(requests: Iterator[Request], apps: Mapping[str, App]) -> Iterator[Arrival]:
    """Put the requests about one window together: same time, source, window and input type.

    Requests without a window id are windows of their own. The context is that of a window's first
    request.
    """
    for number, (key, group) in enumerate(groupby(requests, lambda r: (r.t_s, r.source, r.window))):
        t_s, source, window = key
        by_type: dict[str, list[Request]] = {}
        for request in group:
            input_type = apps[request.app].input_type
            if not window:
                yield Arrival(t_s, source, str(number), input_type, (request.app,), request.context)
            else:
                by_type.setdefault(input_type, []).append(request)
        for input_type, asked in by_type.items():
            due = tuple(r.app for r in asked)
            yield Arrival(t_s, source, window, input_type, due, asked[0].context)


def read_connectivity(path: Path) -> Steps:
    """Read `t_s,connected` with 0 or 1; not connected before the first line.

    Raises:
        BadInput: naming the line: a time that is no number or not in order, another state.
    """
    clock = _Clock()
    steps: dict[float, float] = {}
    for row in read_csv_rows(path, ("t_s", "connected")):
        t_s, state = clock.read(row), row.fields["connected"]
        if state not in _UP:
            raise BadInput(f"{row.where}: connected = {state!r}: expected 0 or 1")
        steps[t_s] = _UP[state]
    return Steps(steps, 0.0)


def read_bandwidth(path: Path) -> Steps:
    """Read `t_s,mbps`; 0 is a link without any speed, as it is before the first line.

    Raises:
        BadInput: naming the line: a time that is no number or not in order, a speed that is none.
    """
    clock = _Clock()
    return Steps({clock.read(row): row.number("mbps") for row in read_csv_rows(path, ("t_s", "mbps"))}, 0.0)


@dataclass(frozen=True, slots=True)
class ContextChange:
    """A context that holds for an input type from a moment on; "" for none."""

    t_s: float
    input_type: str
    context: str


def read_contexts(
    path: Path, input_types: Iterable[str], contexts: Collection[str] | None = None
) -> Iterator[ContextChange]:
    """Read `t_s,input_type,context`.

    Args:
        input_types: that apps ask about.
        contexts: those that may hold besides none; None for any.

    Raises:
        BadInput: naming the line: a time that is no number or not in order, another input type or
            context.
    """
    known = sorted(input_types)
    clock = _Clock()
    for row in read_csv_rows(path, ("t_s", "input_type", "context")):
        t_s, input_type = clock.read(row), row.fields["input_type"]
        if input_type not in known:
            raise BadInput(f"{row.where}: input_type {input_type!r}: expected one of {known}")
        yield ContextChange(t_s, input_type, _context(row, contexts))


def with_contexts(arrivals: Iterator[Arrival], changes: Iterator[ContextChange]) -> Iterator[Arrival]:
    """Set the contexts of windows; those of input types that nothing is said about keep their own."""
    holds: dict[str, str] = {}
    upcoming = next(changes, None)
    for arrival in arrivals:
        while upcoming is not None and upcoming.t_s <= arrival.t_s:
            holds[upcoming.input_type] = upcoming.context
            upcoming = next(changes, None)
        context = holds.get(arrival.input_type)
        yield arrival if context is None else arrival._replace(context=context)


def _context(row: CsvRow, known: Collection[str] | None) -> str:
    """Return the context of a row, "" for none."""
    name = row.optional("context")
    if name and known is not None and name not in known:
        raise BadInput(f"{row.where}: context {name!r}: expected one of {sorted(known)}, or nothing")
    return name


def _class_id(row: CsvRow) -> int | None:
    text = row.optional("class_id")
    if not text:
        return None
    if not text.isdecimal():
        raise BadInput(f"{row.where}: class_id = {text!r}: expected a whole number or nothing")
    return int(text)
