"""Running a route: each step once, its time shared among the apps that need it, cascades to their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.errors import BackendError
from catalog.heads import FusedHeads, HeadWeights
from engine.errors import PartFailed
from engine.router import CascadeSteps, FeatureReaders, LaterStage, Route

UInt8 = npt.NDArray[np.uint8]


class Answer(NamedTuple):
    """One app's answers about the windows of one pass.

    A named tuple, because one is made for every request.

    Args:
        windows: class name and calibrated confidence, one pair a window.
        busy_s: its share of the processor time; what several apps used is divided equally.
    """

    app: str
    variant: str
    windows: tuple[tuple[str, float], ...]
    busy_s: float


class Passed(NamedTuple):
    """What leaves the device at one cut.

    Args:
        parts: that have run, in order.
        values: (N, ...) float32, what the last of them gave.
        busy_s: by app that it is sent for, its share of the processor time.
    """

    parts: tuple[str, ...]
    values: npt.NDArray[np.float32]
    busy_s: dict[str, float]


class Cascaded(NamedTuple):
    """What the models of a cascade said about a window.

    Args:
        app: that asked.
        special: class name; None where every specialised head passed the window on.
        generic: class name, as the generic variant answers alone; None where it did not run.
        second: whether a further specialised head was asked after the first.
        confidence: calibrated, of the generic variant alone; 0 where it did not run.
    """

    app: str
    special: str | None
    generic: str | None
    second: bool = False
    confidence: float = 0.0


class Execution(NamedTuple):
    """What one pass over a batch of windows gave and took.

    Args:
        answers: one an app that is answered here.
        piece_s: processor time of each piece that ran.
        busy_s: their sum.
        passed: one a cut.
        cascaded: one an app that a cascade answers.
    """

    answers: tuple[Answer, ...]
    piece_s: dict[str, float]
    busy_s: float
    passed: tuple[Passed, ...] = ()
    cascaded: tuple[Cascaded, ...] = ()


def never_checked(app: str) -> bool:  # noqa: ARG001 - what checks where nothing does
    """Check no answer of a specialised head."""
    return False


def run_route(
    route: Route,
    loaded: list[Any],
    pixels: Callable[[int], UInt8],
    busy_clock: Callable[[], float] = time.thread_time,
    checks: Callable[[str], bool] = never_checked,
) -> Execution:
    """Run a configuration on a batch of N windows, mostly one; cascades on one alone.

    Args:
        route: from build_route.
        loaded: the route's pieces, in order, ready to be called.
        pixels: gives the windows at a side length: (N, S, S, 3) uint8 RGB; asked once a size, and
            charged to the part that reads it first.
        busy_clock: processor time of the calling thread.
        checks: tells whether what an app's specialised heads answer is to be checked; asked once a
            window and app at most.

    Raises:
        PartFailed: naming the part.
    """
    outputs: list[npt.NDArray[np.float32] | None] = [None] * len(route.parts)
    windows: dict[int, UInt8] = {}
    shares = [0.0] * len(route.apps)
    piece_s: dict[str, float] = {}
    before = busy_clock()
    for step, part in enumerate(route.parts[: route.at_once] if route.cascades else route.parts):
        if part.source >= 0:
            inputs: npt.NDArray[Any] = _there(outputs[part.source])
        else:
            if part.size_px not in windows:
                windows[part.size_px] = pixels(part.size_px)
            inputs = windows[part.size_px]
        try:
            outputs[step] = loaded[part.piece](inputs)
        except BackendError as e:
            raise PartFailed(route.pieces[part.piece], str(e), sum(shares) + busy_clock() - before) from e
        now = busy_clock()
        took_s, before = now - before, now
        piece = route.pieces[part.piece]
        piece_s[piece] = piece_s.get(piece, 0.0) + took_s
        for app in part.apps:
            shares[app] += took_s / len(part.apps)
    found: list[tuple[tuple[str, float], ...]] = [()] * len(route.apps)
    for features in route.heads:
        fused = _fused(features, loaded)
        try:
            rows = fused.answers(_there(outputs[features.source]))
        except BackendError as e:  # the features make no sense: their part is broken, not the heads
            piece = route.pieces[route.parts[features.source].piece]
            raise PartFailed(piece, f"part {piece}: {e}", sum(shares) + busy_clock() - before) from e
        now = busy_clock()
        each_s, before = (now - before) / len(features.heads), now
        for i, head in enumerate(features.heads):
            named = tuple([(head.classes[row[i][0]], row[i][1]) for row in rows])
            piece = route.pieces[head.piece]
            piece_s[piece] = piece_s.get(piece, 0.0) + each_s
            for app in head.apps:
                found[app] = named
                shares[app] += each_s / len(head.apps)
    variants = route.variants
    cascaded: list[Cascaded] = []
    later: _LaterStages | None = None
    for cascade in route.cascades:
        said = _said_first(route, cascade, found)
        if said.special is None or checks(said.app):
            if later is None:
                begun = _Begun(outputs, windows, shares, piece_s, found, list(variants))
                later = _LaterStages(route, loaded, pixels, busy_clock, begun, before)
            said = later.go_on(cascade, said, checks)
        cascaded.append(said)
    if later is not None:
        variants = later.variants
    answers = tuple(map(Answer, route.apps, variants, found, shares))
    if not route.cuts:
        return Execution(answers, piece_s, sum(shares), (), tuple(cascaded))
    passed = tuple(
        Passed(cut.parts, _there(outputs[cut.source]), {route.apps[i]: shares[i] for i in cut.apps})
        for cut in route.cuts
    )
    return Execution(tuple(a for a in answers if a.windows), piece_s, sum(shares), passed, tuple(cascaded))


def _said_first(route: Route, cascade: CascadeSteps, found: list[tuple[tuple[str, float], ...]]) -> Cascaded:
    """Return what the specialised head says that every window is shown to, where it is sure."""
    ((name, confidence),) = found[cascade.app]
    is_sure = cascade.first.answers(name, confidence)
    return Cascaded(route.apps[cascade.app], name if is_sure else None, None)


def _there(output: npt.NDArray[np.float32] | None) -> npt.NDArray[np.float32]:
    assert output is not None, "a part runs after what it reads"
    return output


def _fused(readers: FeatureReaders, loaded: list[Any]) -> FusedHeads:
    heads = [loaded[step.piece] for step in readers.heads]
    if readers.favoured:
        return _fused_leaning(readers, heads[0])
    fused = readers.fused
    if fused is None or fused.heads != heads:
        fused = readers.fused = FusedHeads(heads)
    return fused


def _fused_leaning(readers: FeatureReaders, head: HeadWeights) -> FusedHeads:
    """Return a generic head beside itself as it leans to some classes."""
    fused = readers.fused
    if fused is None or fused.heads[0] is not head:
        leaning = head.with_prior_shift(readers.favoured, readers.prior_shift)
        fused = readers.fused = FusedHeads([head, leaning])
    return fused


class _Begun(NamedTuple):
    """What is known of a window by now; added to as it goes on.

    Args:
        outputs: by step; None of those that have not run.
        windows: by side length.
        shares: processor time by app.
        piece_s: and by piece.
        found: answers by app.
        variants: that gave them.
    """

    outputs: list[npt.NDArray[np.float32] | None]
    windows: dict[int, UInt8]
    shares: list[float]
    piece_s: dict[str, float]
    found: list[tuple[tuple[str, float], ...]]
    variants: list[str]


class _LaterStages:
    """How a window goes on where the first stage of a cascade does not answer, or is checked.

    Args:
        route: with cascades.
        loaded: its pieces.
        pixels: see run_route.
        busy_clock: see run_route.
        begun: what the first stage gave, added to in place.
        before: reading of the clock up to which all is booked.
    """

    def __init__(
        self,
        route: Route,
        loaded: list[Any],
        pixels: Callable[[int], UInt8],
        busy_clock: Callable[[], float],
        begun: _Begun,
        before: float,
    ) -> None:
        self._route = route
        self._loaded = loaded
        self._pixels = pixels
        self._busy_clock = busy_clock
        self._outputs, self._windows, self._shares, self._piece_s, self._found, self._variants = begun
        self._before = before

    @property
    def variants(self) -> tuple[str, ...]:
        """What answers each app now."""
        return tuple(self._variants)

    def go_on(self, cascade: CascadeSteps, said: Cascaded, checks: Callable[[str], bool]) -> Cascaded:
        """Answer by the generic variant where no specialised head does or is checked; see what both say.

        What was paid for is used: of the two the generic variant is right more often. It is answered with
        what is known of the scene, and seen without: the scene is judged by it.

        Args:
            said: by the first head; where it answers it is being checked.
        """
        if said.special is None:
            said = self._ask_further(cascade, said)
            if said.special is not None and not checks(said.app):
                return said
        name, confidence = self._run_later(cascade.app, cascade.generic)
        return said._replace(generic=name, confidence=confidence)

    def _ask_further(self, cascade: CascadeSteps, said: Cascaded) -> Cascaded:
        """Return what the first further specialised head says that is sure, until one says "other"."""
        ((name, confidence),) = self._found[cascade.app]
        for special, stage in cascade.further:
            if not name:
                break
            name, confidence = self._run_later(cascade.app, stage)
            said = said._replace(second=True)
            if special.answers(name, confidence):
                return said._replace(special=name)
        return said

    def _run_later(self, app: int, stage: LaterStage) -> tuple[str, float]:
        """Have a later stage give an app's answer, on account of that app alone; return its head's own."""
        for step in stage.parts:
            if self._outputs[step] is None:
                self._run_part(app, step)
        own = self._apply(app, stage.readers)
        self._variants[app] = stage.variant
        return own

    def _run_part(self, app: int, step: int) -> None:
        part = self._route.parts[step]
        piece = self._route.pieces[part.piece]
        inputs = self._window(part.size_px) if part.source < 0 else _there(self._outputs[part.source])
        try:
            self._outputs[step] = self._loaded[part.piece](inputs)
        except BackendError as e:
            raise PartFailed(piece, str(e), self._spent_s()) from e
        self._book(app, piece)

    def _apply(self, app: int, readers: FeatureReaders) -> tuple[str, float]:
        """Answer by a head, which may lean; return what it says before it leans."""
        fused = _fused(readers, self._loaded)
        try:
            ((own, *leaning),) = fused.answers(_there(self._outputs[readers.source]))
        except BackendError as e:
            piece = self._route.pieces[self._route.parts[readers.source].piece]
            raise PartFailed(piece, f"part {piece}: {e}", self._spent_s()) from e
        (head,) = readers.heads
        self._book(app, self._route.pieces[head.piece])
        class_id, confidence = leaning[0] if leaning else own
        self._found[app] = ((head.classes[class_id], confidence),)
        return head.classes[own[0]], own[1]

    def _book(self, app: int, piece: str) -> None:
        now = self._busy_clock()
        took_s, self._before = now - self._before, now
        self._piece_s[piece] = self._piece_s.get(piece, 0.0) + took_s
        self._shares[app] += took_s

    def _spent_s(self) -> float:
        return sum(self._shares) + self._busy_clock() - self._before

    def _window(self, size_px: int) -> UInt8:
        if size_px not in self._windows:
            self._windows[size_px] = self._pixels(size_px)
        return self._windows[size_px]
