"""Meters of energy: tiny classes, one a way of knowing; all count joules from a start of their own.

May import the rest of catalog's values; what an optional package is needed for is imported when asked.
"""

from __future__ import annotations

from catalog.meters.processor_time import ProcessorTimeMeter
from catalog.meters.protocol import DeviceMeter, Meter, Sight
from catalog.meters.table import METERS, MeterPlaces, open_device_meter, open_meter

__all__ = [
    "METERS",
    "DeviceMeter",
    "Meter",
    "MeterPlaces",
    "ProcessorTimeMeter",
    "Sight",
    "open_device_meter",
    "open_meter",
]
