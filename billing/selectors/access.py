"""What an organization may do right now, and why: from local rows and the time alone."""

import dataclasses
from datetime import datetime, timedelta
from uuid import UUID

from billing.enums import AccessLevel, SubscriptionStatus
from billing.models import Subscription
from billing.selectors import arrears
from billing.selectors.arrears import Arrears
from orgs.models import Organization, PlanStatus

_S = SubscriptionStatus

# Without access, the past decides: see `standing.plan_status_of`.
PLAN_STATUS = {
    AccessLevel.FULL: PlanStatus.ACTIVE,
    AccessLevel.GRACE: PlanStatus.PAST_DUE,
    AccessLevel.RESTRICTED: PlanStatus.SUSPENDED,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Access:
    """A level, a stable reason, a sentence for the tenant, and until when it holds.

    `since` and `caused_by_event` (a line of the timeline) are known once the change was written
    down, or follow from the end of grace.
    """

    level: AccessLevel
    reason_code: str
    message: str
    until: datetime | None = None
    since: datetime | None = None
    caused_by_event: UUID | None = None

    @property
    def is_given(self) -> bool:
        """Say whether critical actions are allowed: in full, or still, while in grace."""
        return self.level in (AccessLevel.FULL, AccessLevel.GRACE)


def access_of(
    subscription: Subscription | None, now: datetime, owed: Arrears | None = None
) -> Access:
    """Derive access from the subscription that counts (live, free, incomplete or ended).

    `now` is business time; `owed` (see `arrears.of`) lets the sentence name what is owed.
    """
    if subscription is None:
        return Access(
            AccessLevel.NONE, "no_subscription", "Choose a plan and pay to start using the service."
        )
    status = SubscriptionStatus(subscription.status)
    if status is _S.PAST_DUE:
        return _past_due(subscription, now, owed or Arrears())
    if status is _S.UNPAID:
        return _unpaid(subscription, owed or Arrears())
    return _RULES[status](subscription)


def current(organization: Organization, subscription: Subscription | None, now: datetime) -> Access:
    """Return access with what is owed, since when it has been so, and which line says why.

    `subscription` is what `subscriptions.current` returned. What time alone has changed a moment
    ago (the end of grace, before the sweep came by) has no line yet.
    """
    given = access_of(subscription, now, arrears.of(subscription))
    if not is_recorded(given, organization):
        return given
    return dataclasses.replace(
        given, since=organization.access_since, caused_by_event=organization.access_event_id
    )


def is_recorded(access: Access, organization: Organization) -> bool:
    """Say whether the organization's row says so already.

    While access is restricted, the reason counts as well: it is what the tenant has to act on.
    """
    if organization.access_level != access.level:
        return False
    is_restricted = access.level is AccessLevel.RESTRICTED
    return not is_restricted or organization.access_reason == access.reason_code


def plan_status_now(organization: Organization, given: Access) -> str:
    """Return the organization's standing in one word, by the time as `given` is."""
    if is_recorded(given, organization):
        return organization.plan_status
    return PLAN_STATUS.get(given.level, organization.plan_status)


def grace_ends_at(subscription: Subscription) -> datetime | None:
    """Return the end of grace by the plan's policy of today; None unless a payment is overdue.

    Time in which the provider itself was failing is added.
    """
    if subscription.status != _S.PAST_DUE or subscription.past_due_since is None:
        return None
    days = subscription.plan_version.plan.grace_days
    return subscription.past_due_since + timedelta(days=days) + subscription.grace_extension


def _full(subscription: Subscription) -> Access:
    plan = subscription.plan_version.plan.name
    if subscription.cancel_at_period_end or subscription.cancel_at:
        ends = subscription.cancel_at or subscription.current_period_end
        on = f" on {_day(ends)}" if ends else ""
        return Access(AccessLevel.FULL, "cancels", f"{plan} is active and ends{on}.", ends)
    return Access(AccessLevel.FULL, "active", f"{plan} is active.", subscription.current_period_end)


def _trial(subscription: Subscription) -> Access:
    plan = subscription.plan_version.plan.name
    ends = subscription.trial_end
    on = f" until {_day(ends)}" if ends else ""
    return Access(AccessLevel.FULL, "trialing", f"{plan} is in its trial{on}.", ends)


def _past_due(subscription: Subscription, now: datetime, owed: Arrears) -> Access:
    plan = subscription.plan_version.plan.name
    ends, failed = grace_ends_at(subscription), subscription.past_due_since
    if ends is None or failed is None:  # rows from before this was kept
        return Access(
            AccessLevel.GRACE,
            "payment_overdue",
            f"The payment{owed.in_words()} for {plan} failed. Please update your card; "
            "access goes on meanwhile.",
        )
    if now < ends:
        return Access(
            AccessLevel.GRACE,
            "payment_overdue",
            f"The payment{owed.in_words()} for {plan} failed on {_day(failed)}. "
            f"Access goes on until {_day(ends)}: please update your card before then.",
            until=ends,
        )
    return Access(
        AccessLevel.RESTRICTED,
        "grace_ended",
        f"Access is restricted since {_day(ends)}: the payment{owed.in_words()} for {plan} "
        f"failed on {_day(failed)} and the grace period ended on {_day(ends)}. "
        "Update your card to go on.",
        since=ends,
    )


def _unpaid(subscription: Subscription, owed: Arrears) -> Access:
    plan = subscription.plan_version.plan.name
    return Access(
        AccessLevel.RESTRICTED,
        "unpaid",
        f"Access is restricted: the payment{owed.in_words()} for {plan} failed and is still "
        "open. Update your card to go on.",
    )


def _paused(subscription: Subscription) -> Access:
    plan, ends = subscription.plan_version.plan.name, subscription.resumes_at
    until = f" until {_day(ends)}" if ends else ""
    return Access(
        AccessLevel.RESTRICTED,
        "paused",
        f"Access is restricted: {plan} is paused{until}. Resume it to go on.",
        until=ends,
    )


def _incomplete(subscription: Subscription) -> Access:
    plan = subscription.plan_version.plan.name
    return Access(
        AccessLevel.NONE,
        "payment_incomplete",
        f"The first payment for {plan} is not finished. Finish it to start.",
    )


def _ended(subscription: Subscription) -> Access:
    plan = subscription.plan_version.plan.name
    return Access(AccessLevel.NONE, "ended", f"{plan} has ended. Choose a plan to come back.")


def _day(moment: datetime) -> str:
    return f"{moment:%-d %B %Y}"


_RULES = {
    _S.INCOMPLETE: _incomplete,
    _S.INCOMPLETE_EXPIRED: _ended,
    _S.TRIALING: _trial,
    _S.ACTIVE: _full,
    _S.PAUSED: _paused,
    _S.CANCELED: _ended,
}
