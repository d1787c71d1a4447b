"""Rows and snapshots with boring defaults, for tests that need no provider."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from billing.enums import (
    AttemptKind,
    AttemptState,
    Interval,
    ObligationKind,
    Provider,
    SubscriptionStatus,
)
from billing.models import (
    Customer,
    ExternalPrice,
    PaymentAttempt,
    Plan,
    PlanVersion,
    Price,
    Subscription,
)
from billing.services import settlement
from billing.types import PaymentOutcome, SubscriptionSnapshot
from orgs.models import Organization

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def make_organization(name: str = "Bistro") -> Organization:
    return Organization.objects.create(
        name=name, slug=f"{name.lower()}-{uuid.uuid4().hex[:8]}", email=f"{name.lower()}@till.test"
    )


def make_price(code: str = "bistro", amount_minor: int = 2900, **fields: Any) -> Price:
    plan, _ = Plan.objects.get_or_create(code=code, defaults={"name": code.title()})
    version, _ = PlanVersion.objects.get_or_create(plan=plan, version=1)
    interval = fields.pop("interval", Interval.MONTH)
    price, is_new = Price.objects.get_or_create(
        plan_version=version,
        interval=interval,
        defaults={"currency": "USD", "amount_minor": amount_minor, **fields},
    )
    if is_new:
        ExternalPrice.objects.create(
            price=price, provider=Provider.STRIPE, external_id=f"price_{code}_{interval}"
        )
    return price


def make_subscription(organization: Organization | None = None, **fields: Any) -> Subscription:
    """An incomplete start with its debt and a sent attempt, as `start_subscription` leaves it."""
    organization = organization or make_organization()
    price = fields.pop("price", None) or make_price()
    state = fields.pop("attempt_state", AttemptState.SENT)
    customer, _ = Customer.objects.get_or_create(
        organization=organization,
        reference=None,
        provider=Provider.STRIPE,
        defaults={"external_id": f"cus_{organization.slug}", "email": organization.email},
    )
    subscription = Subscription.objects.create(
        organization=organization,
        customer=customer,
        provider=Provider.STRIPE,
        plan_version=price.plan_version,
        price=price,
        **fields,
    )
    obligation = settlement.open_obligation(
        subscription=subscription,
        kind=ObligationKind.SUBSCRIPTION_START,
        amount_minor=price.amount_minor,
        currency=price.currency,
    )
    attempt = settlement.new_attempt(
        obligation=obligation, kind=AttemptKind.CARD, provider=Provider.STRIPE
    )
    PaymentAttempt.objects.filter(pk=attempt.pk).update(state=state, sent_at=NOW)
    return subscription


def snapshot_of(subscription: Subscription, **changes: Any) -> SubscriptionSnapshot:
    """What the provider would say of a row that was just paid."""
    fields: dict[str, Any] = {
        "provider": Provider.STRIPE,
        "external_id": subscription.external_id or f"sub_{subscription.pk.hex[:16]}",
        "external_customer_id": subscription.customer.external_id,
        "status": SubscriptionStatus.ACTIVE,
        "our_id": str(subscription.pk),
        "organization_id": str(subscription.organization_id),
        "external_price_id": subscription.price.external_prices.get().external_id,
        "seats": subscription.seats,
        "current_period_start": NOW,
        "current_period_end": NOW + timedelta(days=31),
        "latest_invoice_id": "in_1",
        "latest_payment": PaymentOutcome(AttemptState.SUCCEEDED, external_id="pi_1"),
    }
    return SubscriptionSnapshot(**{**fields, **changes})


def moment(seconds: int = 0) -> datetime:
    """A database time, `seconds` from a fixed one."""
    return timezone.now().replace(year=2026, month=3, day=1) + timedelta(seconds=seconds)
