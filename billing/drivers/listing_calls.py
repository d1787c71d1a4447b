"""What a provider says when it is asked for everything it has, page by page."""

from datetime import datetime
from typing import Protocol

from billing.types import (
    ChargeSnapshot,
    InvoiceSnapshot,
    NormalizedEvent,
    Page,
    PayerSnapshot,
    SubscriptionSnapshot,
    VerifiedWebhook,
)


class ListingCalls(Protocol):
    """Lists, only with the capability `listing`. Errors as in `PaymentDriver`.

    Each answers one page, newest first; `after` is the `next_after` of the page before, empty for
    the first. A list leaves out what would cost a question of its own for each row, so what stands
    in it is for finding suspects: what is true is asked for one by one.
    """

    def list_subscriptions(
        self, *, after: str = "", external_customer_id: str = ""
    ) -> Page[SubscriptionSnapshot]:
        """List subscriptions in whatever state, without their latest invoice and its payment."""
        ...

    def list_payers(self, *, after: str = "") -> Page[PayerSnapshot]:
        """List payers without their methods; a deleted one is left out."""
        ...

    def list_invoices(
        self, *, created_since: datetime, after: str = "", external_customer_id: str = ""
    ) -> Page[InvoiceSnapshot]:
        """List the invoices that were made since a moment, drafts included."""
        ...

    def list_refunds(self, *, created_since: datetime, after: str = "") -> Page[ChargeSnapshot]:
        """List the refunds since a moment: each as its charge with this one refund."""
        ...

    def list_events(
        self, *, created_since: datetime, after: str = "", only_undelivered: bool = False
    ) -> Page[NormalizedEvent]:
        """List what happened since a moment, as webhooks told it or should have.

        `only_undelivered` leaves out what every receiver took.
        """
        ...

    def retrieve_event(self, external_id: str) -> VerifiedWebhook:
        """Ask for one event as its webhook would have brought it.

        Raises:
            ObjectMissing: there is none with this id (any more).
        """
        ...
