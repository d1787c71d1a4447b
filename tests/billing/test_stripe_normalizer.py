"""What Stripe's events mean to us, and whom they are about."""

from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints

import pytest
import stripe as sdk

from billing.drivers.stripe import normalizer
from billing.enums import Provider
from billing.types import Subject
from tests.billing.stripe_event_steps import load, normalized, obj


def subscription_of(name: str) -> str:
    return str(obj(name)["parent"]["subscription_details"]["subscription"])


class TestTypes:
    def test_names_only_types_that_stripe_has(self) -> None:
        known = set(get_args(get_type_hints(sdk.Event)["type"]))

        assert known
        assert set(normalizer.TYPES) - known == set()

    def test_every_type_of_ours_has_three_parts(self) -> None:
        assert all(name.count(".") == 2 for name in normalizer.TYPES.values())
        assert all(name.startswith("billing.") for name in normalizer.TYPES.values())

    @pytest.mark.parametrize(
        ("fixture", "type_"),
        [
            ("customer.created", "billing.customer.created"),
            ("customer.subscription.created", "billing.subscription.created"),
            ("customer.subscription.deleted", "billing.subscription.canceled"),
            ("invoice.paid", "billing.invoice.paid"),
            ("invoice.payment_succeeded", "billing.invoice.paid"),
            ("invoice_payment.paid", "billing.invoice_payment.paid"),
            ("checkout.session.expired", "billing.checkout.expired"),
            ("charge.dispute.created", "billing.dispute.created"),
            ("payment_intent.succeeded", "billing.payment_intent.succeeded"),
            ("terminal.reader.action_failed", "billing.reader.action_failed"),
        ],
    )
    def test_speaks_our_words(self, fixture: str, type_: str) -> None:
        assert normalized(fixture).type == type_

    def test_keeps_who_when_and_what_stripe_called_it(self) -> None:
        event = load("invoice.paid")

        found = normalizer.normalize(event)

        assert found.provider is Provider.STRIPE
        assert found.external_id == event["id"]
        assert found.provider_type == "invoice.paid"
        assert found.occurred_at == datetime.fromtimestamp(event["created"], UTC)
        assert found.external_customer_id == obj("invoice.paid")["customer"]

    @pytest.mark.parametrize("type_", ["issuing_card.created", "customer.source.created", "new"])
    def test_an_unknown_type_concerns_nothing_of_ours(self, type_: str) -> None:
        event = {**load("customer.subscription.updated"), "type": type_}

        found = normalizer.normalize(event)

        assert found.type == "billing.provider.other"
        assert found.provider_type == type_
        assert (found.subject, found.fact, found.mirror) == (None, None, ())


