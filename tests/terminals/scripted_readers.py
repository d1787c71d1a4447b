"""Readers in memory: they do what they are told, and their bank remembers everything.

Real terminal services are tried over HTTP, in the drivers' own tests and in tests/contract.
"""

import dataclasses
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.utils import timezone

from billing.drivers.base import (
    Capabilities,
    DriverError,
    DriverRejected,
    ObjectMissing,
    OutcomeUnknown,
)
from billing.drivers.no_terminals import NoTerminals
from billing.enums import Provider, RefundStatus
from billing.types import (
    ChargeSnapshot,
    ReaderRef,
    ReaderSnapshot,
    RefundSnapshot,
    SaleOrder,
    SaleSnapshot,
)
from tests.terminals.scripted_bank import Bank, Sale

LOST = OutcomeUnknown("API_ERROR", detail="timeout")
_BLOCKING_ABSENT_AFTER = timedelta(seconds=205)
_ABSENT_AFTER = timedelta(seconds=90)


class ScriptedReaders(NoTerminals):
    """What readers of both kinds have in common."""

    name: ClassVar[Provider]
    capabilities: ClassVar[Capabilities]

    def __init__(self) -> None:
        self.bank = Bank()

    # --- Readers ---------------------------------------------------------------------------------

    def terminal_account(self, organization_id: UUID) -> UUID | None:
        self.bank.calls.append("terminal_account")
        return None

    def retrieve_reader(self, reader: ReaderRef) -> ReaderSnapshot:
        self.bank.calls.append("retrieve_reader")
        try:
            return self.bank.readers[reader.external_id]
        except KeyError:
            raise ObjectMissing("INVALID_REQUEST") from None

    def list_readers(self, account_id: UUID | None) -> tuple[ReaderSnapshot, ...]:
        self.bank.calls.append("list_readers")
        return tuple(self.bank.readers.values())

    # --- Sales -----------------------------------------------------------------------------------

    def find_sale(
        self, order: SaleOrder, *, sent_at: datetime | None, now: datetime
    ) -> SaleSnapshot | None:
        self.bank.calls.append("find_sale")
        if self.bank.finds:
            raise self.bank.finds.pop(0)
        sale = self._sale(order)
        if sale is not None:
            return sale.snapshot()
        if sent_at is not None and now - sent_at < self.absent_after:
            raise LOST
        return None

    def capture_sale(
        self, order: SaleOrder, *, amount_minor: int, idempotency_key: str
    ) -> SaleSnapshot:
        with self.bank.guard:
            sale = self._written("capture_sale", order)
            if sale.state == "requires_capture":
                sale.state, sale.captured_minor = "succeeded", amount_minor
            elif sale.state != "succeeded":
                raise DriverRejected("INVALID_REQUEST", detail=sale.state)
            return self._answer(sale)

    def void_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        with self.bank.guard:
            sale = self._written("void_sale", order)
            if sale.state == "succeeded":
                raise DriverRejected("INVALID_REQUEST", detail="captured")
            sale.state = "canceled"
            return self._answer(sale)

    # --- Money back ------------------------------------------------------------------------------

    def retrieve_payment(self, external_payment_id: str) -> ChargeSnapshot:
        sale = self.bank.sales.get(external_payment_id)
        if sale is None:
            raise ObjectMissing("INVALID_REQUEST")
        return ChargeSnapshot(
            self.name,
            f"ch_{sale.external_id}",
            sale.external_id,
            refunds=tuple(sale.refunds),
            captured_minor=sale.captured_minor,
            currency=sale.order.currency,
        )

    def refund_payment(
        self,
        external_payment_id: str,
        *,
        amount_minor: int,
        reason: str,
        reference: str,
        idempotency_key: str,
    ) -> RefundSnapshot:
        sale = self.bank.sales[external_payment_id]
        self.bank.calls.append("refund_payment")
        if self.bank.write_errors and not self.bank.loses_answers:
            raise self.bank.write_errors.pop(0)
        row = RefundSnapshot(
            f"re_{reference}",
            RefundStatus.SUCCEEDED,
            amount_minor,
            sale.order.currency,
            timezone.now(),
            reference=reference,
        )
        sale.refunds.append(row)
        self._answer(sale)
        return row

    # --- Inside ----------------------------------------------------------------------------------

    absent_after: ClassVar[timedelta]

    def _sale(self, order: SaleOrder) -> Sale | None:
        raise NotImplementedError

    def _act(self) -> str:
        while self.bank.acts:
            act = self.bank.acts.pop(0)
            if isinstance(act, DriverError):
                raise act
            if isinstance(act, str):
                return act
            act()
        return "approve"

    def _written(self, name: str, order: SaleOrder) -> Sale:
        self.bank.calls.append(name)
        if self.bank.write_errors and not self.bank.loses_answers:
            raise self.bank.write_errors.pop(0)
        sale = self._sale(order) or self.bank.sales.get(order.external_id)
        if sale is None:
            raise ObjectMissing("INVALID_REQUEST")
        return sale

    def _answer(self, sale: Sale) -> SaleSnapshot:
        if self.bank.write_errors:
            raise self.bank.write_errors.pop(0)
        return sale.snapshot()


