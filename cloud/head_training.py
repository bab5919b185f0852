"""The server's side of an order of a head: what it must be like, and what the trainer's errors mean."""

from __future__ import annotations

import asyncio
from math import isfinite
from typing import Protocol

from catalog.store import Catalog
from cloud.head_messages import TrainingCall
from cloud.limits import Limits
from cloud.refusals import BadRequest, Broken, QueueFull, TooLate, UnknownVariant, Untrainable
from specializer.errors import NotTrainable, TrainerBroke, TrainerBusy, TrainingLate
from specializer.head_trainer import HeadTrainer, TrainingOrder, TrainingResult


class HeadTraining(Protocol):
    """What a service trains heads with; belongs to the event loop."""

    async def train(self, call: TrainingCall, patience_s: float) -> TrainingResult:
        """Return the head that is ordered; cancelled before its turn, it is not trained.

        Args:
            call: checked against the limits.
            patience_s: for how long the device still waits.

        Raises:
            Refusal: there is none, and why; the message holds no path.
            HeadRejected: it was trained and is of no use.
        """


class NoTraining:
    """A server that trains no heads."""

    async def train(self, call: TrainingCall, patience_s: float) -> TrainingResult:  # noqa: ARG002
        """Refuse; see HeadTraining."""
        raise Untrainable("this server trains no heads")


class CatalogTraining:
    """Trains heads for the trunks of a catalog.

    Args:
        catalog: that is served.
        trainer: of the same catalog; whoever made it closes it.
    """

    def __init__(self, catalog: Catalog, trainer: HeadTrainer) -> None:
        self._catalog = catalog
        self._trainer = trainer

    async def train(self, call: TrainingCall, patience_s: float) -> TrainingResult:
        """Return the head that is ordered; see HeadTraining."""
        order = self._order(call, patience_s)
        try:
            return await asyncio.wrap_future(self._trainer.begin(order))
        except NotTrainable as e:
            raise Untrainable(f"no head can be trained: {e.message}") from e
        except TrainerBusy as e:
            raise QueueFull(str(e), e.retry_after_s) from e
        except TrainingLate as e:
            raise TooLate("the head was not trained in time") from e
        except TrainerBroke as e:
            raise Broken("the server failed; its log says how") from e

    def _order(self, call: TrainingCall, patience_s: float) -> TrainingOrder:
        variant = self._catalog.variants.get(call.variant)
        if (
            variant is None
            or variant.head != call.head_id
            or self._catalog.trunks[variant.trunk].parts != call.part_ids
        ):
            raise UnknownVariant(f"variant {call.variant!r}: not in this server's catalog as asked")
        return TrainingOrder(
            variant.trunk, variant.task, call.dominant, call.seed, patience_s, call.aim, call.generic_trunk
        )


def check_training_call(call: TrainingCall, limits: Limits) -> None:
    """Check an order before anything is done for it.

    Raises:
        BadRequest: naming the first rule that it breaks.
    """
    for where, name in (("request_id", call.request_id), ("variant", call.variant)):
        if not 1 <= len(name) <= limits.name_chars:
            raise BadRequest(f"{where}: {len(name)} characters: expected 1 to {limits.name_chars}")
    if len(call.generic_trunk) > limits.name_chars:
        raise BadRequest(f"generic_trunk: more than {limits.name_chars} characters")
    if not (isfinite(call.deadline_s) and call.deadline_s > 0.0):
        raise BadRequest(f"deadline_s = {call.deadline_s}: expected a positive number of seconds")
    if not 1 <= len(call.dominant) <= limits.classes or len(set(call.dominant)) != len(call.dominant):
        raise BadRequest(f"dominant: expected one or more classes, {limits.classes} at most, all different")
    aim = call.aim
    if not 0.0 < aim.skew <= 1.0:
        raise BadRequest(f"skew = {aim.skew}: expected a share above 0, at most 1")
    for where, share in (("generic_accuracy", aim.generic_accuracy), ("accuracy_loss", aim.accuracy_loss)):
        if not 0.0 <= share <= 1.0:
            raise BadRequest(f"{where} = {share}: expected a share from 0 to 1")
