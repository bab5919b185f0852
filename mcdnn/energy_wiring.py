"""What stands behind the joules of a run, by its configuration: a model, and a meter where there is one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from catalog.errors import MeterFailed
from catalog.meters import DeviceMeter
from catalog.meters import table as meter_table
from catalog.meters.battery import open_battery
from engine.battery_watch import BatteryWatch
from engine.energy_metering import NOT_METERED, EnergyMetering, Metering
from engine.energy_model import CorrectedModel, Correction, EnergyModel
from engine.ledger import Ledger
from engine.meter_readings import ReadingsAhead, ReadingsOnDemand
from engine.period import CHARGE
from engine.power_fit import PowerFit
from mcdnn.engine_file import EngineFile
from mcdnn.wiring import Setup, answering_profile

_log = logging.getLogger(__name__)

_READ_EVERY_S = 1.0
_LOOK_EVERY_S = 15.0


@dataclass(frozen=True, slots=True)
class OpenEnergy:
    """What a run needs.

    Args:
        metering: books what the meter counts.
        correction: by how much the profile is off.
        answering: joules of the thread that runs parts, in all the threads that they use.
        finding: joules of one thread.
        close: ends what reads the meter.
    """

    metering: Metering
    correction: Correction
    answering: EnergyModel
    finding: EnergyModel
    close: Callable[[], None]


def open_energy(setup: Setup, ledger: Ledger) -> OpenEnergy:
    """Return the model, with a meter behind it where the configuration and the machine have one."""
    correction = Correction()
    answering, finding = answering_profile(setup), setup.profile
    if setup.meter is None:
        return OpenEnergy(NOT_METERED, correction, answering, finding, _nothing)
    readings = ReadingsAhead(ReadingsOnDemand(setup.meter), _READ_EVERY_S)
    return OpenEnergy(
        _metering(setup, setup.meter, readings, ledger, correction),
        correction,
        CorrectedModel(answering, correction),
        CorrectedModel(finding, correction),
        readings.close,
    )


def _metering(
    setup: Setup, meter: DeviceMeter, readings: ReadingsAhead, ledger: Ledger, correction: Correction
) -> EnergyMetering:
    base_w, core_w = setup.profile.base_w, setup.profile.processor_w
    beside_w = unmetered_w(setup, meter)
    metered_w = max(0.0, base_w - beside_w)
    own_share = pays_own_share(setup.file)
    _log.info(
        "meter %s: counts %s, for %s; %.3g W beside it are modelled",
        meter.name,
        meter.sight.what,
        "this program alone" if own_share else "all that runs",
        beside_w,
    )
    return EnergyMetering(
        meter.name,
        meter.sight,
        readings,
        ledger,
        PowerFit(core_w, metered_w),
        correction,
        metered_w,
        beside_w,
        own_share,
    )


def pays_own_share(file: EngineFile) -> bool:
    """Tell whether what other programs took is left out of the budget."""
    return file.budget.covers == "process"


def unmetered_w(setup: Setup, meter: DeviceMeter) -> float:
    """Return the power that the meter does not see; rather too much than too little where nobody said."""
    given_w = setup.file.device.unmetered_w
    if given_w is not None:
        return given_w
    return 0.0 if meter.sight.whole_device else setup.profile.base_w


def watch_battery(setup: Setup, charged: Callable[[], None]) -> Callable[[], None]:
    """Have a budget that lasts until the battery is charged follow the battery; return what ends that.

    Without a battery only Engine.battery_charged() renews it.

    Args:
        charged: called on a thread of its own.
    """
    if setup.file.budget.period != CHARGE:
        return _nothing
    try:
        gauge = open_battery(meter_table.HERE.power_supply)
    except MeterFailed as e:
        _log.warning("the budget renews only when battery_charged() is called: %s", e)
        return _nothing
    return BatteryWatch(gauge, charged, _LOOK_EVERY_S).close


def _nothing() -> None:
    pass
