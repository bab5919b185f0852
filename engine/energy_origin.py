"""Where figures of energy come from."""

from __future__ import annotations

from enum import StrEnum


class EnergyOrigin(StrEnum):
    """Where a figure of energy comes from; figures of different origin are never added silently."""

    MEASURED = "measured"
    MODELLED = "modelled"
    GIVEN = "given"
