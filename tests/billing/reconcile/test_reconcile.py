"""Comparing everything: each drift is found in one pass, and none on a clean store."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.enums import AttemptState, SubscriptionStatus
from billing.models import (
    Invoice,
    PaymentAttempt,
    PaymentMethod,
    Price,
    Refund,
    Subscription,
)
from billing.types.differences import DifferenceKind as Kind
from tests.billing.invoice_event_steps import Shop
from tests.billing.reconcile_steps import compare, kinds, standing, virtual_now
from tests.billing.stripe_invoice_cases import refund, sent
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


@dataclasses.dataclass(frozen=True)
class Drift:
    """One way in which rows and provider come to disagree; `also` is what follows from it."""

    kind: Kind
    inject: Callable[[Shop], object]
    also: frozenset[Kind] = frozenset()

    def __str__(self) -> str:
        return self.kind.value


def ours(shop: Shop, **values: object) -> object:
    """Change our subscription alone, as a bug or a restored backup would."""
    return Subscription.objects.filter(pk=shop.subscription.pk).update(**values)


def theirs(shop: Shop, path: str, **params: object) -> object:
    """Change something at the provider; its events are lost on the way."""
    return sent(shop.stripe, path, params)


def subscription_path(shop: Shop) -> str:
    return f"/v1/subscriptions/{shop.subscription.external_id}"


def canceled_there(shop: Shop) -> object:
    return shop.stripe.api("DELETE", subscription_path(shop))


def seats_there(shop: Shop) -> object:
    items = shop.stripe.api("GET", subscription_path(shop)).json()["items"]["data"]
    path = f"/v1/subscription_items/{items[0]['id']}"
    return theirs(shop, path, quantity=7, proration_behavior="none")


def other_price_here(shop: Shop) -> object:
    other = Price.objects.exclude(pk=shop.subscription.price_id).exclude(amount_minor=0).first()
    assert other is not None
    return ours(shop, price=other, plan_version=other.plan_version)


def second_subscription(shop: Shop) -> object:
    price = shop.subscription.price.external_prices.get().external_id
    card = PaymentMethod.objects.get(organization=shop.organization).external_id
    params = {
        "customer": shop.customer,
        "items[0][price]": price,
        "default_payment_method": card,
    }
    return sent(shop.stripe, "/v1/subscriptions", params)


def coupon_there(shop: Shop) -> object:
    code = f"friends-{shop.subscription.pk.hex[:8]}"
    sent(shop.stripe, "/v1/coupons", {"id": code, "percent_off": "10", "duration": "forever"})
    return theirs(shop, subscription_path(shop), **{"discounts[0][coupon]": code})


def card_there(shop: Shop) -> object:
    method = sent(
        shop.stripe, "/v1/payment_methods/pm_card_mastercard/attach", {"customer": shop.customer}
    )
    params = {"invoice_settings[default_payment_method]": method["id"]}
    return theirs(shop, f"/v1/customers/{shop.customer}", **params)


def invoice_forgotten(shop: Shop) -> object:
    shop.invoice.deliveries.all().delete()
    return shop.invoice.delete()


def invoice_here(**values: object) -> Callable[[Shop], object]:
    return lambda shop: Invoice.objects.filter(pk=shop.invoice.pk).update(**values)


def invoice_of_nobody(shop: Shop) -> object:
    invoice = shop.invoice
    invoice.lines.all().delete()
    invoice.pk, invoice.external_id, invoice.number = None, "in_nowhere", "NOWHERE-1"
    invoice._state.adding = True
    invoice.save(force_insert=True)
    return invoice


def refund_here(shop: Shop) -> object:
    """A refund that we have with another amount."""
    shop.news()
    refund(shop.stripe, shop.charge, 500)
    shop.deliver(*shop.news())
    return Refund.objects.filter(organization=shop.organization).update(
        amount_minor=400, updated_at=virtual_now(shop.stripe) - timedelta(hours=2)
    )


PLANNED = {
    "kind": "scheduled",
    "price_id": "c0ffee00-0000-4000-8000-000000000001",
    "seats": 3,
    "effective_at": "2027-01-01T00:00:00Z",
}


def undecided(shop: Shop) -> object:
    return PaymentAttempt.objects.filter(organization=shop.organization).update(
        state=AttemptState.UNKNOWN,
        sent_at=virtual_now(shop.stripe) - timedelta(hours=2),
        resolve_after=virtual_now(shop.stripe),
    )


def event_lost(shop: Shop) -> object:
    """A receiver that takes nothing, and an event that only went to it."""
    hook = {"url": "http://127.0.0.1:9/never", "enabled_events[0]": "customer.updated"}
    endpoint = sent(shop.stripe, "/v1/webhook_endpoints", hook)
    shop.stripe.configure_webhooks(drop="all")
    theirs(shop, f"/v1/customers/{shop.customer}", description="Changed by hand")
    shop.stripe.configure_webhooks(drop=0)
    return shop.stripe.api("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")


DRIFTS = [
    Drift(Kind.STATUS, canceled_there),
    Drift(Kind.STATUS, lambda shop: ours(shop, status=SubscriptionStatus.PAST_DUE)),
    Drift(Kind.PERIOD, lambda shop: ours(shop, current_period_end=virtual_now(shop.stripe))),
    Drift(Kind.PRICE, other_price_here),
    Drift(Kind.SEATS, seats_there),
    Drift(
        Kind.CANCELLATION,
        lambda shop: theirs(shop, subscription_path(shop), cancel_at_period_end="true"),
    ),
    Drift(Kind.DISCOUNT, coupon_there),
    Drift(Kind.DEFAULT_METHOD, card_there, frozenset({Kind.PAYMENT_METHODS})),
    Drift(
        Kind.CUSTOMER_EMAIL,
        lambda shop: theirs(shop, f"/v1/customers/{shop.customer}", email="other@bistro.example"),
    ),
    Drift(
        Kind.CUSTOMER_MISSING,
        lambda shop: shop.stripe.api("DELETE", f"/v1/customers/{shop.customer}"),
        frozenset({Kind.STATUS}),
    ),
    Drift(Kind.SUBSCRIPTION_UNKNOWN, second_subscription, frozenset({Kind.INVOICE_UNKNOWN})),
    Drift(
        Kind.SUBSCRIPTION_MISSING,
        lambda shop: ours(shop, external_id="sub_nowhere"),
        frozenset({Kind.SUBSCRIPTION_UNKNOWN}),
    ),
    Drift(Kind.INVOICE_UNKNOWN, invoice_forgotten),
    Drift(Kind.INVOICE_MISSING, invoice_of_nobody),
    Drift(Kind.INVOICE_STATUS, invoice_here(status="open")),
    Drift(Kind.INVOICE_AMOUNT, invoice_here(total_minor=1900)),
    Drift(Kind.AMOUNT_PAID, invoice_here(amount_paid_minor=1900, amount_remaining_minor=1000)),
    Drift(Kind.REFUND_UNKNOWN, lambda shop: refund(shop.stripe, shop.charge, 500)),
    Drift(Kind.REFUND, refund_here),
    Drift(Kind.SCHEDULED_CHANGE, lambda shop: ours(shop, pending_change=PLANNED)),
    Drift(Kind.EVENT_MISSED, event_lost),
    Drift(Kind.ATTEMPT_UNDECIDED, undecided),
]


class TestReconcile:
    def test_finds_nothing_on_a_clean_store(self, stripe: StripeSimulator, settled: Shop) -> None:
        run = compare(stripe)

        assert standing(settled) == {}
        assert (run.state, run.error, run.found, run.postponed) == ("done", "", 0, 0)
        assert run.compared > 0

    @pytest.mark.parametrize("drift", DRIFTS, ids=str)
    def test_finds_a_drift_in_one_pass(
        self, stripe: StripeSimulator, settled: Shop, drift: Drift
    ) -> None:
        drift.inject(settled)
        stripe.advance(3600)

        compare(stripe)

        assert kinds(settled) == {drift.kind, *drift.also}
