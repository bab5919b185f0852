"""What exchanges with the cloud are charged: radio and money, held before and settled after."""

from __future__ import annotations

from dataclasses import dataclass

from engine.clocks import Clocks
from engine.cloud_link import CloudLink
from engine.exchanges import Exchange
from engine.ledger import Category, Ledger
from engine.offload import OffloadAnswer, Upkeep
from engine.radio_tail import TailRadio
from engine.reachable_cloud import ReachableCloud
from engine.reservations import Refusal, Reservation


@dataclass(slots=True)
class Bill:
    """One exchange's open bill.

    Args:
        held: for radio and money.
        worst_usd: of that, money.
        sent_bytes: as far as is known; 0 before anything is sent.
        tail_j: energy of sending beside that of the bytes.
    """

    held: Reservation
    worst_usd: float
    sent_bytes: int = 0
    tail_j: float = 0.0


class ExchangeAccounts:
    """Keeps the bills of one device.

    Args:
        cloud: what using it takes.
        link: when bytes leave, and told what tails take.
        ledger: holds and settles.
        clocks: when what is not an exchange went to and fro is reckoned by the wall clock.
    """

    def __init__(self, cloud: ReachableCloud, link: CloudLink, ledger: Ledger, clocks: Clocks) -> None:
        self._clocks = clocks
        self._kept_up = Upkeep()
        self._kept_up_s = clocks.wall_s()
        self._radio = cloud.radio
        self._tail = TailRadio(cloud.radio)
        self._prices = cloud.prices
        self._call_j = cloud.call_j
        self._link = link
        self._ledger = ledger

    def hold(self, exchange: Exchange, now: float) -> Bill | Refusal:
        """Hold the worst case: the call, two whole tails, the bytes, and the expected price."""
        radio = self._radio
        worst_j = self._call_j + 2.0 * radio.tail_w * radio.tail_s
        worst_j += exchange.up_bytes * radio.up_j_per_byte + exchange.down_bytes * radio.down_j_per_byte
        held = self._ledger.reserve(worst_j, exchange.worst_usd, now)
        return held if isinstance(held, Refusal) else Bill(held, exchange.worst_usd)

    def drop(self, bill: Bill, now: float) -> None:
        """Charge nothing: it was not sent."""
        self._ledger.settle(bill.held, 0.0, now, category=Category.RADIO)

    def send(self, bill: Bill, up_bytes: int) -> None:
        """Note that an exchange begins now."""
        bill.sent_bytes = up_bytes
        bill.tail_j = self._tail.up_j(*self._link.send(up_bytes), 0)

    def pay(self, bill: Bill, answer: OffloadAnswer, arrived_s: float, now: float) -> tuple[float, float]:
        """Settle an exchange that was answered; return its energy (J), the call's included, and its price.

        Args:
            arrived_s: when the answer was there, on the wall clock.
            now: time on the source's clock.
        """
        radio = self._radio
        began_s = arrived_s - 8e-6 * answer.down_bytes / radio.mbps
        tail_j = bill.tail_j + self._tail.down_j(began_s, arrived_s, 0)
        self._link.exchanged(tail_j)
        bytes_j = answer.up_bytes * radio.up_j_per_byte + answer.down_bytes * radio.down_j_per_byte
        cost_usd = self._prices.cost_usd(answer.execution_s, answer.up_bytes + answer.down_bytes)
        self._ledger.settle(bill.held, tail_j + bytes_j, now, cost_usd, Category.RADIO)
        self._ledger.charge(Category.EXECUTION, self._call_j, now)
        return self._call_j + tail_j + bytes_j, cost_usd

    def pay_upkeep(self, upkeep: Upkeep, now: float) -> None:
        """Charge what went to and fro beside exchanges since the last call, taken as evenly spread.

        Args:
            upkeep: since the start.
            now: time on the source's clock.
        """
        before, began_s = self._kept_up, self._kept_up_s
        self._kept_up, self._kept_up_s = upkeep, self._clocks.wall_s()
        calls = upkeep.calls - before.calls
        up_bytes, down_bytes = upkeep.up_bytes - before.up_bytes, upkeep.down_bytes - before.down_bytes
        if not (calls or down_bytes):
            return
        radio_j = up_bytes * self._radio.up_j_per_byte + down_bytes * self._radio.down_j_per_byte
        for number in range(1, calls + 1):
            at_s = began_s + number / calls * (self._kept_up_s - began_s)
            radio_j += self._tail.up_j(at_s, at_s, 0)
        cost_usd = self._prices.cost_usd(0.0, up_bytes + down_bytes)
        self._ledger.charge(Category.LINK, radio_j + calls * self._call_j, now, cost_usd)

    def pay_unanswered(self, bill: Bill, may_have_run: bool, now: float) -> None:
        """Settle an exchange without an answer: what was sent, and what may have run, is paid for."""
        radio_j = bill.tail_j + bill.sent_bytes * self._radio.up_j_per_byte
        cost_usd = bill.worst_usd if may_have_run and bill.sent_bytes else 0.0
        self._ledger.settle(bill.held, radio_j, now, cost_usd, Category.RADIO)
        if bill.sent_bytes:
            self._ledger.charge(Category.EXECUTION, self._call_j, now)
