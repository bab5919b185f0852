"""Which encoding the windows of a request travel in, by what was measured of the variants asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.digits.digit_windows import found_digits
from catalog.jpeg_trials import JpegTrial
from catalog.preprocessing import window_pixels
from catalog.store import Catalog, open_catalog
from cloud.encodings import jpeg_encodings, measured_encodings
from cloud.messages import Encoding
from cloud.pictures import UInt8, decoded
from cloud.window_encoding import RAW
from tests.tiny_compile import DIGIT

WIDE, NARROW, SMALL = "wide/identity", "narrow/identity", "small/identity"


def trial(quality: int, window_bytes: float, lost: int = 0) -> JpegTrial:
    return JpegTrial(quality, 1000, lost, 0, window_bytes)


def tried(opened: Catalog, **trials: tuple[JpegTrial, ...]) -> Catalog:
    """A catalog whose trunks were tried so."""
    variants = tuple(replace(v, jpeg=trials.get(v.trunk, ())) for v in opened.contents.variants)
    return Catalog(opened.root, replace(opened.contents, variants=variants))


@pytest.fixture
def some(opened: Catalog) -> Catalog:
    wide = (trial(50, 300.0, 90), trial(75, 350.0, 4), trial(95, 500.0))
    narrow = (trial(50, 300.0, 60), trial(75, 350.0, 20), trial(95, 500.0, 2))
    return tried(opened, wide=wide, narrow=narrow)


def window() -> UInt8:
    return np.full((16, 16, 3), 90, np.uint8)


def test_a_catalog_on_which_jpeg_was_never_tried_is_asked_by_raw_pixels(opened: Catalog) -> None:
    encodings = measured_encodings(opened)
    assert encodings.every == (RAW,)
    assert encodings.chosen([WIDE, SMALL]) is RAW
    assert encodings.accuracy_loss(WIDE) == 0.0


def test_a_variant_alone_is_asked_by_the_lowest_quality_that_it_bears(some: Catalog) -> None:
    encodings = measured_encodings(some)
    assert encodings.chosen([WIDE]).expected_bytes(16) == pytest.approx(350.0)
    assert encodings.chosen([NARROW]).expected_bytes(16) == pytest.approx(500.0)
    assert encodings.accuracy_loss(WIDE) == pytest.approx(0.004)
    assert encodings.accuracy_loss(NARROW) == pytest.approx(0.002)
    assert encodings.chosen([WIDE]).encode(window()).encoding is Encoding.JPEG


def test_variants_asked_together_get_what_the_most_sensitive_of_them_needs(some: Catalog) -> None:
    encodings = measured_encodings(some)
    assert encodings.chosen([WIDE, NARROW]) is encodings.chosen([NARROW])
    assert encodings.chosen([WIDE, NARROW, SMALL]) is RAW
    assert encodings.chosen([WIDE, "unknown/identity"]) is RAW
    assert set(encodings.every) == {RAW, encodings.chosen([WIDE]), encodings.chosen([NARROW])}


def test_variants_on_windows_of_one_size_share_what_is_learnt_of_them(some: Catalog) -> None:
    encodings = measured_encodings(some)
    assert encodings.chosen(["wide/parity"]) is encodings.chosen([WIDE])


def test_jpeg_that_loses_too_much_or_is_no_smaller_gives_way_to_raw_pixels(opened: Catalog) -> None:
    known = tried(opened, wide=(trial(50, 300.0, 50), trial(95, 500.0, 9)), small=(trial(50, 192.0),))
    encodings = measured_encodings(known)
    assert encodings.chosen([WIDE]) is encodings.chosen([SMALL]) is RAW
    assert encodings.accuracy_loss(WIDE) == encodings.accuracy_loss(SMALL) == 0.0


def test_what_a_fixed_quality_costs_is_taken_from_the_qualities_next_to_it(some: Catalog) -> None:
    losses = {q: jpeg_encodings(some, q).accuracy_loss(WIDE) for q in (20, 50, 60, 75, 100)}
    assert losses == pytest.approx({20: 0.09, 50: 0.09, 60: 0.0556, 75: 0.004, 100: 0.0})
    assert jpeg_encodings(some, 60).accuracy_loss(SMALL) == 0.0


def test_what_a_compile_measured_is_what_windows_of_its_kind_take(tiny_catalog: Path) -> None:
    catalog = open_catalog(tiny_catalog)
    variant = next(v for v in catalog.variants.values() if v.jpeg)
    sure = tuple(replace(t, windows=10_000, lost=0, gained=0) for t in variant.jpeg)
    alone = replace(catalog.contents, variants=(replace(variant, jpeg=sure),))
    encoding = measured_encodings(Catalog(catalog.root, alone)).chosen([variant.id])
    digits = [d for d, _ in zip(found_digits("validation", 5), range(60), strict=False)]
    pictures = [encoding.encode(window_pixels(d.frame, d.box, DIGIT, 16)[0]) for d in digits]
    assert np.mean([len(p.data) for p in pictures]) == pytest.approx(encoding.expected_bytes(16), rel=0.05)
    assert all(decoded(p).shape == (16, 16, 3) for p in pictures)
