"""The compression techniques by name: what a task file may ask for."""

from __future__ import annotations

from collections.abc import Callable

from catalog.transforms.bf16 import bf16, hindrance_here
from catalog.transforms.deep_compress import deep_compress
from catalog.transforms.drop_blocks import drop_blocks
from catalog.transforms.int8 import int8
from catalog.transforms.int8_whole import int8_whole
from catalog.transforms.lowrank import lowrank
from catalog.transforms.prune import prune, prune_weights
from catalog.transforms.recipe import Technique
from catalog.transforms.scale import scaled
from catalog.transforms.soft_pruning import asymptotic_prune, soft_prune
from catalog.transforms.tucker import tucker

TECHNIQUES: dict[str, Technique] = {
    "scale": scaled,
    "prune": prune,
    "prune-weights": prune_weights,
    "soft-prune": soft_prune,
    "asymptotic-prune": asymptotic_prune,
    "drop-blocks": drop_blocks,
    "lowrank": lowrank,
    "tucker": tucker,
    "deep-compress": deep_compress,
    "int8": int8,
    "int8-whole": int8_whole,
    "bf16": bf16,
}

# Techniques that some machines cannot run, with what says why.
MACHINE_NEEDS: dict[str, Callable[[], str | None]] = {"bf16": hindrance_here}

# What is tried where nothing is said: of alternatives one, and nothing that makes only files smaller.
DEFAULT_TECHNIQUES = ("scale", "prune", "lowrank", "int8", "bf16")
