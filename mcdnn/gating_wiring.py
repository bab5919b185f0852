"""From configuration to what passes over still frames and what gives answers again along tracks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from catalog.errors import BadInput
from engine.extractors.table import WHOLE_FRAME, kind_or_none
from engine.gating.motion_gate import GateSettings
from engine.gating.still_scenes import NO_GATE, FrameGate, StillScenes
from engine.sources.choosing import OpenSource
from engine.tracking.box_tracker import TrackerSettings
from engine.tracking.standing_confidence import ReuseSettings
from engine.tracking.tracked_answers import NO_TRACKING, AnswerKeeper, TrackedAnswers
from mcdnn.engine_file import EngineFile
from mcdnn.gating_tables import TrackingTable


def make_gate(file: EngineFile, sources: Sequence[OpenSource]) -> FrameGate:
    """Return a gate for those sources that are gated, or one that lets everything through."""
    gated = [s.source.name for s in sources if s.gated]
    t = file.motion_gate
    settings = GateSettings(t.refresh_s, t.least_contrast, t.noise_factor, t.least_share)
    return StillScenes(gated, settings) if gated else NO_GATE


def make_tracking(file: EngineFile, input_types: Collection[str]) -> AnswerKeeper:
    """Return what gives answers again, or what never does.

    Args:
        input_types: of the catalog.
    """
    t = file.tracking
    if t is None:
        return NO_TRACKING
    tracked = [i for i in input_types if _moves(file, i)] if t.input_types is None else t.input_types
    tracker = TrackerSettings(t.least_overlap, t.most_distance, t.lost_s)
    return TrackedAnswers(tracked, tracker, ReuseSettings(t.least_confidence, t.half_life_s, t.most_distance))


def check_tracking(file: EngineFile, input_types: Collection[str]) -> None:
    """Check what is to be tracked.

    Raises:
        BadInput: it is not among the input types of the catalog.
    """
    asked = () if file.tracking is None else file.tracking.input_types or ()
    for input_type in asked:
        if input_type not in input_types:
            known = ", ".join(input_types)
            raise BadInput(
                f"tracking.input_types: {input_type!r}: not an input type of the catalog: "
                f"expected some of {known}"
            )


def with_switches(file: EngineFile, motion_gate: bool | None, tracking: bool | None) -> EngineFile:
    """Return a configuration with both switched on or off; None leaves what it says."""
    update: dict[str, Any] = {}
    if motion_gate is not None:
        update["source"] = [s.model_copy(update={"motion_gate": motion_gate}) for s in file.source]
        update["motion_gate"] = file.motion_gate.model_copy(update={"on": motion_gate})
    if tracking is not None:
        update["tracking"] = (file.tracking or TrackingTable()) if tracking else None
    return file.model_copy(update=update)


def _moves(file: EngineFile, input_type: str) -> bool:
    """Tell whether windows of an input type are things in a frame, and not the frame."""
    return (file.extractor.get(input_type) or kind_or_none(input_type)) != WHOLE_FRAME
