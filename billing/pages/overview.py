"""`/settings/billing`: where an organization stands, from local rows alone."""

import dataclasses
from typing import Any

from django.http import HttpRequest, HttpResponse

from billing.enums import SubscriptionStatus
from billing.models import BillingEvent, Subscription
from billing.pages import account, base, callers, invoices, offers, words
from billing.selectors import (
    access,
    arrears,
    entitlements,
    hosted_pages,
    payment_methods,
    payments,
    subscriptions,
    timeline,
)
from orgs import clock
from orgs.errors import DomainError
from orgs.models import Membership

_S = SubscriptionStatus
_TONES = {
    _S.INCOMPLETE: ("Payment not finished", "warning"),
    _S.INCOMPLETE_EXPIRED: ("Ended", "neutral"),
    _S.TRIALING: ("Trial", "info"),
    _S.ACTIVE: ("Active", "success"),
    _S.PAST_DUE: ("Payment overdue", "warning"),
    _S.UNPAID: ("Restricted", "danger"),
    _S.PAUSED: ("Paused", "neutral"),
    _S.CANCELED: ("Ended", "neutral"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline, with what set it off."""

    event: BillingEvent
    cause: str


def pill(subscription: Subscription | None) -> tuple[str, str]:
    """Return the status in words, and its tone."""
    if subscription is None:
        return "No plan yet", "neutral"
    if subscription.status == _S.ACTIVE and not subscription.auto_renew:
        return "Active until it ends", "warning"
    return _TONES[SubscriptionStatus(subscription.status)]


class OverviewPage(base.Page):
    """Readable for every role."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show status, plan, next charge, ways to pay and the latest changes."""
        return show_overview(request, callers.require_member(request))


def show_overview(
    request: HttpRequest, membership: Membership, refusal: DomainError | None = None
) -> HttpResponse:
    """Render the overview; `refusal` is why something that was asked for here was not done."""
    organization = membership.organization
    now = clock.now(organization)
    subscription = subscriptions.current(organization)
    label, tone = pill(subscription)
    context: dict[str, Any] = {
        "organization": organization,
        "subscription": subscription,
        "access": access.current(organization, subscription, now),
        "status_label": label,
        "status_tone": tone,
        "is_choice_open": subscription is None or not subscription.is_live,
        "may_spend": callers.can_spend(membership),
        "billing_email": (subscription and subscription.billing_email) or organization.email,
        "method": payment_methods.default_method(organization),
        "invoices": invoices.latest(organization),
        "uses": account.uses(entitlements.entitlements_of(organization, now=now)),
        "lines": [
            Line(event, words.cause(event.cause)) for event in timeline.latest_events(organization)
        ],
        "refusal": words.sentence(refusal) if refusal else "",
        **(_of_subscription(subscription) if subscription else {}),
    }
    status = refusal.status if refusal else 200
    return base.show(request, "overview.html", context, status=status)


def _of_subscription(subscription: Subscription) -> dict[str, Any]:
    waiting = payments.open_change(subscription) if subscription.is_live else None
    is_overdue = subscription.status in account.OVERDUE
    owed = arrears.of(subscription).amount
    return {
        "order": offers.of_subscription(subscription),
        "discount": account.discount_in_words(subscription),
        "next_charge": account.next_charge(subscription),
        "pending": account.pending_change(subscription),
        "waiting_quote": waiting.obligation.quote_id if waiting else None,
        "is_overdue": is_overdue,
        "owed": owed.display() if owed else "",
        "hosted_url": hosted_pages.latest_open_invoice(subscription) if is_overdue else "",
        "is_ending": subscription.is_live and not subscription.auto_renew,
        "is_paused": subscription.status == _S.PAUSED,
        "may_end": not subscription.is_final,
    }
