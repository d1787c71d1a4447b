"""What an organization may do right now, and why: from local rows alone."""

import dataclasses
from datetime import datetime

from billing.enums import AccessLevel, SubscriptionStatus
from billing.models import Subscription

_S = SubscriptionStatus


@dataclasses.dataclass(frozen=True, slots=True)
class Access:
    """A level, a stable reason, a sentence for the tenant, and until when it holds."""

    level: AccessLevel
    reason_code: str
    message: str
    until: datetime | None = None


def access_of(subscription: Subscription | None) -> Access:
    """Derive access from the subscription that counts (live, free, incomplete or ended)."""
    if subscription is None:
        return Access(
            AccessLevel.NONE, "no_subscription", "Choose a plan and pay to start using the service."
        )
    status = SubscriptionStatus(subscription.status)
    return _RULES[status](subscription)


def _full(subscription: Subscription) -> Access:
    plan = subscription.plan_version.plan.name
    if subscription.cancel_at_period_end or subscription.cancel_at:
        ends = subscription.cancel_at or subscription.current_period_end
        on = f" on {ends:%-d %B %Y}" if ends else ""
        return Access(AccessLevel.FULL, "cancels", f"{plan} is active and ends{on}.", ends)
    return Access(AccessLevel.FULL, "active", f"{plan} is active.", subscription.current_period_end)


def _trial(subscription: Subscription) -> Access:
    plan = subscription.plan_version.plan.name
    ends = subscription.trial_end
    on = f" until {ends:%-d %B %Y}" if ends else ""
    return Access(AccessLevel.FULL, "trialing", f"{plan} is in its trial{on}.", ends)


def _grace(subscription: Subscription) -> Access:
    plan = subscription.plan_version.plan.name
    return Access(
        AccessLevel.GRACE,
        "payment_overdue",
        f"The last payment for {plan} failed. Please update your card; access goes on meanwhile.",
    )


def _unpaid(subscription: Subscription) -> Access:
    plan = subscription.plan_version.plan.name
    return Access(
        AccessLevel.RESTRICTED,
        "unpaid",
        f"{plan} is restricted: an invoice was not paid. Please update your card.",
    )


def _paused(subscription: Subscription) -> Access:
    plan = subscription.plan_version.plan.name
    return Access(AccessLevel.RESTRICTED, "paused", f"{plan} is paused. Resume it to go on.")


def _incomplete(subscription: Subscription) -> Access:
    plan = subscription.plan_version.plan.name
    return Access(
        AccessLevel.NONE, "payment_incomplete", f"The first payment for {plan} is not finished."
    )


def _ended(subscription: Subscription) -> Access:
    plan = subscription.plan_version.plan.name
    return Access(AccessLevel.NONE, "ended", f"{plan} has ended. Choose a plan to come back.")


_RULES = {
    _S.INCOMPLETE: _incomplete,
    _S.INCOMPLETE_EXPIRED: _ended,
    _S.TRIALING: _trial,
    _S.ACTIVE: _full,
    _S.PAST_DUE: _grace,
    _S.UNPAID: _unpaid,
    _S.PAUSED: _paused,
    _S.CANCELED: _ended,
}