class WaitingReaders(ScriptedReaders):
    """Readers whose starter waits for the card: CardConnect's kind."""

    name = Provider.CARDCONNECT
    capabilities = Capabilities(
        hosted_checkout=False,
        signed_webhooks=False,
        subscriptions=False,
        mirror=False,
        payment_methods=False,
        portal=False,
        terminals=True,
        blocking_readers=True,
    )
    absent_after = _BLOCKING_ABSENT_AFTER

    def run_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        self.bank.calls.append("run_sale")
        external_id = f"cc_pay_{order.reference}"
        assert external_id not in self.bank.sales, "the same reference was sent twice"
        act = self._act()
        sale = Sale(external_id, order)
        if order.reference in self.bank.stopped:
            act = "cancel"
        if act == "lost_before":
            raise LOST
        self.bank.sales[external_id] = sale
        if act in ("approve", "lost_after"):
            self.bank.approve(sale)
        elif act == "decline":
            sale.state, sale.decline_code = "declined", "insufficient_funds"
        else:
            sale.state = "canceled"
        if act == "lost_after":
            raise LOST
        return sale.snapshot()

    def stop_sale(self, order: SaleOrder) -> None:
        self.bank.calls.append("stop_sale")
        self.bank.stopped.add(order.reference)

    def _sale(self, order: SaleOrder) -> Sale | None:
        return self.bank.sales.get(f"cc_pay_{order.reference}")


class ToldReaders(ScriptedReaders):
    """Readers that are told and report later: Stripe's kind. `hold_card` holds a card to one."""

    name = Provider.STRIPE
    capabilities = dataclasses.replace(
        WaitingReaders.capabilities, signed_webhooks=True, blocking_readers=False, reader_sdk=True
    )
    absent_after = _ABSENT_AFTER

    def open_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        sale = self._written("open_sale", dataclasses.replace(order, external_id=""), new=True)
        return self._answer(sale)

    def run_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        self.bank.calls.append("run_sale")
        sale = self.bank.sales[order.external_id]
        if sale.is_charged or sale.state == "canceled":
            raise DriverRejected("INVALID_REQUEST", detail=f"is_{sale.state}")
        act = self._act()
        if act == "lost_before":
            raise LOST
        sale.state = "in_progress"
        if act == "lost_after":
            raise LOST
        return sale.snapshot()

    def stop_sale(self, order: SaleOrder) -> None:
        self.bank.calls.append("stop_sale")
        sale = self.bank.sales[order.external_id]
        if sale.state == "in_progress":
            sale.state = "requires_terminal"

    def hold_card(self, external_id: str, act: str = "approve") -> None:
        sale = self.bank.sales[external_id]
        if act == "approve":
            self.bank.approve(sale)
        else:
            sale.state, sale.decline_code = "declined", "insufficient_funds"

    def create_connection_token(self, *, location: str) -> str:
        return f"pst_{location}"

    def _written(self, name: str, order: SaleOrder, *, new: bool = False) -> Sale:
        if not new:
            return super()._written(name, order)
        self.bank.calls.append(name)
        if self.bank.write_errors and not self.bank.loses_answers:
            raise self.bank.write_errors.pop(0)
        external_id = f"pi_{order.reference}"
        return self.bank.sales.setdefault(external_id, Sale(external_id, order))

    def _sale(self, order: SaleOrder) -> Sale | None:
        return self.bank.sales.get(order.external_id)
