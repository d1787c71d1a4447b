"""Subscriptions that are canceled or abandoned, against the simulated Stripe."""

import pytest

from billing.drivers.base import DriverRejected, ObjectMissing
from billing.drivers.stripe import subscriptions
from billing.enums import AttemptState, SubscriptionStatus
from tests.billing import stripe_builders as build
from tests.billing.stripe_starts import outcome, start
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.usefixtures("stripe")


class TestCancelSubscription:
    def test_ends_it_now(self) -> None:
        created = start()

        ended = build.driver().cancel_subscription(
            created.external_id, idempotency_key=build.new_key()
        )

        assert ended.status is SubscriptionStatus.CANCELED
        assert ended.ended_at is not None
        assert ended.canceled_at is not None

    def test_one_that_has_ended_is_returned_as_it_is(self) -> None:
        created = start()
        key = build.new_key()
        ended = build.driver().cancel_subscription(created.external_id, idempotency_key=key)

        again = build.driver().cancel_subscription(created.external_id, idempotency_key=key)

        assert again == ended

    def test_one_that_does_not_exist(self) -> None:
        with pytest.raises(ObjectMissing):
            build.driver().cancel_subscription("sub_nothing", idempotency_key=build.new_key())


class TestAbandonSubscription:
    @pytest.mark.parametrize("card", [build.DECLINED_AT_CHARGE, build.ASKS_EVERY_TIME, ""])
    def test_an_unpaid_start_can_no_longer_be_paid(
        self, stripe: StripeSimulator, card: str
    ) -> None:
        created = start(card=card)

        given_up = build.driver().abandon_subscription(
            created.external_id, idempotency_key=build.new_key()
        )

        assert given_up.status is SubscriptionStatus.INCOMPLETE_EXPIRED
        assert build.driver().client_secret(created.external_id) == ""
        invoice = stripe.api("GET", f"/v1/invoices/{created.latest_invoice_id}").json()
        assert invoice["status"] == "void"
        intent = stripe.api("GET", f"/v1/payment_intents/{outcome(created).external_id}").json()
        assert intent["status"] == "canceled"

    def test_a_decline_is_still_told_afterwards(self) -> None:
        created = start(card=build.DECLINED_AT_CHARGE)

        given_up = build.driver().abandon_subscription(
            created.external_id, idempotency_key=build.new_key()
        )

        assert outcome(given_up).state is AttemptState.FAILED
        assert outcome(given_up).decline_code == "generic_decline"

    def test_one_that_was_never_tried_tells_of_nothing(self) -> None:
        created = start(card="")

        given_up = build.driver().abandon_subscription(
            created.external_id, idempotency_key=build.new_key()
        )

        assert outcome(given_up).state is None
        assert outcome(given_up).client_secret == ""

    @pytest.mark.parametrize("trial_days", [0, 14])
    def test_one_that_is_live_is_left_alone(self, trial_days: int) -> None:
        created = start(trial_days=trial_days)

        with pytest.raises(DriverRejected) as caught:
            build.driver().abandon_subscription(
                created.external_id, idempotency_key=build.new_key()
            )

        assert caught.value.detail == "subscription_is_live"
        assert build.driver().retrieve_subscription(created.external_id) == created

    def test_one_whose_invoice_is_no_longer_open_is_only_looked_at(
        self, stripe: StripeSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        created = start(card="")
        raw = subscriptions.raw(created.external_id)
        raw["latest_invoice"]["status"] = "void"
        monkeypatch.setattr(subscriptions, "raw", lambda _: raw)
        before = stripe.calls_so_far()

        build.driver().abandon_subscription(created.external_id, idempotency_key=build.new_key())

        assert {entry["method"] for entry in stripe.requests(before)} == {"GET"}

    def test_one_that_is_paid_between_the_look_and_the_write_is_refused(
        self, stripe: StripeSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        created = start(card="")
        method = build.attach(created.external_customer_id)
        raw = subscriptions.raw(created.external_id)
        path = f"/v1/invoices/{created.latest_invoice_id}/pay"
        stripe.api("POST", path, {"payment_method": method})
        monkeypatch.setattr(subscriptions, "raw", lambda _: raw)

        with pytest.raises(DriverRejected):
            build.driver().abandon_subscription(
                created.external_id, idempotency_key=build.new_key()
            )

    def test_twice_is_once(self) -> None:
        created, key = start(card=""), build.new_key()

        first = build.driver().abandon_subscription(created.external_id, idempotency_key=key)
        second = build.driver().abandon_subscription(created.external_id, idempotency_key=key)

        assert first == second

    def test_one_that_does_not_exist(self) -> None:
        with pytest.raises(ObjectMissing):
            build.driver().abandon_subscription("sub_nothing", idempotency_key=build.new_key())
