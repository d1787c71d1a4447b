"""What a payer is told about an unpaid invoice beside each failed charge."""

from datetime import datetime

from django.conf import settings

from billing.engine.dunning_policy import Ask, Mark, Overdue, Policy
from billing.engine.models import EngineInvoice
from billing.models import Subscription
from billing.money import Money
from notifications import services as notifications

KIND = "payment_reminder"
_CARDS_PATH = "/settings/billing/payment-methods"


def queue_notice(
    *,
    subscription: Subscription,
    invoice: EngineInvoice,
    mark: Mark,
    policy: Policy,
    overdue: Overdue,
    now: datetime,
) -> bool:
    """Queue the notice of one day of the policy, once; say whether it is new."""
    return _queue(subscription, invoice, f"day-{mark.day}", "", policy, overdue, now)


def queue_ask(
    *,
    subscription: Subscription,
    invoice: EngineInvoice,
    ask: Ask,
    policy: Policy,
    overdue: Overdue,
    now: datetime,
) -> bool:
    """Ask for a card, once for each decline that leaves nothing else to do."""
    key = f"ask-{overdue.last_tried_at:%Y%m%dT%H%M%S}"
    return _queue(subscription, invoice, key, ask.value, policy, overdue, now)


def _queue(
    subscription: Subscription,
    invoice: EngineInvoice,
    key: str,
    ask: str,
    policy: Policy,
    overdue: Overdue,
    now: datetime,
) -> bool:
    organization = subscription.organization
    to = subscription.billing_email or invoice.payer_email or organization.email
    if not to:
        return False
    restricted_on = overdue.moment_of(policy.grace_days)
    ends_on = overdue.moment_of(policy.cancel_day) if policy.cancel_day is not None else None
    queued = notifications.queue_message(
        organization=organization,
        kind=KIND,
        key=f"{invoice.external_id}:{key}",
        to=to,
        context={
            "organization": organization.name,
            "plan": subscription.plan_version.plan.name,
            "number": invoice.number,
            "amount": Money(invoice.remaining_minor, invoice.currency).display(),
            "is_sent": overdue.declines == 0 and overdue.transients == 0,
            "ask": ask,
            "access_until": _day(restricted_on) if now < restricted_on else "",
            "ends_on": _day(ends_on) if ends_on else "",
            "manage_url": f"{settings.PUBLIC_URL}{_CARDS_PATH}",
            "support_email": settings.SUPPORT_EMAIL,
        },
        now=now,
    )
    return queued is not None


def _day(moment: datetime) -> str:
    return f"{moment:%-d %B %Y}"
