"""Pieces that could not be loaded or run: set aside for a while, so that other variants answer."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.scheduling.problem import Option, Problem

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 10.0
_LONGEST_PAUSE_S = 3600.0


@dataclass(slots=True)
class _Failure:
    """Why a piece failed last, and when it may be tried again."""

    why: str
    pause_s: float
    until_s: float


class BrokenPieces:
    """Remembers failures; a piece is tried again after ten seconds, then after twice as long, up to an hour.

    A file that was exchanged or a disk that came back is found that way, and a part that stays
    broken costs one request an hour and one line in the log.
    """

    def __init__(self) -> None:
        self._failures: dict[str, _Failure] = {}

    def note(self, piece: str, why: str, now: float) -> None:
        """Set a piece aside."""
        before = self._failures.get(piece)
        pause_s = _FIRST_PAUSE_S if before is None else min(2.0 * before.pause_s, _LONGEST_PAUSE_S)
        self._failures[piece] = _Failure(why, pause_s, now + pause_s)
        _log.error("%s: its variants are set aside for %.0f s", why, pause_s)

    def set_aside(self, now: float) -> frozenset[str]:
        """Return the pieces that are not to be tried now."""
        if not self._failures:
            return frozenset()
        return frozenset(p for p, f in self._failures.items() if now < f.until_s)

    def why_unserved(self, problem: Problem, usable: Problem) -> dict[str, str]:
        """Return, by app, why an app that has options can use none of them now."""
        return {
            app: f"set aside: {self._why(options)}"
            for app, options in problem.options.items()
            if options and not usable.options[app]
        }

    def _why(self, options: Iterable[Option]) -> str:
        failures = (self._failures.get(p) for o in options for p in o.device_pieces)
        return next(f.why for f in failures if f is not None)


def without_pieces(problem: Problem, pieces: frozenset[str]) -> Problem:
    """Return a problem without the options that need one of these pieces."""
    if not pieces:
        return problem
    options = {
        app: tuple(o for o in offered if pieces.isdisjoint(o.device_pieces))
        for app, offered in problem.options.items()
    }
    return replace(problem, options=options)
