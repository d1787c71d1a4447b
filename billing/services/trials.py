"""Trials: once per payer, and a word before one ends."""

from datetime import datetime

from django.conf import settings

from billing.enums import SubscriptionStatus
from billing.models import Customer, Price, Subscription
from billing.money import Money
from billing.services import discounts
from billing.types import SubscriptionSnapshot
from notifications import services as notifications
from orgs.errors import DomainError, InvalidRequest
from orgs.models import Organization

_CANCEL_PATH = "/settings/billing/cancel"
_NEVER_BEGAN = (SubscriptionStatus.INCOMPLETE, SubscriptionStatus.INCOMPLETE_EXPIRED)


class TrialUsed(DomainError):
    """A trial was already used."""

    code = "CONFLICT"
    status = 409


def days_for(
    *,
    organization: Organization,
    price: Price,
    wanted: bool | None = None,
    reference: str | None = None,
) -> int:
    """Return the days of trial that a payer gets with a price: the plan's, once.

    `wanted` None takes the trial there is, False none, True insists. What was decided holds while
    the organization is locked.

    Raises:
        InvalidRequest: wanted, and the plan has none.
        TrialUsed: wanted, and the payer has had one.
    """
    if wanted is False:
        return 0
    if price.trial_days == 0:
        if wanted:
            raise InvalidRequest(fields={"trial": ["This plan has no trial."]})
        return 0
    rows = Customer.objects.for_org(organization).filter(reference=reference)
    if rows.exclude(trial_redeemed_at=None).exists():
        if wanted:
            raise TrialUsed
        return 0
    return price.trial_days


def note_trial(
    *, subscription: Subscription, snapshot: SubscriptionSnapshot, now: datetime
) -> None:
    """Remember that a payer's trial began; the caller has locked the organization."""
    customer = subscription.customer
    if customer.trial_redeemed_at is not None or snapshot.trial_end is None:
        return
    if snapshot.status in _NEVER_BEGAN:
        return
    customer.trial_redeemed_at = now
    customer.save(update_fields=["trial_redeemed_at", "updated_at"])


def announce_end(*, subscription: Subscription, now: datetime) -> bool:
    """Queue the mail that a trial is about to end, in the caller's transaction; once per end.

    Nothing is said to somebody whose subscription ends with the trial: nothing will be charged.
    """
    ends = subscription.trial_end
    if subscription.status != SubscriptionStatus.TRIALING or ends is None or ends <= now:
        return False
    if not subscription.auto_renew:
        return False
    organization, price = subscription.organization, subscription.price
    amount = price.amount_minor * subscription.seats
    discount = discounts.stored(subscription.discount)
    if discount is not None and (discount.ends_at is None or discount.ends_at > ends):
        amount -= discounts.taken_off(discount, amount)
    queued = notifications.queue_message(
        organization=organization,
        kind="trial_ending",
        key=f"{subscription.pk}:{ends:%Y-%m-%d}",
        to=subscription.billing_email or organization.email,
        context={
            "organization": organization.name,
            "plan": subscription.plan_version.plan.name,
            "trial_end": f"{ends:%-d %B %Y}",
            "amount": Money(amount, price.currency).display(),
            "interval": price.interval,
            "seats": subscription.seats,
            "discount": discounts.in_words(discount) if discount else "",
            "manage_url": f"{settings.PUBLIC_URL}{_CANCEL_PATH}",
            "support_email": settings.SUPPORT_EMAIL,
        },
        now=now,
    )
    return queued is not None
