"""The compression techniques by name: what a task file may ask for."""

from __future__ import annotations

from catalog.transforms.bf16 import bf16
from catalog.transforms.int8 import int8
from catalog.transforms.lowrank import lowrank
from catalog.transforms.recipe import Technique
from catalog.transforms.scale import scaled
from catalog.transforms.tucker import tucker

TECHNIQUES: dict[str, Technique] = {
    "scale": scaled,
    "lowrank": lowrank,
    "tucker": tucker,
    "int8": int8,
    "bf16": bf16,
}
