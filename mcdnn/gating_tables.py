"""What ENGINE.toml says about frames and windows that need no answer of their own."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
_Share = Annotated[float, Field(gt=0.0, le=1.0)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GateTable(_Table):
    """[motion_gate]: when a frame is passed over because nothing has changed; docs/gating-and-tracking.md.

    Args:
        on: whether for sources that do not say so themselves; by default for cameras and streams.
        refresh_s: a frame is looked at at least so often.
        least_contrast: grey levels, of 255, by which a pixel differs that has changed.
        noise_factor: the same in median noises of the pixel; the larger of the two counts.
        least_share: of the picture that has to have changed.
    """

    on: bool | None = None
    refresh_s: _Positive = 10.0
    least_contrast: Annotated[float, Field(gt=0.0, le=255.0)] = 10.0
    noise_factor: _Positive = 6.0
    least_share: _Share = 0.001


class TrackingTable(_Table):
    """[tracking]: for how long an answer stands along its track; docs/gating-and-tracking.md.

    Args:
        input_types: whose windows are tracked; by default all but whole frames.
        least_confidence: what has to be left of an answer's.
        half_life_s: in which it halves.
        most_distance: of two looks, from 0 to 1, from which on they are not the same thing.
        least_overlap: of a box and where its track is expected, as intersection over union.
        lost_s: what was not found for longer begins a new track.
    """

    input_types: list[str] | None = None
    least_confidence: _Share = 0.5
    half_life_s: _Positive = 5.0
    most_distance: _Share = 0.25
    least_overlap: _Share = 0.2
    lost_s: _Positive = 1.0
