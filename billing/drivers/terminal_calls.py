"""Readers, and payments in person."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from billing.types import ReaderRef, ReaderSnapshot, SaleOrder, SaleSnapshot


class TerminalCalls(Protocol):
    """What a provider with the capability `terminals` offers; others refuse each of these.

    Errors as in `PaymentDriver`. A refund is that of any other payment (`refund_payment`), asked
    for by the sale's `external_id`.
    """

    def terminal_account(self, organization_id: UUID) -> UUID | None:
        """Return the merchant account on which an organization takes money in person.

        None is the only one of a provider that has one account for all.

        Raises:
            DriverRejected: there is none.
        """
        ...

    def terminal_currency(self, account_id: UUID | None) -> str:
        """Return the one currency (upper case) in which readers of an account charge."""
        ...

    def retrieve_reader(self, reader: ReaderRef) -> ReaderSnapshot:
        """Ask how a reader is doing.

        Raises:
            ObjectMissing: this account has no such reader.
        """
        ...

    def list_readers(self, account_id: UUID | None) -> tuple[ReaderSnapshot, ...]:
        """Ask for all readers of an account, in as few calls as there can be."""
        ...

    def create_connection_token(self, *, location: str) -> str:
        """Return the secret with which a till's own SDK connects to a reader.

        Raises:
            DriverRejected: readers of this provider are driven by the server alone.
        """
        ...

    def open_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        """Prepare a payment; no reader is asked yet and no money moves."""
        ...

    def run_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        """Have a reader take an opened payment.

        With the capability `blocking_readers` this lasts until the card was read (minutes), and
        what is returned is final. Otherwise it is `in_progress`, and `find_sale` tells the rest.

        Raises:
            ReaderBusy: provably not started, the reader is occupied.
            ReaderOffline: provably not started, the reader can't be reached.
            OutcomeUnknown: sent, no usable answer.
        """
        ...

    def find_sale(
        self, order: SaleOrder, *, sent_at: datetime | None, now: datetime
    ) -> SaleSnapshot | None:
        """Ask what became of a payment, or of a try that had no answer.

        None: there is none, and there will be none.

        Raises:
            OutcomeUnknown: it can't be said yet.
            DriverUnavailable: nobody answered.
        """
        ...

    def stop_sale(self, order: SaleOrder) -> None:
        """Have the reader stop asking for a card.

        Proves nothing: what came of it is found out by `find_sale`, or told by whoever waits in
        `run_sale`.
        """
        ...

    def capture_sale(
        self, order: SaleOrder, *, amount_minor: int, idempotency_key: str
    ) -> SaleSnapshot:
        """Take an authorized payment, or a part of it; the rest is given up.

        One that was captured already is returned as it is.

        Raises:
            DriverRejected: there is nothing to capture, or more was asked for than authorized.
        """
        ...

    def void_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        """End a payment of which nothing was captured: what is held for it is released.

        Raises:
            DriverRejected: it was captured.
        """
        ...
