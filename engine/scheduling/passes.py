"""Passes: a configuration whose parts do not fit the memory together runs one group after another."""

from __future__ import annotations

from collections.abc import Mapping

from engine.scheduling.problem import Option, PieceCost, memory_bytes


def passes_in_memory(
    options: Mapping[str, Option], pieces: Mapping[str, PieceCost], limit_bytes: float
) -> list[dict[str, Option]]:
    """Split a configuration into passes that each fit the memory; mostly that is one.

    An app joins the pass to which it adds the fewest bytes, so apps that share parts stay together
    and a shared part runs once; where none has room it starts another. An option that does not fit
    alone gets a pass of its own, for the runtime to refuse.
    """
    if not options:
        return []
    if memory_bytes(pieces, (p for o in options.values() for p in o.device_pieces)) <= limit_bytes:
        return [dict(options)]
    passes: list[dict[str, Option]] = []
    held: list[set[str]] = []
    for app, option in options.items():
        own = set(option.device_pieces)
        roomy = [i for i, h in enumerate(held) if memory_bytes(pieces, h | own) <= limit_bytes]
        if roomy:
            best = min(roomy, key=lambda i: memory_bytes(pieces, own - held[i]))
        else:
            best = len(passes)
            passes.append({})
            held.append(set())
        passes[best][app] = option
        held[best] |= own
    return passes
