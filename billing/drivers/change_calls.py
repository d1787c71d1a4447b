"""What a provider does with a subscription that is running."""

from datetime import datetime
from typing import Protocol

from billing.types import ChangeSpec, InvoicePreview, SubscriptionSnapshot


class ChangeCalls(Protocol):
    """Changes, and their previews. Errors as in `PaymentDriver`."""

    def preview_change(self, spec: ChangeSpec) -> InvoicePreview:
        """Say what an invoice would be if this were done, without doing it.

        A subscription that runs and a proration of `invoice`: the invoice over the difference;
        else the next regular one. Without a subscription: the first invoice of a new one.
        """
        ...

    def preview_renewal(self, external_id: str) -> InvoicePreview | None:
        """Say what the next regular invoice will be as things are; None when there is none."""
        ...

    def preview_ending(self, external_id: str) -> InvoicePreview | None:
        """Say what comes last if it ended with its period: what waits for an invoice until then.

        None when nothing waits.
        """
        ...

    def change_subscription(
        self, spec: ChangeSpec, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Change price, seats or discount now.

        With a proration of `invoice` nothing changes before its invoice is paid: a declined card,
        or one that wants a confirmation, is a snapshot that awaits the payment of a change.
        """
        ...

    def drop_unpaid_change(self, external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
        """Give up a change whose payment is open, so that it can't be paid any more.

        One that was paid meanwhile stays: look at the snapshot.
        """
        ...

    def schedule_change(self, spec: ChangeSpec, *, idempotency_key: str) -> SubscriptionSnapshot:
        """Have price and seats change at the end of the period; replaces an earlier such change."""
        ...

    def unschedule_change(self, external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
        """Withdraw a change that waits for the end of the period."""
        ...

    def end_at_period_end(
        self, external_id: str, *, reason: str, comment: str, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Let a subscription end with its period."""
        ...

    def keep_subscription(self, external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
        """Take back that a subscription ends; it goes on."""
        ...

    def pause_subscription(
        self, external_id: str, *, resumes_at: datetime | None, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Charge nothing until `resumes_at`, or until it is resumed; what falls due is waived."""
        ...

    def resume_subscription(
        self, external_id: str, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Go on with a paused subscription."""
        ...
