"""[cloud] of ENGINE.toml: what is read, what is refused by key, and what is left alone without it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.devices import DeviceProfile, RadioProfile, load_device_profile
from catalog.errors import BadInput
from catalog.jpeg_trials import JpegTrial
from catalog.store import Catalog, open_catalog
from cloud.window_encoding import PNG, jpeg
from engine.offload import ExpectedPicture, NoCloud
from engine.reachable_cloud import NO_RADIO
from mcdnn.cloud_wiring import read_cloud
from mcdnn.engine_file import CloudTable
from tests.catalog_builder import build_catalog

WIFI, LTE = RadioProfile(1e-7, 1e-7, 15.0), RadioProfile(1e-5, 1e-5, 10.0)
TWO_RADIOS = DeviceProfile("board", "made up", 1.0, 1.0, {"wifi": WIFI, "lte": LTE})


@pytest.fixture(scope="module")
def built_catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A catalog on which JPEG was never tried."""
    return open_catalog(build_catalog(tmp_path_factory.mktemp("built")))


def table(**changes: object) -> CloudTable:
    return CloudTable.model_validate({"endpoint": "localhost:50051", **changes})


def test_without_a_cloud_nothing_is_connected_and_nothing_costs(built_catalog: Catalog) -> None:
    setup = read_cloud(None, TWO_RADIOS, built_catalog)
    cloud = setup.open()
    assert isinstance(cloud.offload, NoCloud)
    assert (cloud.radio, cloud.prices.cost_usd(1.0, 1e6)) == (NO_RADIO, 0.0)


def test_prices_and_the_only_radio_of_the_device_are_taken(built_catalog: Catalog) -> None:
    setup = read_cloud(table(usd_per_s=2.0, usd_per_byte=1e-6), load_device_profile("host"), built_catalog)
    assert setup.prices.cost_usd(0.5, 1000) == pytest.approx(1.001)
    assert setup.radio == load_device_profile("host").radios["wifi"]
    wired = DeviceProfile("box", "made up", 1.0, 1.0)
    assert read_cloud(table(), wired, built_catalog).radio == NO_RADIO


def test_of_several_radios_one_has_to_be_named(built_catalog: Catalog) -> None:
    assert read_cloud(table(radio="lte"), TWO_RADIOS, built_catalog).radio == LTE
    with pytest.raises(BadInput, match=r"cloud.radio: device profile board has \['lte', 'wifi'\]"):
        read_cloud(table(), TWO_RADIOS, built_catalog)
    with pytest.raises(BadInput, match=r"cloud.radio = '5g': device profile board has \['lte', 'wifi'\]"):
        read_cloud(table(radio="5g"), TWO_RADIOS, built_catalog)


def test_what_is_wrong_is_told_before_anything_connects(built_catalog: Catalog, tmp_path: Path) -> None:
    host = load_device_profile("host")
    with pytest.raises(BadInput, match=r"cloud.endpoint 'box': expected HOST:PORT"):
        read_cloud(table(endpoint="box"), host, built_catalog)
    with pytest.raises(BadInput, match=r"none\.token"):
        read_cloud(table(token_file=str(tmp_path / "none.token")), host, built_catalog)
    token = tmp_path / "token"
    token.write_text("secret\n")
    with pytest.raises(BadInput, match="a token would travel unencrypted"):
        read_cloud(table(endpoint="box:50051", tls=False, token_file=str(token)), host, built_catalog)
    read_cloud(table(endpoint="box:50051", token_file=str(token)), host, built_catalog)
    read_cloud(table(token_file=str(token)), host, built_catalog)


def test_windows_are_encoded_as_the_configuration_says(built_catalog: Catalog) -> None:
    asked = "wide/identity"
    host = load_device_profile("host")
    expected = {
        "measured": ExpectedPicture(3.0 * 16 * 16),
        "raw-rgb": ExpectedPicture(3.0 * 16 * 16),
        "png": ExpectedPicture(PNG.expected_bytes(16)),
    }
    for encoding, picture in expected.items():
        with closing(read_cloud(table(encoding=encoding), host, built_catalog).connect()) as offload:
            assert offload.picture(asked, 16) == picture
    fixed = table(encoding="jpeg", jpeg_quality=70)
    with closing(read_cloud(fixed, host, built_catalog).connect()) as offload:
        assert offload.picture(asked, 16).size_bytes == pytest.approx(jpeg(70).expected_bytes(16))


def test_a_measured_catalog_is_asked_by_jpeg_where_its_variants_bear_it(built_catalog: Catalog) -> None:
    trials = (JpegTrial(50, 1000, 50, 0, 300.0), JpegTrial(90, 1000, 4, 1, 400.0))
    wide = replace(built_catalog.variants["wide/identity"], jpeg=trials)
    variants = tuple(wide if v.id == wide.id else v for v in built_catalog.contents.variants)
    catalog = Catalog(built_catalog.root, replace(built_catalog.contents, variants=variants))
    host = load_device_profile("host")
    with closing(read_cloud(table(), host, catalog).connect()) as offload:
        assert offload.picture("wide/identity", 16) == ExpectedPicture(pytest.approx(400.0), 0.003)
        assert offload.picture("narrow/identity", 16) == ExpectedPicture(768.0)
    with closing(read_cloud(table(encoding="jpeg", jpeg_quality=70), host, catalog).connect()) as offload:
        assert offload.picture("wide/identity", 16).accuracy_loss == pytest.approx((0.05 + 0.003) / 2)


@pytest.mark.parametrize(
    "given", [{"encoding": "jpeg"}, {"jpeg_quality": 80}, {"encoding": "png", "jpeg_quality": 8}]
)
def test_a_quality_is_given_with_jpeg_and_with_nothing_else(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match='jpeg_quality: expected with encoding = "jpeg", and with no other'):
        table(**given)
