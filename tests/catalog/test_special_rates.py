from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.special_rates import (
    FILE,
    SpecialRates,
    SpecialRatesFile,
    read_special_rates,
    write_special_rates,
)

ROW = SpecialRates("small", "identity", 2, 0.97, 0.01, 0.9, 3, 0, 0.05)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found = SpecialRatesFile(1, (ROW,), {"large/identity": "no other trunk is slower"})
    write_special_rates(tmp_path, found)
    assert read_special_rates(tmp_path) == found


def test_a_file_from_before_heads_told_other_classes_apart_says_that_they_do_not(tmp_path: Path) -> None:
    row = replace(ROW, right_out=0.6, strayed_in=0.02)
    write_special_rates(tmp_path, SpecialRatesFile(1, (row,), {}))
    assert read_special_rates(tmp_path).rows == (row,)
    data = json.loads((tmp_path / FILE).read_text())
    del data["rows"][0]["right_out"], data["rows"][0]["strayed_in"]
    (tmp_path / FILE).write_text(json.dumps(data))
    assert read_special_rates(tmp_path).rows == (ROW,)


def test_a_catalog_that_was_never_measured_says_nothing(tmp_path: Path) -> None:
    assert read_special_rates(tmp_path).rows == ()


def test_a_damaged_file_is_named_with_the_key(tmp_path: Path) -> None:
    write_special_rates(tmp_path, SpecialRatesFile(1, (ROW,), {}))
    data = json.loads((tmp_path / FILE).read_text())
    del data["rows"][0]["accuracy_in"]
    (tmp_path / FILE).write_text(json.dumps(data))
    with pytest.raises(CatalogError, match=r"specialization\.json: rows\.0\.accuracy_in"):
        read_special_rates(tmp_path)


def test_a_file_of_a_later_version_is_refused_with_the_remedy(tmp_path: Path) -> None:
    write_special_rates(tmp_path, SpecialRatesFile(99, (), {}))
    with pytest.raises(CatalogError, match="mcdnn catalog specialize"):
        read_special_rates(tmp_path)
