"""Organizations, subscriptions and stored events, written in bulk into a fresh database."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bench import events, ids

if TYPE_CHECKING:
    from billing.models import Price

PERIOD_START = datetime.fromtimestamp(ids.START, UTC)
MONTH = timedelta(seconds=ids.MONTH)
# How many events each object has waiting, and whether its subscription already runs.
SHAPES = {
    # Everything a provider sends when a subscription starts, one after the other.
    "starts": (events.JOURNEY, False),
    # One event for each of as many subscriptions, which is news for all that follows it.
    "single starts": ((events.UPDATED,), False),
    # The same where only the period moves on.
    "renewals": ((events.UPDATED,), True),
}


def store(shape: str, numbers: range) -> int:
    """Store the rows and events of the subscriptions of these numbers; return how many events."""
    types, is_running = SHAPES[shape]
    _store_rows(numbers, _sell(), is_running=is_running)
    return _store_events(numbers, types)


def _sell() -> "Price":
    """Return the one price, publishing it the first time."""
    from billing import models
    from billing.enums import Provider

    known = models.Price.objects.filter(external_prices__external_id=ids.PRICE_ID).first()
    if known is not None:
        return known
    plan = models.Plan.objects.create(code="bench", name="Bench")
    version = models.PlanVersion.objects.create(plan=plan, version=1)
    price = models.Price.objects.create(
        plan_version=version, interval="month", currency="USD", amount_minor=ids.AMOUNT
    )
    models.ExternalPrice.objects.create(
        price=price,
        provider=Provider.STRIPE,
        external_id=ids.PRICE_ID,
        external_product_id=ids.PRODUCT_ID,
    )
    version.published_at = PERIOD_START
    version.save()
    return price


def _store_rows(numbers: range, price: "Price", *, is_running: bool) -> None:
    from billing import models
    from billing.enums import ObligationKind, Provider, SubscriptionStatus
    from orgs.models import Organization, PlanStatus

    Organization.objects.bulk_create(
        Organization(
            id=ids.row_id("org", number),
            name=f"Organization {number}",
            slug=f"organization-{number}",
            email=f"payer{number}@till.example",
            plan_status=PlanStatus.ACTIVE if is_running else PlanStatus.PENDING_PAYMENT,
            plan_id=price.plan_version.plan_id if is_running else None,
        )
        for number in numbers
    )
    models.Customer.objects.bulk_create(
        models.Customer(
            id=ids.row_id("cus", number),
            organization_id=ids.row_id("org", number),
            provider=Provider.STRIPE,
            external_id=ids.external_id("cus", number),
        )
        for number in numbers
    )
    status = SubscriptionStatus.ACTIVE if is_running else SubscriptionStatus.INCOMPLETE
    models.Subscription.objects.bulk_create(
        models.Subscription(
            id=ids.row_id("sub", number),
            organization_id=ids.row_id("org", number),
            customer_id=ids.row_id("cus", number),
            provider=Provider.STRIPE,
            external_id=ids.external_id("sub", number),
            status=status,
            plan_version=price.plan_version,
            price=price,
            current_period_start=PERIOD_START - MONTH if is_running else None,
            current_period_end=PERIOD_START if is_running else None,
            activated_at=PERIOD_START - MONTH if is_running else None,
        )
        for number in numbers
    )
    models.Obligation.objects.bulk_create(
        models.Obligation(
            id=ids.row_id("obl", number),
            organization_id=ids.row_id("org", number),
            subscription_id=ids.row_id("sub", number),
            kind=ObligationKind.SUBSCRIPTION_START,
            amount_minor=ids.AMOUNT,
            currency="USD",
            state="settled" if is_running else "open",
        )
        for number in numbers
    )
    models.PaymentAttempt.objects.bulk_create(
        models.PaymentAttempt(
            organization_id=ids.row_id("org", number),
            obligation_id=ids.row_id("obl", number),
            number=1,
            kind="card",
            provider=Provider.STRIPE,
            our_reference=f"bench{number}",
            state="succeeded" if is_running else "sent",
        )
        for number in numbers
    )


def _store_events(numbers: range, types: tuple[str, ...]) -> int:
    from billing.models import InboxEvent

    rows = [
        InboxEvent(
            provider="stripe",
            external_id=f"evt_bench_{number}_{index}",
            type=type_,
            payload=json.loads(events.body(f"evt_bench_{number}_{index}", type_, number)),
        )
        for number in numbers
        for index, type_ in enumerate(types)
    ]
    InboxEvent.objects.bulk_create(rows, batch_size=500)
    return len(rows)
