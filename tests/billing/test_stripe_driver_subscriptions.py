"""Subscriptions against the simulated Stripe: every way in which a start can end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.drivers.base import DriverRejected, ObjectMissing
from billing.enums import AttemptState, Provider, SubscriptionStatus
from tests.billing import stripe_builders as build
from tests.billing.stripe_starts import outcome, start
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.usefixtures("stripe")


class TestCreateSubscription:
    def test_a_good_card_makes_it_active(self, stripe: StripeSimulator) -> None:
        spec = build.subscription_spec(seats=3)

        snapshot = build.driver().create_subscription(spec, idempotency_key=build.new_key())

        assert snapshot.provider is Provider.STRIPE
        assert snapshot.status is SubscriptionStatus.ACTIVE
        assert (snapshot.our_id, snapshot.organization_id) == (spec.our_id, spec.organization_id)
        assert snapshot.external_customer_id == spec.external_customer_id
        assert snapshot.external_price_id == spec.external_price_id
        assert snapshot.seats == 3
        assert snapshot.trial_end is None
        assert snapshot.cancel_at_period_end is False
        assert (snapshot.cancel_at, snapshot.canceled_at, snapshot.ended_at) == (None, None, None)
        paid = outcome(snapshot)
        assert paid.state is AttemptState.SUCCEEDED
        assert paid.client_secret == ""
        intent = stripe.api("GET", f"/v1/payment_intents/{paid.external_id}").json()
        assert (intent["status"], intent["amount"]) == ("succeeded", 8700)

    def test_the_period_is_a_month_in_utc(self, stripe: StripeSimulator) -> None:
        snapshot = start()

        assert snapshot.current_period_start is not None
        assert snapshot.current_period_end is not None
        began = datetime.fromtimestamp(stripe.now(), UTC) - snapshot.current_period_start
        assert began < timedelta(minutes=1)
        length = snapshot.current_period_end - snapshot.current_period_start
        assert timedelta(days=28) <= length <= timedelta(days=31)
        assert snapshot.current_period_end.tzinfo is UTC

    def test_a_card_that_fails_later_is_a_failed_payment_and_no_exception(self) -> None:
        snapshot = start(card=build.DECLINED_AT_CHARGE)

        failed = outcome(snapshot)
        assert snapshot.status is SubscriptionStatus.INCOMPLETE
        assert failed.state is AttemptState.FAILED
        assert (failed.error_code, failed.decline_code) == ("card_declined", "generic_decline")

    def test_a_card_that_asks_its_holder_leaves_a_secret_for_the_browser(self) -> None:
        snapshot = start(card=build.ASKS_EVERY_TIME)

        waiting = outcome(snapshot)
        assert snapshot.status is SubscriptionStatus.INCOMPLETE
        assert waiting.state is AttemptState.REQUIRES_ACTION
        assert waiting.client_secret.startswith(f"{waiting.external_id}_secret_")

    def test_without_a_card_it_waits_for_one(self) -> None:
        snapshot = start(card="")

        waiting = outcome(snapshot)
        assert snapshot.status is SubscriptionStatus.INCOMPLETE
        assert waiting.state is None
        assert waiting.client_secret.startswith(f"{waiting.external_id}_secret_")

    def test_a_secret_shows_in_no_log(self) -> None:
        snapshot = start(card="")

        assert outcome(snapshot).client_secret not in repr(snapshot)

    def test_a_trial_with_a_card_needs_nothing_more(self) -> None:
        snapshot = start(trial_days=14)

        paid = outcome(snapshot)
        assert snapshot.status is SubscriptionStatus.TRIALING
        assert snapshot.trial_end == snapshot.current_period_end
        assert (paid.state, paid.client_secret) == (AttemptState.SUCCEEDED, "")

    def test_a_trial_without_a_card_has_the_secret_for_entering_one(self) -> None:
        snapshot = start(card="", trial_days=14)

        waiting = outcome(snapshot)
        assert snapshot.status is SubscriptionStatus.TRIALING
        assert waiting.state is AttemptState.SUCCEEDED
        assert waiting.client_secret.startswith("seti_")

    def test_the_same_key_charges_once(self, stripe: StripeSimulator) -> None:
        spec, key = build.subscription_spec(), build.new_key()

        first = build.driver().create_subscription(spec, idempotency_key=key)
        second = build.driver().create_subscription(spec, idempotency_key=key)

        assert first == second
        listed = stripe.api(
            "GET", "/v1/subscriptions", {"customer": spec.external_customer_id, "status": "all"}
        ).json()
        assert len(listed["data"]) == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"external_price_id": "price_nothing"},
            {"payment_method": "pm_nothing"},
            {"seats": -1},
        ],
    )
    def test_a_wrong_request_is_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises(DriverRejected) as caught:
            start(**change)

        assert caught.value.code == "INVALID_REQUEST"
        assert not isinstance(caught.value, ObjectMissing)


class TestRetrieveSubscription:
    @pytest.mark.parametrize(
        "card", [build.VISA, build.DECLINED_AT_CHARGE, build.ASKS_EVERY_TIME, ""]
    )
    def test_says_the_same_as_the_answer_to_the_start(self, card: str) -> None:
        created = start(card=card)

        assert build.driver().retrieve_subscription(created.external_id) == created

    def test_one_that_does_not_exist(self) -> None:
        with pytest.raises(ObjectMissing):
            build.driver().retrieve_subscription("sub_nothing")

    def test_an_id_can_not_lead_elsewhere(self, stripe: StripeSimulator) -> None:
        with pytest.raises(DriverRejected):
            build.driver().retrieve_subscription("../customers")

        assert stripe.requests()[-1]["path"].startswith("/v1/subscriptions/")

    def test_a_renewal_that_failed_is_past_due(self, stripe: StripeSimulator) -> None:
        customer = build.make_customer()
        good, bad = build.attach(customer), build.attach(customer, build.DECLINED_AT_CHARGE)
        spec = build.subscription_spec(card="", external_customer_id=customer, payment_method=good)
        created = build.driver().create_subscription(spec, idempotency_key=build.new_key())
        stripe.api(
            "POST", f"/v1/subscriptions/{created.external_id}", {"default_payment_method": bad}
        )

        stripe.advance(32 * 86_400)

        seen = build.driver().retrieve_subscription(created.external_id)
        failed = outcome(seen)
        assert seen.status is SubscriptionStatus.PAST_DUE
        assert seen.latest_invoice_id != created.latest_invoice_id
        assert (failed.state, failed.decline_code) == (AttemptState.FAILED, "generic_decline")
        assert seen.current_period_start == created.current_period_end


class TestFindSubscription:
    def test_finds_ours_among_many_of_the_same_payer(self) -> None:
        customer = build.make_customer()
        method = build.attach(customer)
        created = [
            start(card="", external_customer_id=customer, payment_method=method) for _ in range(3)
        ]

        for snapshot in created:
            found = build.driver().find_subscription(
                our_id=snapshot.our_id, external_customer_id=customer
            )
            assert found == snapshot

    def test_looks_at_every_page(self, stripe: StripeSimulator) -> None:
        customer = build.make_customer()
        wanted = start(card="", external_customer_id=customer)
        price = build.make_price().external_id
        for _ in range(101):
            stripe.api(
                "POST",
                "/v1/subscriptions",
                {
                    "customer": customer,
                    "items[0][price]": price,
                    "payment_behavior": "default_incomplete",
                },
            )

        found = build.driver().find_subscription(
            our_id=wanted.our_id, external_customer_id=customer
        )

        assert found == wanted

    def test_finds_one_that_has_ended(self) -> None:
        created = start()
        build.driver().cancel_subscription(created.external_id, idempotency_key=build.new_key())

        found = build.driver().find_subscription(
            our_id=created.our_id, external_customer_id=created.external_customer_id
        )

        assert found is not None
        assert found.status is SubscriptionStatus.CANCELED

    def test_one_that_goes_on_comes_before_one_that_has_ended(self) -> None:
        spec = build.subscription_spec()
        alive = build.driver().create_subscription(spec, idempotency_key=build.new_key())
        ended = build.driver().create_subscription(spec, idempotency_key=build.new_key())
        build.driver().cancel_subscription(ended.external_id, idempotency_key=build.new_key())

        found = build.driver().find_subscription(
            our_id=spec.our_id, external_customer_id=spec.external_customer_id
        )

        assert found == alive

    def test_finds_nothing(self) -> None:
        customer = build.make_customer()

        found = build.driver().find_subscription(our_id="ours", external_customer_id=customer)

        assert found is None


class TestClientSecret:
    @pytest.mark.parametrize("card", [build.DECLINED_AT_CHARGE, build.ASKS_EVERY_TIME, ""])
    def test_is_there_while_the_payment_is_open(self, card: str) -> None:
        created = start(card=card)

        secret = build.driver().client_secret(created.external_id)

        assert secret == outcome(created).client_secret
        assert secret != ""

    def test_is_empty_once_it_is_paid(self) -> None:
        assert build.driver().client_secret(start().external_id) == ""
