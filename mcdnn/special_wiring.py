"""What specialises apps in what is being seen, built from a configuration."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from catalog.special_rates import read_special_rates
from engine.head_orders import TrainingAccount
from engine.ledger import Ledger
from engine.runtime.special_pieces import SpecialHeads
from engine.specializing import NOT_SPECIALIZING, LiveSpecializing, Specializing
from mcdnn.wiring import Setup, answering_profile
from specializer.background_trainer import BackgroundHeadTrainer
from specializer.rates_measuring import rates_by_count

_log = logging.getLogger(__name__)

_SEED = 0  # of what is checked


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
    trainer = BackgroundHeadTrainer(setup.catalog)
    head_s = float(np.median([r.train_s for r in rows]))
    account = TrainingAccount(ledger, answering_profile(setup), head_s)
    live = LiveSpecializing(setup.catalog, trainer, rates, heads, account, np.random.default_rng(_SEED))
    return OpenSpecializing(live, heads, trainer.close)


def _nothing() -> None:
    """End nothing."""
