"""The answer of a provider that takes no cards in person."""

from datetime import datetime
from typing import NoReturn
from uuid import UUID

from billing.drivers.base import DriverRejected
from billing.drivers.terminal_calls import TerminalCalls
from billing.types import ReaderRef, ReaderSnapshot, SaleOrder, SaleSnapshot


def _refuse() -> NoReturn:
    raise DriverRejected("INVALID_REQUEST", detail="no_terminals")


class NoTerminals(TerminalCalls):
    """Refuses each of them."""

    def terminal_account(self, organization_id: UUID) -> UUID | None:
        """Refuse."""
        del organization_id
        _refuse()

    def terminal_currency(self, account_id: UUID | None) -> str:
        """Return what most would charge in: a provider with accounts of its own knows better."""
        del account_id
        return "USD"

    def retrieve_reader(self, reader: ReaderRef) -> ReaderSnapshot:
        """Refuse."""
        del reader
        _refuse()

    def list_readers(self, account_id: UUID | None) -> tuple[ReaderSnapshot, ...]:
        """Refuse."""
        del account_id
        _refuse()

    def create_connection_token(self, *, location: str) -> str:
        """Refuse."""
        del location
        _refuse()

    def open_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        """Refuse."""
        del order, idempotency_key
        _refuse()

    def run_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        """Refuse."""
        del order, idempotency_key
        _refuse()

    def find_sale(
        self, order: SaleOrder, *, sent_at: datetime | None, now: datetime
    ) -> SaleSnapshot | None:
        """Refuse."""
        del order, sent_at, now
        _refuse()

    def stop_sale(self, order: SaleOrder) -> None:
        """Refuse."""
        del order
        _refuse()

    def capture_sale(
        self, order: SaleOrder, *, amount_minor: int, idempotency_key: str
    ) -> SaleSnapshot:
        """Refuse."""
        del order, amount_minor, idempotency_key
        _refuse()

    def void_sale(self, order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
        """Refuse."""
        del order, idempotency_key
        _refuse()
