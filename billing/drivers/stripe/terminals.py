"""The calls of Stripe's driver that are about readers, and about payments in person."""

from datetime import datetime
from uuid import UUID

from django.conf import settings

from billing.drivers.stripe import readers, sales
from billing.drivers.terminal_calls import TerminalCalls
from billing.types import ReaderRef, ReaderSnapshot, SaleOrder, SaleSnapshot


class Terminals(TerminalCalls):
    """Stripe Terminal, driven by our server or by a till's own SDK, at the pinned API version."""

    def terminal_account(self, organization_id: UUID) -> UUID | None:
        """Return None: one account takes the money of all."""
        del organization_id
        return None

    def terminal_currency(self, account_id: UUID | None) -> str:
        """Return the currency of the places where readers stand."""
        del account_id
        currency: str = settings.STRIPE_TERMINAL_CURRENCY
        return currency

    def retrieve_reader(self, reader: ReaderRef) -> ReaderSnapshot:
        """Ask how a reader is doing."""
        return readers.retrieve(reader.external_id)

    def list_readers(self, account_id: UUID | None) -> tuple[ReaderSnapshot, ...]:
        """Ask for all readers."""
        del account_id
        return readers.list_all()

    def create_connection_token(self, *, location: str) -> str:
        """Return the secret with which a till's own SDK connects to a reader."""
        return readers.connection_token(location)

    def open_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        """Prepare a payment; no reader is asked yet and no money moves."""
        return sales.open_one(order, idempotency_key=idempotency_key)

    def run_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        """Have a reader ask for the card of an opened payment."""
        return sales.run(order, idempotency_key=idempotency_key)

    def find_sale(
        self, order: SaleOrder, *, sent_at: datetime | None, now: datetime
    ) -> SaleSnapshot | None:
        """Ask what became of a payment, or of a try that had no answer."""
        return sales.find(order, sent_at=sent_at, now=now)

    def stop_sale(self, order: SaleOrder) -> None:
        """Have the reader stop asking for a card."""
        sales.stop(order)

    def capture_sale(
        self, order: SaleOrder, *, amount_minor: int, idempotency_key: str
    ) -> SaleSnapshot:
        """Take an authorized payment, or a part of it."""
        return sales.capture(order, amount_minor=amount_minor, idempotency_key=idempotency_key)

    def void_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        """End a payment of which nothing was captured."""
        return sales.void(order, idempotency_key=idempotency_key)
