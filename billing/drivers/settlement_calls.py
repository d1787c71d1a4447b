"""What a gateway says of the money it took when it settles: not every provider has such days."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol, runtime_checkable
from uuid import UUID

from billing.types.settlements import Capture, Settlement, SettlementAccount


@runtime_checkable
class SettlementCalls(Protocol):
    """Settlement day by day, beside what we have captured. Errors as in `PaymentDriver`."""

    def settlement_accounts(self) -> tuple[SettlementAccount, ...]:
        """Return the accounts whose days are settled."""
        ...

    def list_settlements(self, account_id: UUID, day: date) -> tuple[Settlement, ...]:
        """Ask what was settled on a day; none for a day without any."""
        ...

    def retrieve_settlement(self, account_id: UUID, external_id: str) -> Settlement:
        """Ask how one transaction stands.

        Raises:
            ObjectMissing: the gateway has none with this id.
        """
        ...

    def find_captures(
        self, account_id: UUID, settlements: Sequence[Settlement]
    ) -> dict[str, Capture]:
        """Return what we have of these: the gateway's id → our row of it."""
        ...

    def find_capture(self, account_id: UUID, external_id: str) -> Capture | None:
        """Return what we have of one transaction."""
        ...

    def unsettled_captures(
        self, account_id: UUID, *, since: datetime, before: datetime
    ) -> tuple[Capture, ...]:
        """Return what was captured in a time and has not been seen settled, oldest first."""
        ...

    def note_settlements(
        self, account_id: UUID, settlements: Sequence[Settlement], *, now: datetime
    ) -> int:
        """Write down which of ours were settled or rejected; return how many that is news of."""
        ...
