"""Which of a payer's methods the next invoice is charged to.

What the live subscription names, as long as the payer has it; else the payer's own default. Both
come from the provider, at different moments: whoever learns of one brings the row in line here.
"""

from collections.abc import Iterable
from datetime import datetime

from billing.models import PaymentMethod, Subscription
from billing.services import timeline
from billing.types import Cause
from orgs.models import Organization


def named_by(subscription: Subscription) -> str:
    """Return the provider's id of the method a subscription names; empty unless it is live."""
    return subscription.payment_method_external_id if subscription.is_live else ""


def follow_subscription(
    *,
    subscription: Subscription,
    cause: Cause,
    now: datetime,
    record: timeline.Recorder = timeline.record_event,
) -> None:
    """Settle the default after a subscription named another method, began or ended.

    The caller has locked the organization.
    """
    customer = subscription.customer
    settle_default(
        organization=subscription.organization,
        methods=PaymentMethod.objects.filter(customer=customer).attached(),
        wanted=(named_by(subscription), customer.default_method_external_id),
        cause=cause,
        now=now,
        record=record,
    )


def settle_default(
    *,
    organization: Organization,
    methods: Iterable[PaymentMethod],
    wanted: tuple[str, str],
    cause: Cause,
    now: datetime,
    record: timeline.Recorder = timeline.record_event,
) -> None:
    """Mark the first of the wanted methods (provider's ids) that the payer has, and only that."""
    by_id = {row.external_id: row for row in methods}
    default = next((by_id[id_] for id_ in wanted if id_ in by_id), None)
    for row in by_id.values():
        if row.is_default and row is not default:  # first, for there can only be one
            row.is_default = False
            row.save(update_fields=["is_default", "updated_at"])
    if default is None or default.is_default:
        return
    default.is_default = True
    default.save(update_fields=["is_default", "updated_at"])
    what = "card" if default.is_card else "payment method"
    summary = f"{default.label} is the default {what} now."
    record(
        organization=organization,
        line=line_about(default, "default_changed", summary, now),
        cause=cause,
    )


def line_about(method: PaymentMethod, verb: str, summary: str, now: datetime) -> timeline.Line:
    """Return a line of the timeline about a method: what is in it is fit to be shown."""
    return timeline.Line(
        type=f"billing.payment_method.{verb}",
        summary=summary,
        object_type="payment_method",
        object_id=str(method.pk),
        occurred_at=now,
        provider=method.provider,
        data={"kind": method.kind, "brand": method.brand, "last4": method.last4},
    )
