"""Subscriptions of the engine's own: few that are due, among as many as you like that are not."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bench import ids

if TYPE_CHECKING:
    from billing.engine.models import EnginePrice
    from billing.models import Price

DUE_AT = datetime.fromtimestamp(ids.START, UTC)
MONTH = timedelta(seconds=ids.MONTH)
_ENGINE_PRICE = "cc_price_bench"

# Rows that sleep until next month, each with its payer and an invoice that is paid: written by the
# database itself, in the tables whose size the claim and the renewal could depend on.
_ASLEEP = """
WITH numbers AS (SELECT n, gen_random_uuid() AS payer, gen_random_uuid() AS subscription
                 FROM generate_series(%(first)s, %(last)s) AS n),
payers AS (
    INSERT INTO engine_payer (id, created_at, updated_at, organization_id, provider, external_id,
        our_id, email, name, address, tax_ids, country, region, is_tax_exempt, zone,
        default_method_id)
    SELECT payer, now(), now(), %(organization)s, 'cardconnect', 'cc_cus_asleep' || n, 'a' || n,
        '', '', '[]', '[]', '', '', false, 'UTC', ''
    FROM numbers RETURNING id),
subscriptions AS (
    INSERT INTO engine_enginesubscription (id, created_at, updated_at, organization_id, payer_id,
        provider, external_id, our_id, status, price_id, seats, anchor_at, zone,
        current_period_start, current_period_end, is_trial, debit_seats, debit_minor, next_seats,
        schedule_id, cancel_at_period_end, cancel_reason, cancel_comment, collection,
        days_until_due, default_method_id, next_action_at)
    SELECT subscription, now(), now(), %(organization)s, payer, 'cardconnect', 'cc_sub_asleep' || n,
        'a' || n, 'active', %(price)s, 1, %(start)s, 'UTC', %(start)s, %(end)s, false, 0, 0, 0, '',
        false, '', '', 'charge_automatically', 0, '', %(end)s + n * interval '1 second'
    FROM numbers RETURNING id)
INSERT INTO engine_engineinvoice (id, created_at, updated_at, organization_id, payer_id,
    subscription_id, provider, external_id, number, status, billing_reason, collection, currency,
    subtotal_minor, discount_minor, tax_minor, total_minor, credit_minor, amount_due_minor,
    amount_paid_minor, paid_by_hand_minor, taxes, period_start, period_end, issued_at, payer_name,
    payer_email, payer_address, payer_tax_ids, charge_state, charge_key, charge_method_id,
    charge_by_payer, charge_external_id, decline_code, decline_kind, attempt_count)
SELECT gen_random_uuid(), now(), now(), %(organization)s, payer, subscription, 'cardconnect',
    'cc_in_asleep' || n, 'ASLEEP-' || n, 'paid', 'subscription_cycle', 'charge_automatically',
    'USD', 1900, 0, 0, 1900, 0, 1900, 1900, 0, '[]', %(start)s, %(end)s, %(start)s, '', '', '[]',
    '[]', 'succeeded', '', '', false, '', '', '', 1
FROM numbers
"""
_AT_ONCE = 100_000


def sell() -> "tuple[Price, EnginePrice]":
    """Return the one price, in the catalogue and at the engine; made the first time."""
    from billing.engine.models import EnginePrice
    from billing.enums import Provider
    from billing.models import ExternalPrice, Plan, PlanVersion, Price

    known = EnginePrice.objects.filter(external_id=_ENGINE_PRICE).first()
    if known is not None:
        return Price.objects.get(external_prices__external_id=_ENGINE_PRICE), known
    plan = Plan.objects.create(code="bench", name="Bench")
    version = PlanVersion.objects.create(plan=plan, version=1)
    price = Price.objects.create(
        plan_version=version, interval="month", currency="USD", amount_minor=ids.AMOUNT
    )
    ExternalPrice.objects.create(
        price=price, provider=Provider.CARDCONNECT, external_id=_ENGINE_PRICE
    )
    version.published_at = DUE_AT - MONTH
    version.save()
    return price, EnginePrice.objects.create(
        provider=Provider.CARDCONNECT,
        external_id=_ENGINE_PRICE,
        lookup_key="bench_v1_month_usd",
        product="bench",
        name="Bench",
        interval="month",
        currency="USD",
        unit_amount_minor=ids.AMOUNT,
    )


def store_asleep(rows: int) -> None:
    """Store subscriptions that are not due for another month."""
    from django.db import connection

    from orgs.models import Organization

    _, price = sell()
    organization = Organization.objects.create(name="Asleep", slug="asleep", email="a@till.example")
    for first in range(1, rows + 1, _AT_ONCE):
        values: dict[str, Any] = {
            "first": first,
            "last": min(rows, first + _AT_ONCE - 1),
            "organization": organization.pk,
            "price": price.pk,
            "start": DUE_AT,
            "end": DUE_AT + MONTH,
        }
        with connection.cursor() as cursor:
            cursor.execute(_ASLEEP, values)


def store_due(numbers: range) -> None:
    """Store organizations whose subscription, charged to a saved card, ends its period now."""
    from billing.engine.models import EngineSubscription, Payer
    from billing.enums import Provider, SubscriptionStatus
    from billing.models import Customer, Subscription
    from orgs.models import Organization, PlanStatus

    price, engine_price = sell()
    Organization.objects.bulk_create(
        Organization(
            id=ids.row_id("org", number),
            name=f"Organization {number}",
            slug=f"organization-{number}",
            email=f"payer{number}@till.example",
            plan_status=PlanStatus.ACTIVE,
            plan_id=price.plan_version.plan_id,
            access_level="full",
        )
        for number in numbers
    )
    Customer.objects.bulk_create(
        Customer(
            id=ids.row_id("cus", number),
            organization_id=ids.row_id("org", number),
            provider=Provider.CARDCONNECT,
            external_id=ids.external_id("cc_cus", number),
        )
        for number in numbers
    )
    Subscription.objects.bulk_create(
        Subscription(
            id=ids.row_id("sub", number),
            organization_id=ids.row_id("org", number),
            customer_id=ids.row_id("cus", number),
            provider=Provider.CARDCONNECT,
            external_id=ids.external_id("cc_sub", number),
            status=SubscriptionStatus.ACTIVE,
            plan_version=price.plan_version,
            price=price,
            current_period_start=DUE_AT - MONTH,
            current_period_end=DUE_AT,
            activated_at=DUE_AT - MONTH,
        )
        for number in numbers
    )
    Payer.objects.bulk_create(
        Payer(
            id=ids.row_id("payer", number),
            organization_id=ids.row_id("org", number),
            provider=Provider.CARDCONNECT,
            external_id=ids.external_id("cc_cus", number),
            our_id=str(ids.row_id("cus", number)),
            email=f"payer{number}@till.example",
            default_method_id=ids.external_id("cc_pm", number),
        )
        for number in numbers
    )
    EngineSubscription.objects.bulk_create(
        EngineSubscription(
            organization_id=ids.row_id("org", number),
            payer_id=ids.row_id("payer", number),
            provider=Provider.CARDCONNECT,
            external_id=ids.external_id("cc_sub", number),
            our_id=str(ids.row_id("sub", number)),
            status=SubscriptionStatus.ACTIVE,
            price=engine_price,
            seats=1,
            anchor_at=DUE_AT - MONTH,
            current_period_start=DUE_AT - MONTH,
            current_period_end=DUE_AT,
            collection="charge_automatically",
            next_action_at=DUE_AT,
        )
        for number in numbers
    )
