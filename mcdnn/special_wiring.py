"""What specialises apps in what is being seen, built from a configuration."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from catalog.special_rates import read_special_rates
from engine.head_orders import TrainingAccount
from engine.ledger import Ledger
from engine.runtime.special_pieces import SpecialHeads
from engine.scheduling.problem import Budget
from engine.specializing import NOT_SPECIALIZING, LiveSpecializing, Specializing
from mcdnn.wiring import Setup, answering_profile
from specializer.background_trainer import BackgroundHeadTrainer
from specializer.head_trainer import HeadTrainer
from specializer.placed_trainer import PlacedHeadTrainer
from specializer.rates_measuring import rates_by_count
from specializer.training_place import TrainingPrices

_log = logging.getLogger(__name__)

_SEED = 0  # of what is checked
_BEYOND_MONEY = 1e9  # dollars a joule


@dataclass(frozen=True, slots=True)
class OpenSpecializing:
    """What a run needs.

    Args:
        heads: that its memory may load.
        close: ends what trains.
    """

    specializing: Specializing
    heads: SpecialHeads
    close: Callable[[], None]


def open_specializing(setup: Setup, ledger: Ledger) -> OpenSpecializing:
    """Return what keeps specialised heads, or what does nothing where the configuration wants none.

    Raises:
        CatalogError: what was measured of heads is damaged.
    """
    heads = SpecialHeads()
    if not setup.file.specialize:
        return OpenSpecializing(NOT_SPECIALIZING, heads, _nothing)
    rows = read_special_rates(setup.catalog.root).rows
    variants = setup.catalog.variants.values()
    found = {v.id: rates_by_count(rows, v.trunk, v.task) for v in variants}
    rates = {variant: known for variant, known in found.items() if known is not None}
    if not rates:
        _log.warning(
            "specialize: %s does not say how specialised heads do, or none pays: mcdnn catalog specialize %s",
            setup.catalog.root,
            setup.catalog.root,
        )
        return OpenSpecializing(NOT_SPECIALIZING, heads, _nothing)
    prices = training_prices(setup, ledger.budget)
    trainer = head_trainer(setup, prices)
    head_s = float(np.median([r.train_s for r in rows]))
    account = TrainingAccount(ledger, prices, head_s)
    live = LiveSpecializing(setup.catalog, trainer, rates, heads, account, np.random.default_rng(_SEED))
    return OpenSpecializing(live, heads, trainer.close)


def head_trainer(setup: Setup, prices: TrainingPrices) -> HeadTrainer:
    """Return what trains here or, where a server is configured, at the cheaper of both places.

    Args:
        prices: of both.
    """
    here = BackgroundHeadTrainer(setup.catalog)
    make = setup.cloud.trainer
    return here if make is None else PlacedHeadTrainer(here, make(), prices)


def training_prices(setup: Setup, budget: Budget) -> TrainingPrices:
    """Return what training a head takes from the device's budgets, here and at a configured server."""
    cloud = setup.cloud
    prices = cloud.prices
    return TrainingPrices(
        answering_profile(setup), cloud.radio, prices.usd_per_s, prices.usd_per_byte, _usd_per_j(budget)
    )


def _usd_per_j(budget: Budget) -> float:
    """Return what a joule is worth: both budgets are taken to be worth the same, one without end nothing."""
    if math.isinf(budget.energy_j):
        return 0.0 if math.isfinite(budget.cost_usd) else 1.0
    if math.isinf(budget.cost_usd) or not budget.energy_j:
        return _BEYOND_MONEY
    return budget.cost_usd / budget.energy_j


def _nothing() -> None:
    """End nothing."""
