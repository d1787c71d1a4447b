"""The driver's calls about readers and payments in person."""

from datetime import datetime
from typing import NoReturn
from uuid import UUID

from billing.drivers.base import DriverRejected
from billing.drivers.cardconnect import accounts
from billing.drivers.cardconnect.terminals import capturing, finding, readers, sales, selling
from billing.drivers.terminal_calls import TerminalCalls
from billing.types import ReaderRef, ReaderSnapshot, SaleOrder, SaleSnapshot


class InPerson(TerminalCalls):
    """Readers that our server drives. No key makes a second try safe: our reference is asked."""

    def terminal_account(self, organization_id: UUID) -> UUID | None:
        """Return the organization's own account, else the platform's; it must have readers."""
        return accounts.of_counter(organization_id).pk

    def terminal_currency(self, account_id: UUID | None) -> str:
        """Return the currency of an account: it has one."""
        return readers.merchant_of(account_id).currency

    def retrieve_reader(self, reader: ReaderRef) -> ReaderSnapshot:
        """Ask how a reader is doing."""
        return readers.retrieve(reader)

    def list_readers(self, account_id: UUID | None) -> tuple[ReaderSnapshot, ...]:
        """Ask for all readers of an account in one call."""
        return readers.list_all(account_id)

    def create_connection_token(self, *, location: str) -> NoReturn:
        """Refuse: there is nothing that a till could drive a reader with."""
        del location
        raise DriverRejected("INVALID_REQUEST", detail="no_reader_sdk")

    def open_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        """Check what can be checked without asking anybody; the payment has no name yet."""
        del idempotency_key
        sales.merchant_of(order)
        return SaleSnapshot("", "requires_terminal", order.currency.upper())

    def run_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        """Have a reader take a payment, and wait for it."""
        del idempotency_key
        return selling.run(order)

    def find_sale(
        self, order: SaleOrder, *, sent_at: datetime | None, now: datetime
    ) -> SaleSnapshot | None:
        """Ask the gateway what became of a payment."""
        return finding.find(order, sent_at=sent_at, now=now)

    def stop_sale(self, order: SaleOrder) -> None:
        """Have the reader stop, by the session of whoever waits for it."""
        selling.stop(order)

    def capture_sale(
        self, order: SaleOrder, *, amount_minor: int, idempotency_key: str
    ) -> SaleSnapshot:
        """Take an authorized payment, or a part of it."""
        del idempotency_key
        return capturing.capture(order, amount_minor=amount_minor)

    def void_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        """Release what is held; also what was captured and is not settled yet."""
        del idempotency_key
        return capturing.void(order)
