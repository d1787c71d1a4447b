"""What Stripe's events say of money, and of what they leave to be copied."""

import copy

import pytest

from billing.drivers.stripe import normalizer
from billing.enums import FactKind
from billing.types import Subject
from tests.billing.stripe_event_steps import load, normalized, obj


class TestFacts:
    def test_a_failed_payment_is_one_per_attempt(self) -> None:
        invoice = obj("invoice.payment_failed")
        at = load("invoice.payment_failed")["created"]
        second = load("invoice.payment_failed")
        second["data"]["object"]["attempt_count"] = 2

        first_fact = normalized("invoice.payment_failed").fact
        second_fact = normalizer.normalize(second).fact

        assert first_fact is not None
        assert second_fact is not None
        assert first_fact.kind is FactKind.PAYMENT_FAILED
        assert first_fact.external_id == f"{invoice['id']}:1:{at}"
        assert second_fact.external_id == f"{invoice['id']}:2:{at}"
        assert (first_fact.amount_minor, first_fact.currency) == (5800, "USD")

    def test_a_try_that_stripe_does_not_count_is_another_failure(self) -> None:
        """Whoever pays an overdue invoice by hand and is declined leaves `attempt_count` alone."""
        later = load("invoice.payment_failed")
        later["created"] += 100

        first, by_hand = normalized("invoice.payment_failed").fact, normalizer.normalize(later).fact

        assert first is not None
        assert by_hand is not None
        assert first.external_id != by_hand.external_id

    def test_both_events_of_a_paid_invoice_tell_the_same_fact(self) -> None:
        paid, succeeded = (
            normalized("invoice.paid").fact,
            normalized("invoice.payment_succeeded").fact,
        )

        assert paid is not None
        assert paid.kind is FactKind.PAYMENT_SUCCEEDED
        assert paid.external_id == obj("invoice.paid")["id"]
        assert (paid.amount_minor, paid.currency) == (5800, "USD")
        assert succeeded == paid

    def test_nothing_was_paid_for_a_trial(self) -> None:
        assert normalized("invoice.paid.trial").fact is None

    def test_a_payment_that_waits_for_the_card_holder(self) -> None:
        invoice = obj("invoice.payment_action_required")

        fact = normalized("invoice.payment_action_required").fact

        assert fact is not None
        assert fact.kind is FactKind.ACTION_REQUIRED
        at = load("invoice.payment_action_required")["created"]
        assert fact.external_id == f"{invoice['id']}:{invoice['attempt_count']}:{at}"
        assert fact.amount_minor == 5800

    def test_each_refund_of_a_charge_is_told_with_its_own_amount(self) -> None:
        charge = obj("charge.refunded")
        first, second = normalized("charge.refunded"), normalized("charge.refunded.second")

        assert first.fact is not None
        assert second.fact is not None
        assert first.fact.kind is FactKind.REFUNDED
        assert (first.fact.external_id, first.fact.amount_minor) == (f"{charge['id']}:1000", 1000)
        assert (second.fact.external_id, second.fact.amount_minor) == (f"{charge['id']}:1500", 500)
        assert first.external_customer_id == charge["customer"]
        assert first.fact.detail["payment_intent"] == charge["payment_intent"]

    def test_what_was_given_up_before_it_was_captured_is_no_refund(self) -> None:
        assert normalized("charge.refunded.uncaptured").fact is None

    def test_a_refund_itself_adds_nothing(self) -> None:
        assert normalized("refund.created").fact is None

    def test_a_dispute_names_the_payment(self) -> None:
        dispute = obj("charge.dispute.created")

        fact = normalized("charge.dispute.created").fact

        assert fact is not None
        assert fact.kind is FactKind.DISPUTED
        assert fact.external_id == dispute["id"]
        assert (fact.amount_minor, fact.currency) == (5800, "USD")
        assert fact.detail == {
            "payment_intent": dispute["payment_intent"],
            "charge": dispute["charge"],
            "reason": "fraudulent",
        }

    def test_a_dispute_of_a_charge_without_intent(self) -> None:
        event = load("charge.dispute.created")
        event["data"]["object"]["payment_intent"] = None

        fact = normalizer.normalize(event).fact

        assert fact is not None
        assert "payment_intent" not in fact.detail

    @pytest.mark.parametrize("name", ["customer.subscription.updated", "payment_intent.succeeded"])
    def test_a_state_is_no_fact(self, name: str) -> None:
        assert normalized(name).fact is None


class TestMirror:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("customer.created", "customer"),
            ("customer.subscription.updated", "subscription"),
            ("customer.subscription.deleted", "subscription"),
            ("invoice.paid", "invoice"),
            ("payment_intent.succeeded", "payment_intent"),
            ("payment_method.attached", "payment_method"),
            ("price.created", "price"),
            ("product.created", "product"),
        ],
    )
    def test_copies_the_object_an_event_is_about(self, name: str, kind: str) -> None:
        assert normalized(name).mirror == (Subject(kind, obj(name)["id"]),)

    @pytest.mark.parametrize(
        "name",
        [
            "customer.deleted",
            "invoice_payment.paid",
            "checkout.session.expired",
            "charge.refunded",
            "refund.created",
        ],
    )
    def test_leaves_the_rest_alone(self, name: str) -> None:
        assert normalized(name).mirror == ()

    def test_an_upcoming_invoice_can_not_be_fetched(self) -> None:
        event = load("invoice.paid")
        event["type"] = "invoice.upcoming"
        without_id = copy.deepcopy(event)
        del without_id["data"]["object"]["id"]

        assert normalizer.normalize(event).mirror == ()
        assert normalizer.normalize(without_id).mirror == ()
        assert normalizer.normalize(without_id).subject is not None
