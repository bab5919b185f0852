"""What JPEG costs the accuracy of trunks: measured by a compile as its last step, and by one that resumes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.compiler.events import CandidateStarted, Event, JpegStarted
from catalog.compiler.jpeg_measuring import QUALITIES, halved, through_jpeg, untried_trunks
from catalog.jpeg_trials import JpegTrial, lowest_bearable
from catalog.store import Catalog, open_catalog
from catalog.window_codec import jpeg_bytes
from tests.tiny_compile import compile_tiny, tiny_request

WINDOWS = 1000


@pytest.fixture(scope="module")
def catalog(tiny_catalog: Path) -> Catalog:
    return open_catalog(tiny_catalog)


def without_trials(tiny_catalog: Path, folder: Path) -> Path:
    """A catalog as it was compiled before JPEG was ever tried."""
    root = Path(shutil.copytree(tiny_catalog, folder / "catalog"))
    path = root / "catalog.json"
    contents = json.loads(path.read_text())
    for variant in contents["variants"]:
        del variant["jpeg"]
    path.write_text(json.dumps(contents))
    return root


def test_every_variant_on_a_trunk_of_a_front_was_tried_and_no_other(catalog: Catalog) -> None:
    on_front = {m.variant.trunk for task in catalog.tasks for m in catalog.front(task)}
    assert {v.trunk for v in catalog.variants.values() if v.jpeg} == on_front
    for variant in catalog.variants.values():
        if variant.trunk in on_front:
            assert variant.jpeg
            assert [t.quality for t in variant.jpeg] == sorted({t.quality for t in variant.jpeg})
            assert all(t.windows == 105 and t.window_bytes < 16 * 16 * 3 for t in variant.jpeg)
    assert untried_trunks(catalog, "host") == []


def test_a_catalog_compiled_before_is_tried_when_it_is_resumed_and_nothing_else_changes(
    catalog: Catalog, tiny_catalog: Path, tmp_path: Path
) -> None:
    root = without_trials(tiny_catalog, tmp_path)
    before = open_catalog(root)
    assert all(v.jpeg == () for v in before.variants.values())
    events: list[Event] = []
    after = compile_tiny(tiny_request(), root, resume=True, events=events)
    assert after.variants == catalog.variants
    assert after.contents.parts == before.contents.parts
    assert not [e for e in events if isinstance(e, CandidateStarted)]
    assert [e.trunks for e in events if isinstance(e, JpegStarted)] == [
        len({v.trunk for v in catalog.variants.values() if v.jpeg})
    ]


def test_what_was_tried_is_not_tried_again(tiny_catalog: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(tiny_catalog, tmp_path / "catalog"))
    events: list[Event] = []
    again = compile_tiny(tiny_request(), root, resume=True, events=events)
    assert again.variants == open_catalog(tiny_catalog).variants
    assert not [e for e in events if isinstance(e, JpegStarted)]


def test_windows_come_back_as_they_are_read_from_what_is_sent() -> None:
    windows = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    back, window_bytes = through_jpeg(windows, 90)
    assert (back.shape, back.dtype) == (windows.shape, np.uint8)
    assert 0 < np.abs(back.astype(int) - windows).mean() < 30
    assert window_bytes == np.mean([len(jpeg_bytes(w, 90)) for w in windows])


@given(st.lists(st.integers(0, len(QUALITIES)), min_size=1, max_size=4))
def test_the_lowest_quality_that_each_bears_is_found_in_few_trials(borne_from: list[int]) -> None:
    """Each variant bears every quality from one on, or none."""
    asked: list[int] = []

    def try_out(quality: int) -> Mapping[str, JpegTrial]:
        asked.append(quality)
        step = QUALITIES.index(quality)
        return {
            str(k): JpegTrial(quality, WINDOWS, 0 if step >= first else 100, 0, 500.0)
            for k, first in enumerate(borne_from)
        }

    found = halved(tuple(str(k) for k in range(len(borne_from))), try_out)
    for k, first in enumerate(borne_from):
        lowest = lowest_bearable(found[str(k)])
        assert (None if lowest is None else lowest.quality) == (*QUALITIES, None)[first]
        assert [t.quality for t in found[str(k)]] == sorted(asked)
    assert len(asked) == len(set(asked)) <= 3 * len(borne_from)
