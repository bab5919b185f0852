"""What the processor of this machine is, and which arithmetic it has."""

from __future__ import annotations

import os
import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
# Products of bfloat16 in hardware: AVX-512 and AMX (x86), the bf16 extension (ARM).
_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16", "svebf16"})
# What makes models several times as fast on one processor as on another of the same name.
_TELLING = (
    ("AVX-512", frozenset({"avx512f"})),
    ("int8 products", frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})),
    ("bf16 products", _BF16_FLAGS),
)


def has_bf16(cpuinfo: Path = CPUINFO) -> bool:
    """Tell whether the processor multiplies bfloat16 in hardware; False where it cannot be told."""
    return not _BF16_FLAGS.isdisjoint(_flags(cpuinfo))


def describe_machine(cpuinfo: Path = CPUINFO) -> str:
    """Return processor, usable cores, system and special arithmetic as one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = _values(cpuinfo, ("model name",))
    name = names[0] if names else platform.processor() or "unknown processor"
    found = _flags(cpuinfo)
    has = "".join(f", {what}" for what, flags in _TELLING if not flags.isdisjoint(found))
    return f"{name}, {cores} cores, {platform.system()} {platform.machine()}{has}"


def _flags(cpuinfo: Path) -> set[str]:
    return {flag for line in _values(cpuinfo, ("flags", "Features")) for flag in line.split()}


def _values(cpuinfo: Path, keys: tuple[str, ...]) -> list[str]:
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    pairs = [line.partition(":") for line in lines]
    return [value.strip() for key, _, value in pairs if key.strip() in keys]
