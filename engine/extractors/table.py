"""The extractors by name, and which one an input type gets by default."""

from __future__ import annotations

from collections.abc import Callable

import cv2

from catalog.errors import BadInput
from engine.extractors.contours import ContourExtractor
from engine.extractors.faces import FaceExtractor
from engine.extractors.moving_objects import MovingObjectExtractor
from engine.extractors.protocol import Extractor
from engine.extractors.whole_frame import WholeFrameExtractor

_EXTRACTORS: dict[str, Callable[[], Extractor]] = {
    "whole-frame": WholeFrameExtractor,
    "faces": FaceExtractor,
    "motion": MovingObjectExtractor,
    "contours": ContourExtractor,
}
_DEFAULTS = {"scene": "whole-frame", "face": "faces", "object": "motion", "digit": "contours"}


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
