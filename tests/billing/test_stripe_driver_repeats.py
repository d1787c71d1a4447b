"""Asking Stripe again: after an unknown outcome, and with a key that was used."""

import pytest

from billing.drivers.base import (
    DriverRejected,
    ObjectMissing,
    OutcomeUnknown,
)
from billing.drivers.stripe.errors import KeyReused
from billing.enums import AttemptState, SubscriptionStatus
from tests.billing import stripe_builders as build
from tests.billing.stripe_cases import WRITES
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.usefixtures("short_pauses")


class TestAfterAnUnknownOutcome:
    @pytest.mark.parametrize(
        ("card", "state"),
        [
            (build.VISA, AttemptState.SUCCEEDED),
            (build.DECLINED_AT_CHARGE, AttemptState.FAILED),
            (build.ASKS_EVERY_TIME, AttemptState.REQUIRES_ACTION),
        ],
    )
    def test_asking_with_our_id_tells_what_happened(
        self, stripe: StripeSimulator, card: str, state: AttemptState
    ) -> None:
        spec = build.subscription_spec(card=card)
        stripe.add_fault(method="POST", path="/subscriptions$", action="reset_after")
        with pytest.raises(OutcomeUnknown):
            build.driver().create_subscription(spec, idempotency_key=build.new_key())

        found = build.driver().find_subscription(
            our_id=spec.our_id, external_customer_id=spec.external_customer_id
        )

        assert found is not None
        assert found.latest_payment is not None
        assert found.latest_payment.state is state

    def test_asking_tells_that_nothing_happened(self, stripe: StripeSimulator) -> None:
        spec = build.subscription_spec()
        stripe.add_fault(method="POST", path="/subscriptions$", action="reset_before")
        with pytest.raises(OutcomeUnknown):
            build.driver().create_subscription(spec, idempotency_key=build.new_key())

        found = build.driver().find_subscription(
            our_id=spec.our_id, external_customer_id=spec.external_customer_id
        )

        assert found is None

    def test_the_same_key_is_harmless_while_stripe_remembers_it(
        self, stripe: StripeSimulator
    ) -> None:
        spec, key = build.subscription_spec(), build.new_key()
        stripe.add_fault(method="POST", path="/subscriptions$", action="reset_after")
        with pytest.raises(OutcomeUnknown):
            build.driver().create_subscription(spec, idempotency_key=key)

        snapshot = build.driver().create_subscription(spec, idempotency_key=key)

        assert snapshot.status is SubscriptionStatus.ACTIVE
        assert stripe.requests()[-1]["verdict"] == "replayed"

    def test_a_write_that_went_through_is_never_called_unprocessed(
        self, stripe: StripeSimulator
    ) -> None:
        spec = build.subscription_spec(card="")
        stripe.add_fault(method="GET", path="/payment_intents/", status=500, times=-1)

        with pytest.raises(OutcomeUnknown):
            build.driver().create_subscription(spec, idempotency_key=build.new_key())

        stripe.clear_faults()
        assert build.driver().find_subscription(
            our_id=spec.our_id, external_customer_id=spec.external_customer_id
        )

    @pytest.mark.parametrize("name", ["cancel", "abandon"])
    def test_nor_is_an_end_that_could_not_be_looked_at(
        self, stripe: StripeSimulator, name: str
    ) -> None:
        call = WRITES[name].prepare(stripe)
        # The first question of `abandon` comes before its write.
        skipped = 1 if name == "abandon" else 0
        if skipped:
            stripe.add_fault(method="GET", path="/subscriptions/", latency_ms=1, times=1)
        stripe.add_fault(method="GET", path="/subscriptions/", status=500, times=-1)

        with pytest.raises(OutcomeUnknown):
            call()


class TestKeys:
    def test_one_key_for_two_requests_is_a_bug_and_says_so(self, stripe: StripeSimulator) -> None:
        key = build.new_key()
        build.driver().create_customer(build.customer_spec(), idempotency_key=key)

        with pytest.raises(KeyReused):
            build.driver().create_customer(build.customer_spec(), idempotency_key=key)

    def test_a_code_that_stripe_does_not_give_is_replaced_by_the_kind(
        self, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(
            method="POST",
            path="/customers$",
            status=400,
            error={"type": "invalid_request_error", "message": "Received unknown parameter"},
        )

        with pytest.raises(DriverRejected) as caught:
            build.make_customer()

        assert str(caught.value) == "INVALID_REQUEST invalid_request_error"
        assert not isinstance(caught.value, ObjectMissing)
