"""Extractors by name and by input type."""

from __future__ import annotations

import cv2
import pytest

from catalog.errors import BadInput
from engine.extractors.table import default_kind, extractor_kinds, open_extractor
from tests.engine.media import frame, picture


@pytest.mark.parametrize("kind", extractor_kinds())
def test_every_kind_opens_and_finds_nothing_but_boxes_inside_the_frame(kind: str) -> None:
    found = open_extractor(kind).extract(frame(0, picture(100, 64, 48)))
    assert all(x >= 0 and y >= 0 and x + w <= 64 and y + h <= 48 for x, y, w, h in found)


@pytest.mark.parametrize(
    ("input_type", "kind"),
    [("scene", "whole-frame"), ("face", "faces"), ("object", "motion"), ("digit", "contours")],
)
def test_an_input_type_has_its_extractor_by_name(input_type: str, kind: str) -> None:
    assert default_kind(input_type) == kind


def test_an_unknown_kind_and_an_unknown_input_type_name_the_known_kinds() -> None:
    known = "expected one of whole-frame, faces, distant-faces, motion, contours"
    with pytest.raises(BadInput, match=f"extractor 'blobs': {known}"):
        open_extractor("blobs")
    with pytest.raises(BadInput, match=rf"extractor\.leaf: .*{known}"):
        default_kind("leaf")


def test_extraction_is_the_work_of_one_thread_so_that_its_time_is_the_cost() -> None:
    cv2.setNumThreads(2)
    open_extractor("faces")
    assert cv2.getNumThreads() == 1
