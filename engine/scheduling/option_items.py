"""What an option pays for, item by item: pieces at the device, trunks in the cloud, exchanges with it."""

from __future__ import annotations

from typing import NamedTuple

from engine.scheduling.problem import Option, Place, Problem


class Item(NamedTuple):
    """Something that is paid once a window."""

    what: str  # "piece", "cloud" or "exchange"
    key: object


def items_of(
    problem: Problem, option: Option, context: str
) -> dict[Item, tuple[float, tuple[float, float, float]]]:
    """Return everything that an option pays for, with its probability and its cost when it runs."""
    found: dict[Item, tuple[float, tuple[float, float, float]]] = {}
    before: tuple[str, ...] = ()
    for stage, probability in zip(option.stages, option.probabilities_in(context), strict=True):
        if stage.place is Place.DEVICE:
            for piece in stage.pieces:
                cost, item = problem.pieces[piece], Item("piece", piece)
                likely = max(probability, found[item][0]) if item in found else probability
                found[item] = (likely, (cost.run_energy_j, 0.0, cost.run_s))
            before += stage.parts
            continue
        found[Item("cloud", stage.parts)] = (probability, (0.0, stage.cost_usd, 0.0))
        exchange_j = problem.link.energy_j(stage.up_bytes, stage.down_bytes)
        found[Item("exchange", before)] = (probability, (exchange_j, 0.0, 0.0))
    if option.standby is not None:
        for piece in option.standby.pieces:
            cost = problem.pieces[piece]
            item = Item("piece", piece)
            planned = found[item][0] if item in found else 0.0
            found[item] = (max(planned, option.standby.probability), (cost.run_energy_j, 0.0, cost.run_s))
    return found
