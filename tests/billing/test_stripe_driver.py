"""Payers, cards and one-off payments, against the simulated Stripe."""

import pytest

from billing.drivers.base import DriverRejected, ObjectMissing
from tests.billing import stripe_builders as build
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.usefixtures("stripe")


class TestCreateCustomer:
    def test_tells_stripe_who_it_is(self, stripe: StripeSimulator) -> None:
        spec = build.customer_spec(name="Café Ähre")

        external_id = build.driver().create_customer(spec, idempotency_key=build.new_key())

        row = stripe.api("GET", f"/v1/customers/{external_id}").json()
        assert (row["email"], row["name"]) == (spec.email, "Café Ähre")
        assert row["metadata"] == {
            "till_customer_id": spec.our_id,
            "till_organization_id": spec.organization_id,
        }

    def test_the_same_key_is_the_same_payer(self) -> None:
        spec, key = build.customer_spec(), build.new_key()

        first = build.driver().create_customer(spec, idempotency_key=key)
        second = build.driver().create_customer(spec, idempotency_key=key)

        assert first == second


class TestFindCustomer:
    def test_finds_the_one_with_our_id_among_namesakes(self) -> None:
        spec = build.customer_spec()
        for _ in range(3):
            build.driver().create_customer(
                build.customer_spec(email=spec.email), idempotency_key=build.new_key()
            )
        external_id = build.driver().create_customer(spec, idempotency_key=build.new_key())

        assert build.driver().find_customer(spec) == external_id

    def test_looks_at_every_page(self, stripe: StripeSimulator) -> None:
        spec = build.customer_spec()
        external_id = build.driver().create_customer(spec, idempotency_key=build.new_key())
        for _ in range(100):
            stripe.api("POST", "/v1/customers", {"email": spec.email})

        assert build.driver().find_customer(spec) == external_id

    def test_finds_nobody(self) -> None:
        assert build.driver().find_customer(build.customer_spec()) is None

    def test_does_not_list_every_payer_when_there_is_no_address(
        self, stripe: StripeSimulator
    ) -> None:
        before = stripe.calls_so_far()

        assert build.driver().find_customer(build.customer_spec(email="")) is None
        assert stripe.calls_so_far() == before


class TestAttachPaymentMethod:
    def test_a_test_name_becomes_a_card_of_the_payer(self, stripe: StripeSimulator) -> None:
        customer = build.make_customer()

        method = build.attach(customer)

        row = stripe.api("GET", f"/v1/payment_methods/{method}").json()
        assert method != build.VISA
        assert row["customer"] == customer

    def test_a_card_the_payer_has_stays_as_it_is(self) -> None:
        customer = build.make_customer()
        method = build.attach(customer)

        assert build.attach(customer, method) == method

    def test_even_where_stripe_would_refuse_it(self, stripe: StripeSimulator) -> None:
        customer = build.make_customer()
        method = build.attach(customer)
        error = {"type": "invalid_request_error", "message": "This one is attached already."}
        stripe.add_fault(method="POST", path="/attach$", status=400, error=error)

        assert build.attach(customer, method) == method

    def test_a_card_of_somebody_else_is_refused(self) -> None:
        method = build.attach(build.make_customer())

        with pytest.raises(DriverRejected) as caught:
            build.attach(build.make_customer(), method)

        assert caught.value.code == "INVALID_REQUEST"

    @pytest.mark.parametrize(
        ("card", "decline_code"),
        [
            (build.DECLINED_AT_ATTACH, "generic_decline"),
            (build.NO_FUNDS_AT_ATTACH, "insufficient_funds"),
        ],
    )
    def test_a_declined_card(self, card: str, decline_code: str) -> None:
        customer = build.make_customer()

        with pytest.raises(DriverRejected) as caught:
            build.attach(customer, card)

        error = caught.value
        assert (error.code, error.detail) == ("CARD_DECLINED", "card_declined")
        assert error.decline_code == decline_code
        assert str(error) == "CARD_DECLINED card_declined"

    def test_a_card_that_does_not_exist(self) -> None:
        customer = build.make_customer()

        with pytest.raises(ObjectMissing):
            build.attach(customer, "pm_nothing")

    def test_a_payer_who_does_not_exist_is_a_wrong_request(self) -> None:
        with pytest.raises(DriverRejected) as caught:
            build.attach("cus_nobody")

        assert not isinstance(caught.value, ObjectMissing)
        assert caught.value.detail == "resource_missing"


class TestPayments:
    def test_is_authorized_first_and_taken_once(self, stripe: StripeSimulator) -> None:
        prepared = build.driver().create_payment_intent(
            amount_minor=1999,
            currency="USD",
            metadata={"till_terminal_id": "t1"},
            idempotency_key=build.new_key(),
        )
        assert (prepared.amount_minor, prepared.currency) == (1999, "USD")
        assert prepared.status == "requires_payment_method"
        assert prepared.client_secret.startswith(prepared.external_id)
        assert prepared.client_secret not in repr(prepared)

        confirmed = stripe.api(
            "POST",
            f"/v1/payment_intents/{prepared.external_id}/confirm",
            {"payment_method": build.VISA},
        )
        assert confirmed.json()["status"] == "requires_capture"

        taken = build.driver().capture_payment(
            prepared.external_id, idempotency_key=build.new_key()
        )
        again = build.driver().capture_payment(
            prepared.external_id, idempotency_key=build.new_key()
        )

        assert taken.status == "succeeded"
        assert again == taken

    def test_nothing_is_taken_that_was_not_authorized(self) -> None:
        prepared = build.driver().create_payment_intent(
            amount_minor=1999, currency="USD", metadata={}, idempotency_key=build.new_key()
        )

        with pytest.raises(DriverRejected) as caught:
            build.driver().capture_payment(prepared.external_id, idempotency_key=build.new_key())

        assert caught.value.detail == "payment_intent_unexpected_state"

    def test_one_that_does_not_exist(self) -> None:
        with pytest.raises(ObjectMissing):
            build.driver().capture_payment("pi_nothing", idempotency_key=build.new_key())
