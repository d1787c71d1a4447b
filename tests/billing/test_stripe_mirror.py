"""Raw copies in dj-stripe's tables, taken from the simulated Stripe."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import stripe as sdk
from django.db import close_old_connections, connection, transaction
from djstripe import models

from billing.drivers.base import DriverUnavailable
from billing.drivers.stripe import calls
from billing.types import DiscountRef, Subject, SubscriptionSnapshot
from tests.billing import stripe_builders as build
from tests.billing import stripe_terminal_cases
from tests.billing.coupon_steps import coupon_spec
from tests.simulators.stripe.client import StripeSimulator


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_PAUSES_S", (0.01, 0.02))


@pytest.fixture
def started(stripe: StripeSimulator) -> SubscriptionSnapshot:
    """A paid subscription at Stripe."""
    spec = build.subscription_spec(seats=2)
    return build.driver().create_subscription(spec, idempotency_key=build.new_key())


def copy(kind: str, external_id: str) -> bool:
    return build.driver().copy_to_mirror(Subject(kind, external_id))


def _ids(started: SubscriptionSnapshot, stripe: StripeSimulator) -> dict[str, str]:
    subscription = stripe.api("GET", f"/v1/subscriptions/{started.external_id}").json()
    assert started.latest_payment is not None
    return {
        "customer": started.external_customer_id,
        "subscription": started.external_id,
        "invoice": started.latest_invoice_id,
        "payment_intent": started.latest_payment.external_id,
        "payment_method": subscription["default_payment_method"],
        "price": started.external_price_id,
        "product": subscription["items"]["data"][0]["price"]["product"],
    }


MODELS: dict[str, Any] = {
    "customer": models.Customer,
    "subscription": models.Subscription,
    "invoice": models.Invoice,
    "payment_intent": models.PaymentIntent,
    "payment_method": models.PaymentMethod,
    "price": models.Price,
    "product": models.Product,
}


@pytest.mark.django_db
class TestCopyToMirror:
    @pytest.mark.parametrize("kind", ["subscription", "invoice"])
    def test_copies_what_a_discount_lies_on(self, stripe: StripeSimulator, kind: str) -> None:
        coupon = build.driver().ensure_coupon(
            coupon_spec(duration="forever"), idempotency_key=build.new_key()
        )
        spec = build.subscription_spec(discount=DiscountRef(coupon))
        started = build.driver().create_subscription(spec, idempotency_key=build.new_key())
        external_id = _ids(started, stripe)[kind]

        assert copy(kind, external_id) is True

        assert MODELS[kind].objects.get(id=external_id).stripe_data["discounts"]

    @pytest.mark.parametrize("kind", MODELS)
    def test_copies_the_object_as_it_is(
        self, stripe: StripeSimulator, started: SubscriptionSnapshot, kind: str
    ) -> None:
        external_id = _ids(started, stripe)[kind]

        assert copy(kind, external_id) is True

        row = MODELS[kind].objects.get(id=external_id)
        assert row.stripe_data["id"] == external_id
        assert row.stripe_data["object"] == kind
        assert row.livemode is False

    @pytest.mark.parametrize("kind", MODELS)
    def test_copies_in_any_order_and_twice(
        self, stripe: StripeSimulator, started: SubscriptionSnapshot, kind: str
    ) -> None:
        ids = _ids(started, stripe)

        for other in (kind, *MODELS, kind):
            assert copy(other, ids[other]) is True

        assert {name: MODELS[name].objects.count() for name in MODELS} == dict.fromkeys(MODELS, 1)

    def test_copies_a_payment_in_person(self, stripe: StripeSimulator) -> None:
        order = stripe_terminal_cases.till(stripe).taken()

        assert copy("payment_intent", order.external_id) is True

        row = models.PaymentIntent.objects.get(id=order.external_id)
        assert row.stripe_data["status"] == "succeeded"
        assert row.customer is None

    def test_follows_a_change(self, started: SubscriptionSnapshot) -> None:
        copy("subscription", started.external_id)
        build.driver().cancel_subscription(started.external_id, idempotency_key=build.new_key())

        copy("subscription", started.external_id)

        row = models.Subscription.objects.get(id=started.external_id)
        assert row.stripe_data["status"] == "canceled"
        assert row.customer.id == started.external_customer_id

    def test_a_kind_it_does_not_keep_is_said_without_asking(self, stripe: StripeSimulator) -> None:
        before = stripe.calls_so_far()

        assert copy("invoice_payment", "inpay_1") is False
        assert copy("checkout_session", "cs_test_1") is False
        assert stripe.calls_so_far() == before

    def test_what_is_gone_stays_as_it_was(
        self, stripe: StripeSimulator, started: SubscriptionSnapshot
    ) -> None:
        copy("customer", started.external_customer_id)
        stripe.api("DELETE", f"/v1/customers/{started.external_customer_id}")
        before = stripe.calls_so_far()

        assert copy("customer", started.external_customer_id) is True
        assert copy("customer", "cus_nothing") is True

        row = models.Customer.objects.get(id=started.external_customer_id)
        assert not row.stripe_data.get("deleted")
        assert models.Customer.objects.filter(id="cus_nothing").exists() is False
        # dj-stripe's own handler would send a deletion of its own.
        assert {entry["method"] for entry in stripe.requests(before)} == {"GET"}

    def test_never_relates_a_payer_to_an_organization(self, started: SubscriptionSnapshot) -> None:
        copy("customer", started.external_customer_id)

        assert models.Customer.objects.get().subscriber is None

    def test_asks_with_the_pinned_version_only(
        self, stripe: StripeSimulator, started: SubscriptionSnapshot, settings: Any
    ) -> None:
        before = stripe.calls_so_far()

        copy("invoice", started.latest_invoice_id)

        asked = stripe.requests(before)
        assert {entry["headers"]["stripe-version"] for entry in asked} == {
            settings.STRIPE_API_VERSION
        }
        assert {entry["method"] for entry in asked} == {"GET"}


@pytest.mark.django_db
class TestWhenStripeFails:
    @pytest.mark.parametrize("path", ["/subscriptions/", "/customers/"])
    def test_nothing_is_kept_of_half_a_copy(
        self, stripe: StripeSimulator, started: SubscriptionSnapshot, path: str
    ) -> None:
        stripe.add_fault(method="GET", path=path, status=500, times=-1)

        with pytest.raises(DriverUnavailable):
            copy("subscription", started.external_id)

        assert models.Subscription.objects.exists() is False
        assert models.Customer.objects.exists() is False
        stripe.clear_faults()
        assert copy("subscription", started.external_id) is True

    @pytest.mark.parametrize("path", ["/subscriptions/", "/customers/"])
    def test_a_silent_stripe_is_waited_for_only_so_long(
        self, stripe: StripeSimulator, started: SubscriptionSnapshot, settings: Any, path: str
    ) -> None:
        stripe.add_fault(method="GET", path=path, action="timeout_before", times=-1)
        settings.STRIPE_READ_TIMEOUT_SECONDS = 0.2
        before = stripe.calls_so_far()

        with pytest.raises(DriverUnavailable):
            copy("subscription", started.external_id)

        silent = [entry for entry in stripe.requests(before) if path in entry["path"]]
        assert len(silent) == 1

    def test_dj_stripe_asks_where_the_settings_say(
        self, stripe: StripeSimulator, started: SubscriptionSnapshot
    ) -> None:
        sdk.api_base = "http://127.0.0.1:9"

        assert copy("subscription", started.external_id) is True


@pytest.mark.django_db(transaction=True)
class TestConcurrently:
    def test_two_copies_of_one_object_wait_for_each_other(
        self, started: SubscriptionSnapshot
    ) -> None:
        copied = threading.Event()

        def copy_beside() -> None:
            copy("subscription", started.external_id)
            copied.set()

        with transaction.atomic():
            _hold_lock(started.external_id)
            thread = _in_thread(copy_beside)
            assert copied.wait(0.3) is False

        thread.join(10)
        assert copied.is_set()

    def test_the_later_copy_wins(
        self, stripe: StripeSimulator, started: SubscriptionSnapshot
    ) -> None:
        copy("subscription", started.external_id)
        # The first copy gets its answer late; meanwhile the subscription ends and is copied again.
        stripe.add_fault(method="GET", path="/subscriptions/", latency_ms=300)
        first = _in_thread(lambda: copy("subscription", started.external_id))
        threading.Event().wait(0.1)
        stripe.api("DELETE", f"/v1/subscriptions/{started.external_id}")
        second = _in_thread(lambda: copy("subscription", started.external_id))

        first.join(10)
        second.join(10)

        row = models.Subscription.objects.get(id=started.external_id)
        assert row.stripe_data["status"] == "canceled"


def _hold_lock(external_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [external_id])


def _in_thread(work: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()
            close_old_connections()

    thread = threading.Thread(target=run)
    thread.start()
    return thread
