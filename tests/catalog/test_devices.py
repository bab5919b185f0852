from __future__ import annotations

from pathlib import Path

import pytest

from catalog.devices import RadioProfile, load_device_profile, parse_device_profile, shipped_profiles
from catalog.errors import BadInput

WHOLE = """
name = "box"
source = "a meter"
base_w = 1.5
processor_w = 4

[radio.wifi]
up_j_per_byte = 1e-7
down_j_per_byte = 2e-7
mbps = 20
tail_w = 0.5
tail_s = 2.0
"""


def changed(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new)


def test_a_profile_is_read_with_its_radios() -> None:
    profile = parse_device_profile(WHOLE, "here")
    assert (profile.name, profile.source, profile.base_w) == ("box", "a meter", 1.5)
    assert profile.processor_energy_j(2.5) == 10.0
    assert profile.radios == {"wifi": RadioProfile(1e-7, 2e-7, 20.0, 0.5, 2.0)}


def test_tails_and_radios_may_be_left_out() -> None:
    assert (
        parse_device_profile(changed("tail_w = 0.5\ntail_s = 2.0\n", ""), "here").radios["wifi"].tail_s == 0.0
    )
    assert parse_device_profile(WHOLE.split("[radio")[0], "here").radios == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("base_w = ", "here: "),
        (changed("base_w = 1.5", ""), "here: base_w = None: expected a number of at least 0"),
        (changed("1.5", "-1.5"), "here: base_w = -1.5"),
        (changed("1.5", "inf"), "here: base_w = inf"),
        (changed("1.5", "nan"), "here: base_w = nan"),
        (changed("1.5", "true"), "here: base_w = True"),
        (changed("1.5", '"1.5"'), "here: base_w = '1.5'"),
        (changed('name = "box"', ""), "here: name = None: expected a text"),
        (changed('"a meter"', "3"), "here: source = 3: expected a text"),
        (changed("base_w", "idle_w"), r"here: unknown keys \['idle_w'\]: known are name, source, base_w"),
        (changed("mbps = 20", ""), r"here: radio\.wifi: mbps = None"),
        (changed("tail_w", "tail_watt"), r"here: radio\.wifi: unknown keys \['tail_watt'\]: known are up_j"),
        (WHOLE.split("[radio")[0] + "radio = 3", "here: radio = 3: expected a table"),
        (WHOLE.split("[radio")[0] + "[radio]\nwifi = 3", r"here: radio\.wifi = 3: expected a table"),
    ],
)
def test_a_profile_that_is_wrong_is_told_with_place_and_key(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        parse_device_profile(text, "here")


def test_the_shipped_profiles_can_be_loaded() -> None:
    assert {"host", "tegra-k1"} <= set(shipped_profiles())
    for name in shipped_profiles():
        profile = load_device_profile(name)
        assert profile.name == name
        assert profile.base_w < profile.processor_w
        assert profile.source


def test_a_profile_is_loaded_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "box.toml"
    path.write_text(WHOLE)
    assert load_device_profile(str(path)).name == "box"
    path.write_text("base_w = x")
    with pytest.raises(BadInput, match=str(path)):
        load_device_profile(str(path))
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match=f"{path}: cannot be read as text"):
        load_device_profile(str(path))


def test_a_profile_that_is_not_there_is_told_with_the_shipped_ones() -> None:
    with pytest.raises(BadInput, match=r"'nokia': expected one of .*tegra-k1.* or the path"):
        load_device_profile("nokia")
