"""The way to the cloud as the scheduler sees it: what is offered, at which price, and whether now."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Sequence

from catalog.store import Catalog
from engine.clocks import Clocks
from engine.offload import ExpectedPicture, LinkState, OfferedVariant
from engine.reachable_cloud import ReachableCloud
from engine.scheduling.cloud_options import (
    CloudOffer,
    expected_link,
    with_cloud,
    without_cloud,
)
from engine.scheduling.problem import Problem

_log = logging.getLogger(__name__)

_UNLIMITED = math.inf
_NO_WAY = (False, _UNLIMITED)
_OTHER = 0.25  # change of a figure from which on options are priced anew
_OTHER_S = 0.002
_OTHER_SHARE = 0.1
_SETTLED_S = 2.0  # between two such changes: each makes the policy start over
_TRIED_AGAIN_S = 10.0  # losses count for less and less once nothing is sent
_SLOWER = 0.8  # of the expected speed: from there on what is slower now is told
_WEIGHT = 0.05  # of one exchange in what is measured of them


class CloudLink:
    """Follows one Offload; used by one thread.

    Args:
        cloud: the way to it, and what using it takes.
        catalog: of the device.
        clocks: when bytes leave is reckoned by the wall clock.
    """

    def __init__(self, cloud: ReachableCloud, catalog: Catalog, clocks: Clocks) -> None:
        self._offload = cloud.offload
        self._catalog = catalog
        self._radio = radio = cloud.radio
        self._prices = cloud.prices
        self._call_j = cloud.call_j
        self._clocks = clocks
        self._taken: CloudOffer | None = None
        self._taken_s = -_UNLIMITED
        self._mbps = _UNLIMITED
        self._tail_j = radio.tail_w * radio.tail_s
        self._up_bytes = 0.0
        self._sending_until_s = self._sent_s = -_UNLIMITED

    def now(self) -> tuple[bool, float]:
        """Return whether the cloud can be reached, and the speed where it is less than was planned with.

        What is still to be sent slows down what comes next.
        """
        if self._taken is None:
            return _NO_WAY
        state = self._offload.state()
        if not state.connected:
            return _NO_WAY
        mbps = min(_mbps(state) or self._mbps, self._mbps)
        own_s = 8e-6 * self._up_bytes / mbps
        waits_s = self._sending_until_s - self._clocks.wall_s()
        if waits_s > 0.0 and own_s > 0.0:
            mbps *= own_s / (own_s + waits_s)
        return True, mbps if mbps < _SLOWER * self._mbps else _UNLIMITED

    def came_or_went(self) -> bool:
        """Tell whether there is a listing where there was none, or the other way round."""
        return bool(self._offload.state().offered) is (self._taken is None)

    def has_changed(self) -> bool:
        """Tell whether what is offered, or what it takes, is other than what was planned with."""
        state, taken = self._offload.state(), self._taken
        if taken is None or not state.offered:
            return self.came_or_went()
        if _listed(taken.offered) != _listed(state.offered):
            return True
        if not state.connected or self._clocks.wall_s() - self._taken_s < _SETTLED_S:
            return False
        return _differ(taken, self._offer(state))

    def offer(self, problem: Problem, avoid: Collection[str]) -> Problem:
        """Return a problem with the options of the cloud as it is now.

        Args:
            problem: its options at the device stay.
            avoid: pieces that nothing that stands by may need.
        """
        state = self._offload.state()
        if (self._taken is None) is bool(state.offered):
            _log.info("the cloud lists %d variants", len(state.offered))
        if not state.offered:
            self._taken = None
            return without_cloud(problem)
        offer = self._taken = self._offer(state)
        self._taken_s = self._clocks.wall_s()
        self._mbps = offer.link.mbps
        return with_cloud(problem, self._catalog, offer, avoid)

    def send(self, up_bytes: int) -> tuple[float, float]:
        """Note that bytes are to be sent now; return when that should begin and end, on the wall clock."""
        self._sent_s = self._clocks.wall_s()
        self._up_bytes += (_WEIGHT if self._up_bytes else 1.0) * (up_bytes - self._up_bytes)
        begins_s = max(self._sent_s, self._sending_until_s)
        self._sending_until_s = begins_s + 8e-6 * up_bytes / self._mbps
        return begins_s, self._sending_until_s

    def exchanged(self, tail_j: float) -> None:
        """Note what the tails of an exchange took."""
        self._tail_j += _WEIGHT * (tail_j - self._tail_j)

    def _offer(self, state: LinkState) -> CloudOffer:
        link = expected_link(
            self._radio, state.round_trip_s + state.queue_s, _mbps(state), self._tail_j + self._call_j
        )
        return CloudOffer(
            state.offered, link, self._lost_share(state), self._prices, self._pictures(state.offered)
        )

    def _pictures(self, offered: Sequence[OfferedVariant]) -> dict[str, ExpectedPicture]:
        known = self._catalog.variants
        sizes = {v.id: self._catalog.trunks[known[v.id].trunk].size_px for v in offered if v.id in known}
        return {v: self._offload.picture(v, size_px) for v, size_px in sizes.items()}

    def _lost_share(self, state: LinkState) -> float:
        """Return the share that is expected to be lost.

        A cloud that is not asked because too much was lost would never be asked again: so what was
        lost is forgotten while nothing is sent.
        """
        since_s = self._clocks.wall_s() - self._sent_s
        return min(1.0, state.lost_share) * math.exp(-since_s / _TRIED_AGAIN_S)


def _mbps(state: LinkState) -> float | None:
    """Return the measured speed; None where it is not known."""
    return 8e-6 * state.up_bytes_per_s if math.isfinite(state.up_bytes_per_s) else None


def _differ(taken: CloudOffer, now: CloudOffer) -> bool:
    """Tell whether two offers of the same variants differ by enough to plan again."""
    before, after = taken.link, now.link
    return (
        _moved(before.round_trip_s, after.round_trip_s, _OTHER_S)
        or _moved(before.mbps, after.mbps, 0.0)
        or _moved(before.exchange_j, after.exchange_j, 0.0)
        or abs(taken.lost_share - now.lost_share) > _OTHER_SHARE
        or any(_moved(taken.pictures[v].size_bytes, p.size_bytes, 0.0) for v, p in now.pictures.items())
        or any(_other_time(a, b) for a, b in zip(taken.offered, now.offered, strict=True))
    )


def _listed(offered: tuple[OfferedVariant, ...]) -> list[tuple[str, tuple[str, ...], str]]:
    return [(v.id, v.part_ids, v.head_id) for v in offered]


def _other_time(before: OfferedVariant, after: OfferedVariant) -> bool:
    if before.run_s is None or after.run_s is None:
        return before.run_s is not after.run_s
    return _moved(before.run_s, after.run_s, _OTHER_S)


def _moved(before: float, after: float, least: float) -> bool:
    if math.isinf(before) or math.isinf(after):
        return before != after
    return abs(after - before) > max(least, _OTHER * before)
