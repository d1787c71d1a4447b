"""The simulator keeps to the published contract in both directions, on every endpoint."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract import spec_from_sdk
from tests.contract.contract import Contract
from tests.contract.journey import Traveller, travel
from tests.simulators.stripe import API_VERSION, resources, routing
from tests.simulators.stripe.client import StripeSimulator

# Emitted without an id, because the invoice does not exist yet.
WITHOUT_ID = {"invoice.upcoming"}

EXPECTED = {
    "charge.captured",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.failed",
    "charge.refunded",
    "charge.succeeded",
    "charge.updated",
    "checkout.session.completed",
    "checkout.session.expired",
    "coupon.created",
    "coupon.deleted",
    "coupon.updated",
    "credit_note.created",
    "credit_note.updated",
    "credit_note.voided",
    "customer.created",
    "customer.deleted",
    "customer.discount.created",
    "customer.discount.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
    "customer.subscription.resumed",
    "customer.subscription.trial_will_end",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.created",
    "invoice.deleted",
    "invoice.finalized",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.payment_succeeded",
    "invoice.upcoming",
    "invoice.sent",
    "invoice.updated",
    "invoice.voided",
    "invoice_payment.paid",
    "invoiceitem.created",
    "invoiceitem.deleted",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.created",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payment_method.attached",
    "payment_method.detached",
    "price.created",
    "price.updated",
    "product.created",
    "product.updated",
    "promotion_code.created",
    "promotion_code.updated",
    "refund.created",
    "setup_intent.canceled",
    "setup_intent.created",
    "setup_intent.requires_action",
    "setup_intent.setup_failed",
    "setup_intent.succeeded",
    "subscription_schedule.canceled",
    "subscription_schedule.completed",
    "subscription_schedule.created",
    "subscription_schedule.expiring",
    "subscription_schedule.released",
    "subscription_schedule.updated",
    "terminal.reader.action_failed",
    "terminal.reader.action_succeeded",
    "test_helpers.test_clock.advancing",
    "test_helpers.test_clock.ready",
}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract(json.loads(spec_from_sdk.cached().read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def journey() -> Iterator[Traveller]:
    with StripeSimulator.start(spec=spec_from_sdk.cached()) as simulator:
        yield travel(simulator)


class TestJourney:
    def test_speaks_the_version_of_the_sdk(self, contract: Contract) -> None:
        assert contract.version == API_VERSION

    def test_every_answer_has_the_shape_of_its_operation(
        self, contract: Contract, journey: Traveller
    ) -> None:
        deviations = {
            f"{answer.method} {answer.path}": found
            for answer in journey.answers
            if answer.status == 200
            and (found := contract.check_answer(answer.method, answer.path, answer.body))
        }

        assert deviations == {}

    def test_every_event_has_the_shape_of_its_type(
        self, contract: Contract, journey: Traveller
    ) -> None:
        deviations = {
            event["type"]: found
            for event in journey.simulator.events()
            if (found := contract.check_response(event, "event"))
        }

        assert deviations == {}

    def test_every_object_of_an_event_has_the_shape_of_its_resource(
        self, contract: Contract, journey: Traveller
    ) -> None:
        deviations: dict[str, list[str]] = {}
        for event in journey.simulator.events():
            shown = event["data"]["object"]
            shown = {**shown, "id": "in_0"} if event["type"] in WITHOUT_ID else shown
            found = contract.check_response(shown, shown["object"])
            if found:
                deviations[event["type"]] = found

        assert deviations == {}

    def test_every_stored_object_has_the_shape_of_its_resource(
        self, contract: Contract, journey: Traveller
    ) -> None:
        kinds = {event["data"]["object"]["object"] for event in journey.simulator.events()}
        kinds |= {"balance_transaction", "invoice_payment", "subscription_item"}
        kinds |= {"customer_balance_transaction", "terminal.location"}
        deviations = [
            message
            for kind in sorted(kinds)
            for row in journey.simulator.objects(kind)
            for message in contract.check_response(row, kind)
        ]

        assert deviations == []

    def test_every_route_was_driven(self, journey: Traveller) -> None:
        assert resources.__all__  # the routes are there because the resources were imported
        driven = {(answer.method, answer.path) for answer in journey.answers}
        left = {
            route
            for route in routing.all_routes()
            if not any(
                method == route[0]
                and re.fullmatch(re.escape(route[1]).replace(r"\{\}", "[^/]+"), path)
                for method, path in driven
            )
        }

        assert left == set()

    def test_every_route_is_one_of_stripes(self, contract: Contract) -> None:
        for method, path in routing.all_routes():
            assert contract.operation(method, path.replace("{}", "x_1")).method == method

    def test_nothing_that_was_sent_went_unread(self, journey: Traveller) -> None:
        unread = {
            (entry["method"], entry["path"]): entry["ignored"]
            for entry in journey.simulator.requests()
            if entry["ignored"]
        }

        assert unread == {}

    def test_no_request_made_the_simulator_fail(self, journey: Traveller) -> None:
        broken = [
            entry["errors"]
            for entry in journey.simulator.requests()
            if entry["verdict"] in ("simulator_error", "invalid", "no_route")
        ]

        assert broken == []

    def test_causes_every_event_that_the_product_waits_for(self, journey: Traveller) -> None:
        caused = {event["type"] for event in journey.simulator.events()}

        assert EXPECTED - caused == set()


class TestContract:
    """The judge itself must be able to say no."""

    def test_names_a_wrong_type_inside_an_object(
        self, contract: Contract, journey: Traveller
    ) -> None:
        invoice: dict[str, Any] = journey.simulator.objects("invoice")[0]
        invoice["lines"]["data"][0]["amount"] = "2900"

        assert contract.check_response(invoice, "invoice") == [
            "invoice[lines][data][0][amount]: Invalid integer: 2900"
        ]

    def test_names_a_removed_and_a_missing_field(
        self, contract: Contract, journey: Traveller
    ) -> None:
        invoice = journey.simulator.objects("invoice")[0]
        del invoice["lines"]
        invoice["paid"] = True

        assert contract.check_response(invoice, "invoice") == [
            "invoice[paid]: Received unknown parameter: invoice[paid]",
            "invoice[lines]: Missing required param: invoice[lines].",
        ]

    @pytest.mark.parametrize(
        ("params", "param"),
        [
            ({"items": {"0": {"price": "p", "quantity": "1.5"}}}, "items[0][quantity]"),
            ({"payment_behavior": "often"}, "payment_behavior"),
            ({"coupon": "c"}, "coupon"),
            ({"cancel_at_period_end": "yes"}, "cancel_at_period_end"),
            ({"expand": {"0": "latest_invoice.payment_intent"}}, "expand"),
        ],
    )
    def test_names_a_wrong_parameter(
        self, contract: Contract, params: dict[str, Any], param: str
    ) -> None:
        found = contract.request_errors("POST", "/v1/subscriptions", params)

        assert [error["param"] for error in found] == [param]

    def test_names_a_missing_parameter(self, contract: Contract) -> None:
        found = contract.request_errors("POST", "/v1/payment_intents", {"amount": "5"})

        assert found == [
            {
                "param": "currency",
                "message": "Missing required param: currency.",
                "code": "parameter_missing",
            }
        ]

    def test_knows_no_removed_endpoint(self, contract: Contract) -> None:
        (found,) = contract.request_errors("GET", "/v1/subscription_items/si_1/usage_records", {})

        assert found["message"].startswith("Unrecognized request URL")
