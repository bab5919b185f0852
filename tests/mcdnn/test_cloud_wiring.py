"""[cloud] of ENGINE.toml: what is read, what is refused by key, and what is left alone without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.devices import DeviceProfile, RadioProfile, load_device_profile
from catalog.errors import BadInput
from engine.offload import NoCloud
from engine.reachable_cloud import NO_RADIO
from mcdnn.cloud_wiring import read_cloud
from mcdnn.engine_file import CloudTable

WIFI, LTE = RadioProfile(1e-7, 1e-7, 15.0), RadioProfile(1e-5, 1e-5, 10.0)
TWO_RADIOS = DeviceProfile("board", "made up", 1.0, 1.0, {"wifi": WIFI, "lte": LTE})


def table(**changes: object) -> CloudTable:
    return CloudTable.model_validate({"endpoint": "localhost:50051", **changes})


def test_without_a_cloud_nothing_is_connected_and_nothing_costs() -> None:
    setup = read_cloud(None, TWO_RADIOS)
    cloud = setup.open()
    assert isinstance(cloud.offload, NoCloud)
    assert (cloud.radio, cloud.prices.cost_usd(1.0, 1e6)) == (NO_RADIO, 0.0)


def test_prices_and_the_only_radio_of_the_device_are_taken() -> None:
    setup = read_cloud(table(usd_per_s=2.0, usd_per_byte=1e-6), load_device_profile("host"))
    assert setup.prices.cost_usd(0.5, 1000) == pytest.approx(1.001)
    assert setup.radio == load_device_profile("host").radios["wifi"]
    wired = DeviceProfile("box", "made up", 1.0, 1.0)
    assert read_cloud(table(), wired).radio == NO_RADIO


def test_of_several_radios_one_has_to_be_named() -> None:
    assert read_cloud(table(radio="lte"), TWO_RADIOS).radio == LTE
    with pytest.raises(BadInput, match=r"cloud.radio: device profile board has \['lte', 'wifi'\]"):
        read_cloud(table(), TWO_RADIOS)
    with pytest.raises(BadInput, match=r"cloud.radio = '5g': device profile board has \['lte', 'wifi'\]"):
        read_cloud(table(radio="5g"), TWO_RADIOS)


def test_what_is_wrong_is_told_before_anything_connects(tmp_path: Path) -> None:
    host = load_device_profile("host")
    with pytest.raises(BadInput, match=r"cloud.endpoint 'box': expected HOST:PORT"):
        read_cloud(table(endpoint="box"), host)
    with pytest.raises(BadInput, match=r"none\.token"):
        read_cloud(table(token_file=str(tmp_path / "none.token")), host)
    token = tmp_path / "token"
    token.write_text("secret\n")
    with pytest.raises(BadInput, match="a token would travel unencrypted"):
        read_cloud(table(endpoint="box:50051", tls=False, token_file=str(token)), host)
    read_cloud(table(endpoint="box:50051", token_file=str(token)), host)
    read_cloud(table(token_file=str(token)), host)
