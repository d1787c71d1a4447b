"""The free plan: local, no provider, nothing to pay, and replaced by the first paid one."""

from datetime import datetime

from django.db import transaction

from billing.enums import Provider, SubscriptionStatus
from billing.errors import AlreadySubscribed
from billing.models import Price, Subscription
from billing.selectors import subscriptions
from billing.services import activation, customers, standing, timeline, wording
from billing.types import Cause
from orgs.models import Organization


def start_free_plan(
    *, organization: Organization, price: Price, cause: Cause, now: datetime
) -> Subscription:
    """Put an organization on a free plan, at once.

    Raises:
        AlreadySubscribed: it has this plan, or a paid one.
    """
    customer = customers.get_or_create_customer(organization=organization, provider=Provider.CUSTOM)
    with transaction.atomic():
        locked = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        if subscriptions.in_force(locked) is not None:
            raise AlreadySubscribed
        row = Subscription(
            organization=locked,
            customer=customer,
            provider=Provider.CUSTOM,
            is_free=True,
            plan_version=price.plan_version,
            price=price,
        )
        before = wording.state_of(row)
        row.status = SubscriptionStatus.ACTIVE
        row.activated_at = row.current_period_start = now
        row.save(force_insert=True)
        pending = timeline.Pending()
        for line in wording.lines(before, row, now=now):
            pending.record_event(organization=locked, line=line, cause=cause)
        activation.announce(subscription=row, now=now)
        standing.refresh_organization(locked, cause=cause, now=now, pending=pending)
    organization.refresh_from_db()
    return row


def end_free_plan(*, subscription: Subscription, cause: Cause, now: datetime) -> Subscription:
    """End a free plan, at once: it has no period to wait for."""
    with transaction.atomic():
        locked = Organization.objects.select_for_update(no_key=True).get(
            pk=subscription.organization_id
        )
        row = (
            Subscription.objects.select_for_update(of=("self",))
            .select_related("plan_version__plan", "price", "customer")
            .get(pk=subscription.pk)
        )
        if row.is_final:
            return row
        before = wording.state_of(row)
        row.status = SubscriptionStatus.CANCELED
        row.canceled_at = row.ended_at = now
        row.save(update_fields=["status", "canceled_at", "ended_at", "updated_at"])
        pending = timeline.Pending()
        for line in wording.lines(before, row, now=now):
            pending.record_event(organization=locked, line=line, cause=cause)
        standing.refresh_organization(locked, cause=cause, now=now, pending=pending)
    return row
