from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from catalog.store import Catalog, CatalogWriter, open_catalog
from mcdnn.catalog_page import write_pages
from tests.catalog_builder import build_catalog

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def unmetered(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A catalog whose energy was not measured; not to be changed."""
    return open_catalog(build_catalog(tmp_path_factory.mktemp("unmetered") / "catalog"))


@pytest.fixture(scope="module")
def page(unmetered: Catalog, tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(unmetered, tmp_path_factory.mktemp("pages"))


def page_of(catalog: Catalog, folder: Path) -> str:
    return next(p for p in write_pages(catalog, "host", folder) if p.name == "identity.html").read_text()


def titles(page: str) -> list[str]:
    picture = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + len("</svg>")])
    return [e.text or "" for e in picture.iter(f"{SVG}title")]


def metered(catalog: Catalog) -> None:
    measured = catalog.measurements()
    rows = tuple(replace(m, energy_j=2e-3, energy_origin="modelled") for m in measured.parts)
    CatalogWriter(catalog.root).write_measurements(replace(measured, parts=rows))


def test_each_point_tells_what_it_is_in_every_panel(tmp_path: Path) -> None:
    catalog = open_catalog(build_catalog(tmp_path / "catalog"))
    metered(catalog)
    found = titles(page_of(catalog, tmp_path))
    assert len(found) == 3 * 3
    assert found[0].startswith("wide: 98.0%, ")
    assert "4 mJ; f32 by onnxruntime; on the front" in found[0]


def test_costs_that_were_not_measured_are_left_out_of_the_picture(page: str) -> None:
    assert len(titles(page)) == 2 * 3
    assert "energy was not measured" in page


def test_a_page_needs_nothing_from_elsewhere(page: str) -> None:
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    assert "<script" not in page


def test_a_page_lists_every_variant_with_what_made_it(page: str) -> None:
    rows = page.split("<tr>")[2:]
    assert [re.findall(r">([^<>]+)<", row)[:2] for row in rows] == [
        ["1", "wide"],
        ["2", "narrow"],
        ["3", "small"],
    ]
    assert all("random" in row for row in rows)


def test_the_same_catalog_gives_the_same_page(unmetered: Catalog, page: str, tmp_path: Path) -> None:
    assert page_of(unmetered, tmp_path) == page
