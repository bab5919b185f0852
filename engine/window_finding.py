"""Finds the windows of a frame, for the input types that somebody asks about, and what they show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from engine.extractors.protocol import Extractor
from engine.frames import Frame, TruthWindow, Window
from engine.truth import TruthCounts, TruthMatcher


class WindowFinder:
    """Runs one extractor an input type.

    Truth is matched input type by input type, and only against what is labelled for its tasks: a
    camera that knows its digits knows nothing of scenes.

    Args:
        extractors: by input type; each remembers frames of this source alone.
    """

    def __init__(self, extractors: Mapping[str, Extractor]) -> None:
        self._extractors = dict(extractors)
        self._truth: dict[str, TruthMatcher] = {}

    def add(self, extractors: Mapping[str, Extractor]) -> None:
        """Take further extractors; those that are there already stay, with what they remember."""
        self._extractors = {**extractors, **self._extractors}

    @property
    def truth(self) -> TruthCounts:
        """What was found of what was there, over all input types."""
        counts = [m.counts for m in self._truth.values()]
        return _added(counts, max((c.frames for c in counts), default=0))

    def find(self, frame: Frame, tasks: Mapping[str, frozenset[str]]) -> dict[str, list[Window]]:
        """Return the windows of a frame by input type.

        Args:
            frame: of the one source.
            tasks: what is asked, by input type; others are not looked for.
        """
        found: dict[str, list[Window]] = {}
        for input_type, asked in tasks.items():
            boxes = self._extractors[input_type].extract(frame)
            if frame.truth is None:
                found[input_type] = [Window(frame, input_type, i, box) for i, box in enumerate(boxes)]
                continue
            truths = self._matcher(input_type).match(boxes, self._known(input_type, frame.truth, asked))
            found[input_type] = [
                Window(frame, input_type, i, box, truth)
                for i, (box, truth) in enumerate(zip(boxes, truths, strict=True))
            ]
        return found

    def _matcher(self, input_type: str) -> TruthMatcher:
        return self._truth.setdefault(input_type, TruthMatcher())

    def _known(
        self, input_type: str, truth: tuple[TruthWindow, ...], asked: frozenset[str]
    ) -> tuple[TruthWindow, ...] | None:
        """Return the truth about these tasks; None where the source has shown none of it so far."""
        known = tuple(t for t in truth if not asked.isdisjoint(t.labels))
        seen_before = self._matcher(input_type).counts.frames > 0
        return known if known or seen_before else None


class SourceFinders:
    """Runs the extractors of several sources: each source has its own, for they remember its frames.

    Args:
        extractors: makes new ones for one source, by input type.
    """

    def __init__(self, extractors: Callable[[], Mapping[str, Extractor]]) -> None:
        self._extractors = extractors
        self._finders: dict[str, WindowFinder] = {}
        self._past: list[TruthCounts] = []

    def follow(self, extractors: Callable[[], Mapping[str, Extractor]]) -> None:
        """Take further extractors; those that are there already stay, with what they remember."""
        self._extractors = extractors
        for finder in self._finders.values():
            finder.add(extractors())

    def forget(self, sources: Iterable[str]) -> None:
        """Begin anew with some sources: another camera has its name, or other extractors look."""
        for source in sources:
            finder = self._finders.pop(source, None)
            if finder is not None:
                self._past.append(finder.truth)
        if len(self._past) > 1:
            self._past = [_added(self._past, sum(c.frames for c in self._past))]

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources that were looked at."""
        return tuple(self._finders)

    @property
    def truth(self) -> TruthCounts:
        """What was found of what was there, over all sources and input types."""
        counts = [*self._past, *(f.truth for f in self._finders.values())]
        return _added(counts, sum(c.frames for c in counts))

    def find(self, frame: Frame, tasks: Mapping[str, frozenset[str]]) -> dict[str, list[Window]]:
        """Return the windows of a frame by input type; see WindowFinder."""
        finder = self._finders.get(frame.source)
        if finder is None:
            finder = self._finders[frame.source] = WindowFinder(self._extractors())
        return finder.find(frame, tasks)


def _added(counts: Iterable[TruthCounts], frames: int) -> TruthCounts:
    listed = list(counts)
    return TruthCounts(
        sum(c.present for c in listed),
        sum(c.found for c in listed),
        sum(c.false_windows for c in listed),
        frames,
    )