class TestSubject:
    @pytest.mark.parametrize("verb", ["created", "updated", "deleted", "trial_will_end"])
    def test_a_subscription_is_its_own(self, verb: str) -> None:
        name = f"customer.subscription.{verb}"

        assert normalized(name).subject == Subject("subscription", obj(name)["id"])

    @pytest.mark.parametrize(
        "name",
        [
            "invoice.paid",
            "invoice.paid.trial",
            "invoice.payment_succeeded",
            "invoice.payment_failed",
            "invoice.payment_action_required",
        ],
    )
    def test_an_invoice_leads_to_its_subscription(self, name: str) -> None:
        assert normalized(name).subject == Subject("subscription", subscription_of(name))

    def test_an_expanded_subscription_does_too(self) -> None:
        event = load("invoice.paid")
        event["data"]["object"]["parent"]["subscription_details"]["subscription"] = {"id": "sub_1"}

        assert normalizer.normalize(event).subject == Subject("subscription", "sub_1")

    def test_an_invoice_for_something_else_is_its_own(self) -> None:
        event = load("invoice.paid")
        event["data"]["object"]["parent"] = None

        found = normalizer.normalize(event)

        assert found.subject == Subject("invoice", obj("invoice.paid")["id"])
        assert found.invoices == ()

    def test_an_invoice_is_named_beside_its_subscription(self) -> None:
        assert normalized("invoice.paid").invoices == (obj("invoice.paid")["id"],)

    @pytest.mark.parametrize("parent", [None, obj("invoice.paid")["parent"]])
    def test_nobody_can_ask_for_an_upcoming_invoice(self, parent: Any) -> None:
        event = load("invoice.paid")
        event["type"] = "invoice.upcoming"
        event["data"]["object"].update(id="upcoming_in_1", parent=parent)

        found = normalizer.normalize(event)

        assert found.invoices == ()
        assert found.subject is None or found.subject.kind == "subscription"

    @pytest.mark.parametrize("name", ["charge.refunded", "refund.created"])
    def test_refunds_are_told_by_their_charge(self, name: str) -> None:
        found = obj(name)
        charge = found["id"] if found["object"] == "charge" else found["charge"]

        assert normalized(name).subject == Subject("charge", charge)

    def test_a_dispute_is_its_own(self) -> None:
        name = "charge.dispute.created"

        assert normalized(name).subject == Subject("dispute", obj(name)["id"])

    def test_a_credit_note_names_its_invoice(self) -> None:
        note = {"id": "cn_1", "object": "credit_note", "invoice": "in_1", "customer": "cus_1"}
        event = {**load("invoice.paid"), "type": "credit_note.created", "data": {"object": note}}

        found = normalizer.normalize(event)

        assert found.type == "billing.credit_note.created"
        assert found.subject == Subject("credit_note", "cn_1")
        assert found.invoices == ("in_1",)

    def test_a_method_is_told_by_its_payer(self) -> None:
        name = "payment_method.attached"

        assert normalized(name).subject == Subject("customer", obj(name)["customer"])

    def test_a_detached_method_is_told_by_who_had_it(self) -> None:
        event = load("payment_method.attached")
        event["type"] = "payment_method.detached"
        event["data"]["previous_attributes"] = {"customer": event["data"]["object"]["customer"]}
        event["data"]["object"]["customer"] = None

        found = normalizer.normalize(event)

        assert found.subject == Subject("customer", obj("payment_method.attached")["customer"])

    @pytest.mark.parametrize("type_", ["customer.updated", "customer.deleted"])
    def test_a_changed_payer_is_its_own(self, type_: str) -> None:
        event = {**load("customer.created"), "type": type_}

        found = normalizer.normalize(event)

        assert found.subject == Subject("customer", obj("customer.created")["id"])

    def test_an_invoice_payment_only_knows_its_invoice(self) -> None:
        assert normalized("invoice_payment.paid").subject is None

    def test_an_invoice_payment_with_its_invoice_leads_on(self) -> None:
        event = load("invoice_payment.paid")
        event["data"]["object"]["invoice"] = obj("invoice.paid")

        found = normalizer.normalize(event).subject

        assert found == Subject("subscription", subscription_of("invoice.paid"))

    def test_a_checkout_is_its_own(self) -> None:
        name = "checkout.session.expired"

        assert normalized(name).subject == Subject("checkout_session", obj(name)["id"])

    @pytest.mark.parametrize("verb", ["action_succeeded", "action_failed"])
    def test_a_reader_tells_of_the_payment_it_takes(self, verb: str) -> None:
        name = f"terminal.reader.{verb}"

        found = normalized(name)

        taken = obj(name)["action"]["process_payment_intent"]["payment_intent"]
        assert found.subject == Subject("sale", taken)
        assert found.our_id == ""

    @pytest.mark.parametrize(
        "action",
        [None, {"type": "set_reader_display", "status": "succeeded", "set_reader_display": {}}],
        ids=["nothing", "display"],
    )
    def test_a_reader_that_takes_no_payment_has_none(self, action: Any) -> None:
        event = load("terminal.reader.action_succeeded")
        event["data"]["object"]["action"] = action

        assert normalizer.normalize(event).subject is None

    def test_a_payment_in_person_carries_our_name(self) -> None:
        name = "payment_intent.amount_capturable_updated"

        found = normalized(name)

        assert found.subject == Subject("sale", obj(name)["id"])
        assert found.our_id == "c0ffee00-0000-4000-8000-000000000009"
        assert found.mirror == (Subject("payment_intent", obj(name)["id"]),)

    @pytest.mark.parametrize(
        "name",
        ["customer.created", "payment_intent.succeeded", "price.created"],
    )
    def test_anything_else_has_none(self, name: str) -> None:
        assert normalized(name).subject is None


class TestCustomer:
    def test_a_customer_is_its_own(self) -> None:
        name = "customer.deleted"

        assert normalized(name).external_customer_id == obj(name)["id"]

    def test_is_empty_where_stripe_names_none(self) -> None:
        assert normalized("price.created").external_customer_id == ""
        assert normalized("charge.dispute.created").external_customer_id == ""
