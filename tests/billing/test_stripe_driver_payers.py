"""Payers, their payment methods and the portal at the simulated Stripe."""

import pytest

from billing.drivers.base import (
    DriverRejected,
    DriverUnavailable,
    ObjectMissing,
    OutcomeUnknown,
)
from billing.enums import Provider
from billing.types import PaymentMethodSnapshot
from tests.billing import stripe_builders as build
from tests.billing.stripe_starts import start
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.usefixtures("stripe", "short_pauses")


class TestRetrievePayer:
    def test_brings_everything_that_can_be_charged(self) -> None:
        spec = build.customer_spec()
        customer = build.driver().create_customer(spec, idempotency_key=build.new_key())
        method = build.attach(customer)

        payer = build.driver().retrieve_payer(customer)

        assert (payer.provider, payer.external_id) == (Provider.STRIPE, customer)
        assert (payer.our_id, payer.email) == (spec.our_id, spec.email)
        assert payer.methods == (
            PaymentMethodSnapshot(
                external_id=method,
                kind="card",
                brand="visa",
                last4="4242",
                exp_month=12,
                exp_year=2034,
                fingerprint=payer.methods[0].fingerprint,
            ),
        )
        assert payer.methods[0].fingerprint
        assert payer.default_method_id == ""
        assert not payer.is_deleted

    def test_reads_every_page_newest_first(self, stripe: StripeSimulator) -> None:
        customer = build.make_customer()
        attached = [build.attach(customer) for _ in range(101)]
        since = stripe.calls_so_far()

        payer = build.driver().retrieve_payer(customer)

        assert [method.external_id for method in payer.methods] == attached[::-1]
        assert len([r for r in stripe.requests(since) if r["path"].endswith("methods")]) == 2

    def test_the_same_card_has_the_same_fingerprint(self) -> None:
        customer = build.make_customer()
        for card in (build.VISA, build.VISA, "pm_card_mastercard"):
            build.attach(customer, card)

        other, again, first = build.driver().retrieve_payer(customer).methods

        assert first.fingerprint == again.fingerprint != other.fingerprint

    def test_a_deleted_one_is_said_to_be_deleted(self, stripe: StripeSimulator) -> None:
        customer = build.make_customer()
        stripe.api("DELETE", f"/v1/customers/{customer}")

        payer = build.driver().retrieve_payer(customer)

        assert (payer.is_deleted, payer.methods, payer.external_id) == (True, (), customer)

    def test_what_never_was_is_missing(self) -> None:
        with pytest.raises(ObjectMissing):
            build.driver().retrieve_payer("cus_nobody")


class TestAttach:
    def test_makes_a_card_of_an_old_token(self) -> None:
        customer = build.make_customer()

        method = build.attach(customer, "tok_visa")

        assert method.startswith("pm_")
        assert [m.external_id for m in build.driver().retrieve_payer(customer).methods] == [method]

    def test_the_same_key_makes_one_card_of_a_token(self) -> None:
        customer, key = build.make_customer(), build.new_key()

        made = {
            build.driver().attach_payment_method(
                "tok_visa", external_customer_id=customer, idempotency_key=key
            )
            for _ in range(2)
        }

        assert len(made) == 1


class TestUpdateCustomer:
    def test_leaves_out_what_is_empty(self, stripe: StripeSimulator) -> None:
        customer = build.make_customer()

        build.driver().update_customer(
            customer, email="bills@acme.example", name="", idempotency_key=build.new_key()
        )

        theirs = stripe.api("GET", f"/v1/customers/{customer}").json()
        assert (theirs["email"], theirs["name"]) == ("bills@acme.example", "Acme")


class TestSetDefault:
    def test_sets_it_for_payer_and_subscription(self, stripe: StripeSimulator) -> None:
        started = start()
        method = build.attach(started.external_customer_id, "pm_card_mastercard")

        self.choose(started.external_customer_id, method, started.external_id)

        payer = build.driver().retrieve_payer(started.external_customer_id)
        assert payer.default_method_id == method
        again = build.driver().retrieve_subscription(started.external_id)
        assert again.default_method_id == method

    def test_a_subscription_alone_is_not_enough(self, stripe: StripeSimulator) -> None:
        """Stripe took the first write: "not processed" would be a lie."""
        started = start()
        method = build.attach(started.external_customer_id, "pm_card_mastercard")
        stripe.add_fault(method="POST", path="/v1/customers/cus_[^/]+$", status=429)

        with pytest.raises(OutcomeUnknown):
            self.choose(started.external_customer_id, method, started.external_id)

    def test_without_a_subscription_it_is_one_write(self, stripe: StripeSimulator) -> None:
        customer = build.make_customer()
        method = build.attach(customer)
        stripe.add_fault(method="POST", path="/v1/customers/cus_[^/]+$", status=429)

        with pytest.raises(DriverUnavailable):
            self.choose(customer, method)

        self.choose(customer, method)
        assert build.driver().retrieve_payer(customer).default_method_id == method

    def test_somebody_elses_card_is_refused(self) -> None:
        theirs = build.attach(build.make_customer())

        with pytest.raises(DriverRejected):
            self.choose(build.make_customer(), theirs)

    def choose(self, customer: str, method: str, subscription: str = "") -> None:
        build.driver().set_default_payment_method(
            external_customer_id=customer,
            payment_method=method,
            external_subscription_id=subscription,
            idempotency_key=build.new_key(),
        )


class TestDetach:
    def test_takes_it_off_and_only_once(self) -> None:
        customer = build.make_customer()
        method = build.attach(customer)

        for _ in range(2):
            build.driver().detach_payment_method(method, idempotency_key=build.new_key())

        assert build.driver().retrieve_payer(customer).methods == ()


class TestPortal:
    def test_leaves_a_configuration_of_somebody_else_alone(self, stripe: StripeSimulator) -> None:
        made = stripe.api(
            "POST",
            "/v1/billing_portal/configurations",
            {"features[invoice_history][enabled]": "true", "name": "Theirs"},
        ).json()

        build.driver().create_portal_session(
            build.make_customer(),
            return_url="https://till.test/settings/billing",
            idempotency_key=build.new_key(),
        )

        session = stripe.objects("billing_portal.session")[-1]
        assert session["configuration"] != made["id"]
        used = stripe.api(
            "GET", f"/v1/billing_portal/configurations/{session['configuration']}"
        ).json()
        assert used["metadata"] == {"till_portal": "1"}
