"""`/settings/billing`: where an organization stands, from local rows alone."""

import dataclasses

from django.http import HttpRequest, HttpResponse

from billing.enums import SubscriptionStatus
from billing.models import BillingEvent, Subscription
from billing.pages import base, callers, offers, words
from billing.selectors import access, subscriptions, timeline
from orgs import clock

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
    if subscription.is_live and not subscription.auto_renew:
        return "Active until it ends", "warning"
    return _TONES[SubscriptionStatus(subscription.status)]


class OverviewPage(base.Page):
    """Readable for every role."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show status, plan, next charge and the latest changes."""
        membership = callers.require_member(request)
        organization = membership.organization
        subscription = subscriptions.current(organization)
        label, tone = pill(subscription)
        context = {
            "organization": organization,
            "subscription": subscription,
            "access": access.current(organization, subscription, clock.now(organization)),
            "status_label": label,
            "status_tone": tone,
            "order": offers.of_subscription(subscription) if subscription else None,
            "is_choice_open": subscription is None or not subscription.is_live,
            "may_spend": callers.can_spend(membership),
            "billing_email": (subscription and subscription.billing_email) or organization.email,
            "lines": [
                Line(event, words.cause(event.cause))
                for event in timeline.latest_events(organization)
            ],
        }
        return base.show(request, "overview.html", context)
