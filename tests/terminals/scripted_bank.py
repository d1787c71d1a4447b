"""The bank behind readers in memory: what cardholders do there, and what it has of each payment."""

import dataclasses
import threading
from collections.abc import Callable
from datetime import datetime

from billing.drivers.base import DriverError
from billing.types import CardPresent, ReaderSnapshot, RefundSnapshot, SaleOrder, SaleSnapshot
from billing.types.terminals import SaleState

VISA = CardPresent("visa", "4242", "chip", "pin", "VISA CREDIT", "A0000000031010", "123456")
HELD = ("requires_capture", "succeeded")

# What a cardholder does; a callable is done first, while the reader waits.
Act = str | DriverError | Callable[[], None]


@dataclasses.dataclass
class Sale:
    """A payment as the bank has it."""

    external_id: str
    order: SaleOrder
    state: SaleState = "requires_terminal"
    captured_minor: int = 0
    tip_minor: int = 0
    decline_code: str = ""
    refunds: list[RefundSnapshot] = dataclasses.field(default_factory=list)
    capture_before: datetime | None = None

    @property
    def is_charged(self) -> bool:
        return self.state in HELD

    def snapshot(self) -> SaleSnapshot:
        authorized = self.order.amount_minor + self.tip_minor if self.is_charged else 0
        return SaleSnapshot(
            self.external_id,
            self.state,
            self.order.currency,
            authorized_minor=authorized,
            captured_minor=self.captured_minor,
            tip_minor=self.tip_minor,
            client_secret=f"{self.external_id}_secret_x",
            decline_code=self.decline_code,
            card=VISA if self.is_charged or self.state == "declined" else None,
            capture_before=self.capture_before,
        )


@dataclasses.dataclass
class Bank:
    """`acts` are taken one by one, and a card is approved without one.

    approve, decline, cancel · lost_before, lost_after: the line is cut before or after the card was
    approved · errors are raised, callables called while the reader waits. `write_errors` are raised
    by the next captures, voids and refunds; with `loses_answers` those are done all the same.
    """

    acts: list[Act] = dataclasses.field(default_factory=list)
    write_errors: list[DriverError] = dataclasses.field(default_factory=list)
    loses_answers: bool = False
    sales: dict[str, Sale] = dataclasses.field(default_factory=dict)
    calls: list[str] = dataclasses.field(default_factory=list)
    readers: dict[str, ReaderSnapshot] = dataclasses.field(default_factory=dict)
    finds: list[DriverError] = dataclasses.field(default_factory=list)
    tip_minor: int = 0
    stopped: set[str] = dataclasses.field(default_factory=set)
    guard: threading.RLock = dataclasses.field(default_factory=threading.RLock)

    def approve(self, sale: Sale) -> None:
        assert not sale.is_charged, "the same sale was approved twice"
        sale.state = "succeeded" if sale.order.is_captured_at_once else "requires_capture"
        sale.tip_minor = self.tip_minor if sale.order.asks_for_tip else 0
        if sale.order.is_captured_at_once:
            sale.captured_minor = sale.order.amount_minor + sale.tip_minor

    def charged(self) -> list[Sale]:
        """What is taken or held, and not all given back."""
        return [
            sale
            for sale in self.sales.values()
            if sale.is_charged
            and sum(row.amount_minor for row in sale.refunds) < max(1, sale.captured_minor)
        ]
