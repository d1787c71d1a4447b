"""New numbers and expiries of cards, which some gateways learn from the brands."""

from datetime import datetime
from typing import Protocol, runtime_checkable
from uuid import UUID


@runtime_checkable
class UpdatesCards(Protocol):
    """A rail that can ask whether a card's data has changed. Not every rail can."""

    def method_changed_at(
        self, *, organization_id: UUID, method_id: str, now: datetime
    ) -> datetime | None:
        """Ask for news of a card; return when its data last changed, None if it never did.

        It is a question: nothing is charged. Whoever charges the card again makes a new attempt.

        Raises:
            DriverUnavailable: nobody can be asked now.
        """
        ...
