"""Answers that stand along tracks: what need not be asked about a window, and what is answered instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from engine.frame_results import FrameResults
from engine.frames import Frame, Window
from engine.results import REUSED, Result
from engine.scheduling.problem import App
from engine.tracking.appearance import look_of
from engine.tracking.box_tracker import BoxTracker, Track, TrackerSettings
from engine.tracking.standing_confidence import ReuseSettings, Sight, standing_confidence
from engine.window_results import reused


class AnswerKeeper(Protocol):
    """Gives answers again where they still stand."""

    def follow(self, frame: Frame, found: Mapping[str, list[Window]]) -> Mapping[str, list[Window]]:
        """Return the windows of a frame with their tracks."""

    def stand_still(self, frame: Frame) -> None:
        """Note that a frame shows what the one before showed, and is not searched."""

    def reuse(
        self, window: Window, due: Sequence[str], apps: Mapping[str, App], into: FrameResults
    ) -> Sequence[str]:
        """Answer again what stands, and return the apps that are to be asked.

        Args:
            window: from follow; called for all of a frame, in order.
            due: names of the apps that are due on it.
            apps: by name.
            into: gets the answers that stand.
        """

    def to_answer(self, found: Mapping[str, list[Window]], asked: Iterable[Window]) -> Mapping[str, int]:
        """Return the windows of a frame that count as demand, by input type.

        Args:
            found: all of them.
            asked: those about which somebody is really asked.
        """

    def forget_answers(self) -> None:
        """Let no answer stand any more: other apps or models are asked from now on."""

    def answered(self, results: Iterable[Result]) -> None:
        """Learn what was answered."""

    @property
    def tracks(self) -> int:
        """How many there have been."""


class NoTracking:
    """Asks about every window."""

    tracks = 0

    def follow(self, frame: Frame, found: Mapping[str, list[Window]]) -> Mapping[str, list[Window]]:  # noqa: ARG002
        """Return the windows as they are; see AnswerKeeper."""
        return found

    def stand_still(self, frame: Frame) -> None:
        """Do nothing; see AnswerKeeper."""

    def reuse(
        self,
        window: Window,  # noqa: ARG002
        due: Sequence[str],
        apps: Mapping[str, App],  # noqa: ARG002
        into: FrameResults,  # noqa: ARG002
    ) -> Sequence[str]:
        """Return all that are due; see AnswerKeeper."""
        return due

    def to_answer(
        self,
        found: Mapping[str, list[Window]],
        asked: Iterable[Window],  # noqa: ARG002
    ) -> Mapping[str, int]:
        """Return all windows; see AnswerKeeper."""
        return {input_type: len(windows) for input_type, windows in found.items()}

    def forget_answers(self) -> None:
        """There are none; see AnswerKeeper."""

    def answered(self, results: Iterable[Result]) -> None:
        """Do nothing; see AnswerKeeper."""


NO_TRACKING = NoTracking()


@dataclass(slots=True, eq=False)
class _Known:
    """An app's answers about one track.

    Args:
        window: id of the one that was asked about last.
        asked: as it was seen there.
        result: the last answer; None before the first.
        then: what that was about.
    """

    window: str
    asked: Sight
    result: Result | None = None
    then: Sight | None = None


class TrackedAnswers:
    """Tracks for each source and input type, and answers for each track; used by the engine's thread.

    Args:
        input_types: whose windows are tracked.
        tracker: what belongs together.
        settings: for how long answers stand.
    """

    def __init__(self, input_types: Iterable[str], tracker: TrackerSettings, settings: ReuseSettings) -> None:
        self._input_types = frozenset(input_types)
        self._tracker = tracker
        self._settings = settings
        self._trackers: dict[tuple[str, str], BoxTracker] = {}
        self._seen: dict[int, Track] = {}
        self._known: dict[int, dict[str, _Known]] = {}
        self._next_id = 0

    @property
    def tracks(self) -> int:
        """How many there have been; see AnswerKeeper."""
        return self._next_id

    def follow(self, frame: Frame, found: Mapping[str, list[Window]]) -> Mapping[str, list[Window]]:
        """Return the windows of a frame with their tracks; see AnswerKeeper."""
        return {t: self._followed(frame, t, w) if t in self._input_types else w for t, w in found.items()}

    def stand_still(self, frame: Frame) -> None:
        """Keep the tracks of a source where they are; see AnswerKeeper."""
        for (source, _), tracker in self._trackers.items():
            if source == frame.source:
                tracker.stand_still(frame.t_s)

    def reuse(
        self, window: Window, due: Sequence[str], apps: Mapping[str, App], into: FrameResults
    ) -> Sequence[str]:
        """Answer again what stands; see AnswerKeeper."""
        into.windows.append(window.id)
        if window.track is None or not due:
            return due
        track = self._seen[window.track]
        now = Sight(track.seen_s, track.box, track.look)
        known = self._known.setdefault(track.id, {})
        asked = []
        for app in due:
            standing = self._standing(known.get(app), now)
            if standing is None:
                asked.append(app)
                before = known.get(app)
                known[app] = (
                    _Known(window.id, now)
                    if before is None
                    else _Known(window.id, now, before.result, before.then)
                )
            else:
                result, confidence = standing
                into.known.append(reused(window, apps[app], result, confidence))
        return asked

    def to_answer(self, found: Mapping[str, list[Window]], asked: Iterable[Window]) -> Mapping[str, int]:
        """Return the windows that count as demand: of tracked ones those that are asked about."""
        counts = {t: 0 if t in self._input_types else len(w) for t, w in found.items()}
        for window in asked:
            if window.input_type in self._input_types:
                counts[window.input_type] += 1
        return counts

    def forget_answers(self) -> None:
        """Let nothing stand any more; see AnswerKeeper."""
        self._known.clear()

    def answered(self, results: Iterable[Result]) -> None:
        """Keep what was answered about tracks that go on; see AnswerKeeper."""
        for result in results:
            if result.track is None or result.answer is None or result.place == REUSED:
                continue
            known = self._known.get(result.track, {}).get(result.app)
            if known is not None and known.window == result.window:
                known.result, known.then = result, known.asked

    def _followed(self, frame: Frame, input_type: str, windows: list[Window]) -> list[Window]:
        key = (frame.source, input_type)
        tracker = self._trackers.get(key)
        if tracker is None:
            tracker = self._trackers[key] = BoxTracker(self._tracker, self._new_id)
        before = {t.id for t in tracker.tracks}
        looks = [look_of(frame.pixels, w.box) for w in windows]
        tracks = tracker.follow([w.box for w in windows], looks, frame.t_s)
        for gone in before - {t.id for t in tracker.tracks}:
            self._seen.pop(gone, None)
            self._known.pop(gone, None)
        self._seen.update((t.id, t) for t in tracks)
        return [replace(w, track=t.id) for w, t in zip(windows, tracks, strict=True)]

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _standing(self, known: _Known | None, now: Sight) -> tuple[Result, float] | None:
        """Return an answer that still stands, with what is left of its confidence."""
        if known is None or known.result is None or known.then is None:
            return None
        assert known.result.confidence is not None, "what was answered has a confidence"
        confidence = standing_confidence(known.result.confidence, known.then, now, self._settings)
        return (known.result, confidence) if confidence >= self._settings.least_confidence else None
