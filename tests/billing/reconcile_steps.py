"""A tenant whose rows and provider agree, and the comparison of both."""

from datetime import UTC, datetime, timedelta
from typing import Any

from billing.enums import Provider
from billing.models import Difference, Reconciliation
from billing.services import payers, reconcile
from billing.services.reconcile_session import Limits
from billing.types.differences import DifferenceKind, Remedy, RunState, Scope
from tests.billing.invoice_event_steps import Shop
from tests.billing.stripe_invoice_cases import sent
from tests.billing.subscribe_steps import CAUSE
from tests.factories_billing import NOW, SubscriptionFactory
from tests.simulators.stripe.client import StripeSimulator

# No waiting between questions: the simulator has no limits.
SWIFT = Limits(calls=5_000, per_second=100_000)
HOUR = 3600


def virtual_now(stripe: StripeSimulator) -> datetime:
    return datetime.fromtimestamp(stripe.now(), UTC)


def settle(shop: Shop) -> None:
    """Bring all to rest: events were taken in, the payer was seen, and an hour passes."""
    shop.deliver(*shop.stripe.events(about=shop.customer))
    payers.see_unseen(organization=shop.organization, cause=CAUSE, now=virtual_now(shop.stripe))
    shop.stripe.advance(HOUR)


def change_seats(shop: Shop, seats: int = 7) -> None:
    """Change the seats at the provider; nobody is told."""
    path = f"/v1/subscriptions/{shop.subscription.external_id}"
    item = shop.stripe.api("GET", path).json()["items"]["data"][0]["id"]
    params = {"quantity": seats, "proration_behavior": "none"}
    sent(shop.stripe, f"/v1/subscription_items/{item}", params)


def compare(
    stripe: StripeSimulator, scope: Scope = Scope.FULL, limits: Limits = SWIFT, **more: Any
) -> Reconciliation:
    return reconcile.reconcile_provider(
        provider=Provider.STRIPE, scope=scope, now=virtual_now(stripe), limits=limits, **more
    )


def standing(shop: Shop) -> dict[tuple[str, str], str]:
    """Return what differs for a tenant: kind and object, and its state."""
    rows = Difference.objects.filter(organization=shop.organization).standing()
    return {(row.kind, row.external_id): row.state for row in rows}


def kinds(shop: Shop) -> set[str]:
    return {kind for kind, _ in standing(shop)}


def make_difference(**fields: Any) -> Difference:
    """An open difference of a tenant's seats, last seen at noon."""
    subscription = fields.pop("subscription", None) or SubscriptionFactory.create()
    values: dict[str, Any] = {
        "organization": subscription.organization,
        "provider": Provider.STRIPE,
        "kind": DifferenceKind.SEATS,
        "object_type": "subscription",
        "external_id": subscription.external_id,
        "object_id": str(subscription.pk),
        "ours": {"seats": 1},
        "theirs": {"seats": 7},
        "remedy": Remedy.ADOPT,
        "first_seen_at": NOW,
        "last_seen_at": NOW,
    }
    return Difference.objects.create(**{**values, **fields})


def make_comparison(**fields: Any) -> Reconciliation:
    """A comparison of everything that found nothing."""
    values: dict[str, Any] = {
        "provider": Provider.STRIPE,
        "scope": Scope.FULL,
        "state": RunState.DONE,
        "started_at": NOW,
        "alive_at": NOW,
        "finished_at": NOW,
        "covers_since": NOW - timedelta(days=1),
    }
    return Reconciliation.objects.create(**{**values, **fields})
