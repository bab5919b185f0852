"""The extractors by name, and which one an input type gets by default."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2

from catalog.errors import BadInput
from engine.extractors.contours import ContourExtractor
from engine.extractors.faces import FaceExtractor
from engine.extractors.moving_objects import MovingObjectExtractor
from engine.extractors.protocol import Extractor
from engine.extractors.whole_frame import WholeFrameExtractor

# In a 1920x1080 street scene this found 3.9 of about five faces, against 1.1 at the default of 640,
# in 3.8 times the time.
_DISTANT_LONGEST_SIDE_PX = 1280

WHOLE_FRAME = "whole-frame"
_EXTRACTORS: dict[str, Callable[[], Extractor]] = {
    WHOLE_FRAME: WholeFrameExtractor,
    "faces": FaceExtractor,
    "distant-faces": partial(FaceExtractor, longest_side_px=_DISTANT_LONGEST_SIDE_PX),
    "motion": MovingObjectExtractor,
    "contours": ContourExtractor,
}
_DEFAULTS = {"scene": WHOLE_FRAME, "face": "faces", "object": "motion", "digit": "contours"}


def extractor_kinds() -> list[str]:
    """Return the kinds that open_extractor knows."""
    return list(_EXTRACTORS)


def default_kind(input_type: str) -> str:
    """Return the kind of extractor that an input type of this name gets.

    Raises:
        BadInput: no extractor belongs to this name; the configuration must say which to use.
    """
    if input_type not in _DEFAULTS:
        raise BadInput(
            f"extractor.{input_type}: not given, and none belongs to this input type by itself: "
            f"expected one of {', '.join(_EXTRACTORS)}"
        )
    return _DEFAULTS[input_type]


def kind_or_none(input_type: str) -> str | None:
    """Return the same, or None where no extractor belongs to the name."""
    return _DEFAULTS.get(input_type)


def open_extractor(kind: str) -> Extractor:
    """Return a new extractor; it remembers frames of one source only.

    OpenCV is told to start no threads of its own, in the whole process: then the processor time of
    the thread that extracts is what extraction costs.

    Raises:
        BadInput: there is no such kind.
    """
    if kind not in _EXTRACTORS:
        raise BadInput(f"extractor {kind!r}: expected one of {', '.join(_EXTRACTORS)}")
    cv2.setNumThreads(1)
    return _EXTRACTORS[kind]()
