"""The engine's answers to what happens to a subscription that is running."""

import abc
from datetime import datetime

from billing.drivers.change_calls import ChangeCalls
from billing.engine import changing, scheduling
from billing.engine.house import House
from billing.types import ChangeSpec, InvoicePreview, SubscriptionSnapshot


class Changing(ChangeCalls):
    """Changes, schedules, ends and pauses, and what they would cost."""

    @abc.abstractmethod
    def house(self) -> House:
        """Return whose rows these are, with the rail."""

    def preview_change(self, spec: ChangeSpec) -> InvoicePreview:
        """Say what an invoice would be if this were done, without doing it."""
        return changing.preview(self.house(), spec)

    def preview_renewal(self, external_id: str) -> InvoicePreview | None:
        """Say what the next regular invoice will be; None when there is none."""
        return changing.preview_renewal(self.house(), external_id)

    def preview_ending(self, external_id: str) -> InvoicePreview | None:
        """Say what comes last if it ended with its period; None when nothing does."""
        return changing.preview_ending(self.house(), external_id)

    def change_subscription(
        self, spec: ChangeSpec, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Change price, seats or discount now."""
        return changing.change(self.house(), spec, idempotency_key)

    def drop_unpaid_change(self, external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
        """Give up a change whose payment is open."""
        del idempotency_key
        return changing.drop_unpaid(self.house(), external_id)

    def schedule_change(self, spec: ChangeSpec, *, idempotency_key: str) -> SubscriptionSnapshot:
        """Have price and seats change with the next period."""
        return scheduling.schedule(self.house(), spec, idempotency_key)

    def unschedule_change(self, external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
        """Withdraw a change that waits for the next period."""
        return scheduling.unschedule(self.house(), external_id, idempotency_key)

    def end_at_period_end(
        self, external_id: str, *, reason: str, comment: str, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Let a subscription end with its period."""
        return scheduling.end_at_period_end(
            self.house(), external_id, reason=reason, comment=comment, key=idempotency_key
        )

    def keep_subscription(self, external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
        """Take back that a subscription ends."""
        return scheduling.keep(self.house(), external_id, idempotency_key)

    def pause_subscription(
        self, external_id: str, *, resumes_at: datetime | None, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Charge nothing until it is resumed."""
        return scheduling.pause(
            self.house(), external_id, resumes_at=resumes_at, key=idempotency_key
        )

    def resume_subscription(
        self, external_id: str, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Go on with a paused subscription."""
        return scheduling.resume(self.house(), external_id, idempotency_key)

    def cancel_subscription(
        self, external_id: str, *, idempotency_key: str, reason: str = "", comment: str = ""
    ) -> SubscriptionSnapshot:
        """End a subscription now: nothing is charged, nothing is credited."""
        return scheduling.cancel(
            self.house(), external_id, reason=reason, comment=comment, key=idempotency_key
        )
