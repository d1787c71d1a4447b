"""A provider's own checkout page: applying what became of it."""

import uuid
from datetime import datetime

from billing.drivers import registry
from billing.enums import CheckoutStatus
from billing.models import CheckoutSession
from billing.services import abandon, projection
from billing.types import Cause, CheckoutSnapshot


class UnknownCheckout(LookupError):
    """The provider told us about a checkout that is not one of ours."""


def find(provider: str, snapshot: CheckoutSnapshot) -> CheckoutSession:
    """Return our row for a provider's checkout.

    Raises:
        UnknownCheckout: there is none.
    """
    mine = CheckoutSession.objects.filter(provider=provider).select_related(
        "subscription__customer", "organization"
    )
    row = mine.filter(external_id=snapshot.external_id).first()
    if row is None and snapshot.our_id:
        try:
            row = mine.filter(pk=uuid.UUID(snapshot.our_id), external_id="").first()
        except ValueError:
            row = None
    if row is None:
        raise UnknownCheckout(snapshot.external_id)
    return row


def organization_of(provider: str, snapshot: CheckoutSnapshot) -> object:
    """Return the id of the organization a checkout belongs to."""
    return find(provider, snapshot).organization_id


def converge_checkout(
    *, provider: str, snapshot: CheckoutSnapshot, cause: Cause, now: datetime
) -> None:
    """Bring our checkout, and the subscription it led to, in line with the provider's.

    Raises:
        UnknownCheckout: none of ours.
        DriverError: the subscription behind it could not be fetched.
    """
    row = find(provider, snapshot)
    if not row.external_id:
        CheckoutSession.objects.filter(pk=row.pk, external_id="").update(
            external_id=snapshot.external_id, updated_at=now
        )
    if snapshot.status == "complete" and snapshot.external_subscription_id:
        fetched_at = projection.database_now()
        found = registry.get_driver(provider).retrieve_subscription(
            snapshot.external_subscription_id
        )
        projection.converge(snapshot=found, fetched_at=fetched_at, cause=cause, now=now)
    if snapshot.status == "expired":
        expire(row, cause=cause, now=now)


def expire(row: CheckoutSession, *, cause: Cause, now: datetime) -> None:
    """Close a checkout here that is closed at the provider, and the start that waited for it."""
    CheckoutSession.objects.filter(pk=row.pk, status=CheckoutStatus.OPEN).update(
        status=CheckoutStatus.EXPIRED, updated_at=now
    )
    if row.subscription is not None:
        abandon.cancel_locally(subscription=row.subscription, cause=cause, now=now)
