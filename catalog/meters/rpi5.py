"""The power management chip of a Raspberry Pi 5, which measures the rails that it makes."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable

from catalog.errors import MeterFailed
from catalog.meters.power_integral import PowerIntegral
from catalog.meters.protocol import Sight

_SUBCOMMAND = "pmic_read_adc"
_TIMEOUT_S = 5.0
# "  VDD_CORE_A current(7)=0.75012000A", or "VDD_CORE_V volt(15)=0.87V"; the number is that of the channel.
_CHANNEL = re.compile(r"(\S+)_([AV])\s+(?:current|volt)\(\d+\)=(\S+)\2(?:\s|$)")


class Rpi5Meter:
    """Integrates the power of all rails whose current and voltage the chip measures.

    What it does not see: the 5 V that goes straight to USB (a USB camera, say) and to what sits on the
    header, and what is lost in making the rails. Sampled, not counted: what happens between two
    samples is taken to lie between them.

    Args:
        read: returns what `vcgencmd pmic_read_adc` prints.
        clock: monotonic.
    """

    name = "rpi5"
    origin = "measured"
    sight = Sight("the board's rails, without USB and the header's 5 V", whole_device=False, radio=True)

    def __init__(self, read: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._count = PowerIntegral(lambda: rails_power_w(read()), clock)

    def read_j(self) -> float:
        """Return the joules since the meter was made; see Meter."""
        return self._count.read_j()


def rails_power_w(printed: str) -> float:
    """Return the power of all rails that have both a current and a voltage.

    Args:
        printed: by `vcgencmd pmic_read_adc`; channels of one rail share its name, not their number.

    Raises:
        MeterFailed: there is no such rail, or one has no number.
    """
    amperes: dict[str, float] = {}
    volts: dict[str, float] = {}
    for rail, unit, number in _CHANNEL.findall(printed):
        try:
            (amperes if unit == "A" else volts)[rail] = float(number)
        except ValueError as e:
            raise MeterFailed(f"{_SUBCOMMAND}: {rail}_{unit} = {number!r}: holds no number") from e
    rails = amperes.keys() & volts.keys()
    if not rails:
        raise MeterFailed(f"{_SUBCOMMAND} names no rail with a current and a voltage")
    return sum(amperes[r] * volts[r] for r in rails)


def open_rpi5(vcgencmd: str = "vcgencmd") -> Rpi5Meter:
    """Return the meter of this board.

    Raises:
        MeterFailed: this is no Raspberry Pi 5, or its firmware may not be asked; with the remedy.
    """
    command = (vcgencmd, _SUBCOMMAND)
    rails_power_w(read_pmic(command))
    return Rpi5Meter(lambda: read_pmic(command))


def read_pmic(command: tuple[str, ...]) -> str:
    """Ask the firmware of this board.

    Raises:
        MeterFailed: it does not answer, or not as a Raspberry Pi 5 would.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except FileNotFoundError as e:
        raise MeterFailed(f"{command[0]} is not there: only a Raspberry Pi 5 has this meter") from e
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as e:
        raise MeterFailed(f"{command[0]}: {e}") from e
    if done.returncode:
        why = (done.stderr or done.stdout).strip().partition("\n")[0]
        raise MeterFailed(f"{' '.join(command)}: {why}: only a user of the group video may ask the firmware")
    return done.stdout
