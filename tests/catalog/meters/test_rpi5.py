"""Parsing what a Raspberry Pi 5 prints; channels of a rail share its name, not their number."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from catalog.errors import MeterFailed
from catalog.meters.rpi5 import Rpi5Meter, open_rpi5, rails_power_w

# The format of `vcgencmd pmic_read_adc`, with round figures: 3.7 * .1 + 1.8 * .2 + .9 * 2 = 2.53 W.
PRINTED = """ 3V7_WL_SW_A current(0)=0.10000000A
   1V8_SYS_A current(2)=0.20000000A
  VDD_CORE_A current(7)=2.00000000A
 3V7_WL_SW_V volt(8)=3.70000000V
   1V8_SYS_V volt(10)=1.80000000V
  VDD_CORE_V volt(15)=0.90000000V
     EXT5V_V volt(24)=5.09066000V
      BATT_V volt(25)=0.00000000V
"""


def test_rails_with_current_and_voltage_add_up() -> None:
    assert rails_power_w(PRINTED) == pytest.approx(2.53)


@pytest.mark.parametrize("printed", ["", "Command not registered\n", "EXT5V_V volt(24)=5.09V\n"])
def test_what_names_no_rail_is_no_reading(printed: str) -> None:
    with pytest.raises(MeterFailed, match="names no rail with a current and a voltage"):
        rails_power_w(printed)


def test_what_is_no_number_is_no_reading() -> None:
    with pytest.raises(MeterFailed, match=r"VDD_CORE_A = '2\.0\.0': holds no number"):
        rails_power_w(PRINTED.replace("2.00000000A", "2.0.0A"))
    times_s = iter([0.0, 1.0])
    with pytest.raises(MeterFailed, match="a power of nan W"):
        Rpi5Meter(lambda: PRINTED.replace("2.00000000A", "nanA"), lambda: next(times_s)).read_j()


def command(folder: Path, body: str) -> str:
    """Put a program in the place of vcgencmd."""
    program = folder / "vcgencmd"
    program.write_text(f'#!/bin/sh\n[ "$1" = pmic_read_adc ] || exit 64\n{body}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def test_the_firmware_is_asked_and_power_integrated(tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    printed.write_text(PRINTED)
    asked = command(tmp_path, f"cat {printed}")
    meter = open_rpi5(asked)
    first_j = meter.read_j()
    assert first_j == 0.0
    assert meter.read_j() > 0.0


def test_a_firmware_that_may_not_be_asked_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(MeterFailed, match="vcgencmd is not there: only a Raspberry Pi 5"):
        open_rpi5(str(tmp_path / "vcgencmd"))
    asked = command(tmp_path, "echo 'VCHI initialization failed' >&2; exit 255")
    with pytest.raises(MeterFailed, match="VCHI initialization failed: only a user of the group video"):
        open_rpi5(asked)
