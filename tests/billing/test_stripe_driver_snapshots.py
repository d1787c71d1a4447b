"""Shapes of Stripe's objects that no simple journey leads to."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from billing.drivers.stripe import snapshots
from billing.enums import AttemptState, SubscriptionStatus
from billing.types import PaymentOutcome

EVENTS = Path(__file__).parent.parent / "fixtures" / "stripe" / "events"


def raw(**changes: Any) -> dict[str, Any]:
    """A subscription as the driver asks for it, with its invoice expanded."""
    event = json.loads((EVENTS / "customer.subscription.created.json").read_text())
    return {**event["data"]["object"], "latest_invoice": invoice(), **changes}


def invoice(status: str = "open", payments: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    given = [payment()] if payments is None else payments
    return {"id": "in_1", "status": status, "payments": {"object": "list", "data": given}}


def payment(**changes: Any) -> dict[str, Any]:
    intent = {"type": "payment_intent", "payment_intent": "pi_1"}
    return {"id": "inpay_1", "status": "open", "is_default": True, "payment": intent, **changes}


def intent(status: str, **changes: Any) -> dict[str, Any]:
    fields = {"id": "pi_1", "status": status, "client_secret": "pi_1_secret_x"}
    return {**fields, "last_payment_error": None, **changes}


def item(start: int, end: int, **changes: Any) -> dict[str, Any]:
    fields = {"current_period_start": start, "current_period_end": end, "quantity": 1}
    return {**fields, "price": {"id": "price_1"}, **changes}


def items(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "data": list(rows)}


class TestPeriods:
    def test_the_next_end_of_several_items_counts(self) -> None:
        found = snapshots.subscription(raw(items=items(item(100, 400), item(50, 300))))

        assert found.current_period_start == datetime.fromtimestamp(50, UTC)
        assert found.current_period_end == datetime.fromtimestamp(300, UTC)

    def test_no_items_have_no_period(self) -> None:
        found = snapshots.subscription(raw(items=items()))

        assert (found.current_period_start, found.current_period_end) == (None, None)
        assert (found.external_price_id, found.seats) == ("", 1)


class TestSeats:
    def test_a_metered_item_has_none(self) -> None:
        metered = item(1, 2, price={"id": "price_metered"})
        del metered["quantity"]
        licensed = item(1, 2, quantity=5, price="price_seats")

        found = snapshots.subscription(raw(items=items(metered, licensed)))

        assert (found.external_price_id, found.seats) == ("price_seats", 5)

    def test_only_metered_items_count_as_one(self) -> None:
        found = snapshots.subscription(raw(items=items(item(1, 2, quantity=None))))

        assert (found.external_price_id, found.seats) == ("price_1", 1)


class TestOwner:
    def test_a_subscription_that_is_not_ours(self) -> None:
        found = snapshots.subscription(raw(metadata={}, customer={"id": "cus_9"}))

        assert (found.our_id, found.organization_id) == ("", "")
        assert found.external_customer_id == "cus_9"

    def test_a_status_that_stripe_does_not_have_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="resting"):
            snapshots.subscription(raw(status="resting"))

    @pytest.mark.parametrize("status", list(SubscriptionStatus))
    def test_every_status_is_ours_too(self, status: SubscriptionStatus) -> None:
        assert snapshots.subscription(raw(status=status.value)).status is status


class TestIntentToAskFor:
    @pytest.mark.parametrize("status", ["open", "uncollectible", "void"])
    def test_an_unpaid_invoice_has_one(self, status: str) -> None:
        assert snapshots.intent_to_ask_for(raw(latest_invoice=invoice(status))) == "pi_1"

    @pytest.mark.parametrize(
        "latest", [None, "in_1", invoice("paid"), invoice("draft"), invoice("open", [])]
    )
    def test_nothing_else_has(self, latest: object) -> None:
        assert snapshots.intent_to_ask_for(raw(latest_invoice=latest)) == ""

    def test_the_default_of_several_is_asked_for(self) -> None:
        other = payment(is_default=False, payment={"type": "payment_record"})
        older = payment(
            is_default=False,
            status="canceled",
            payment={"type": "payment_intent", "payment_intent": "pi_0"},
        )

        latest = invoice("open", [other, older, payment()])

        assert snapshots.intent_to_ask_for(raw(latest_invoice=latest)) == "pi_1"

    def test_an_invoice_paid_elsewhere_has_no_intent(self) -> None:
        elsewhere = payment(payment={"type": "payment_record", "payment_record": "pr_1"})

        assert snapshots.intent_to_ask_for(raw(latest_invoice=invoice("open", [elsewhere]))) == ""


ERROR = {"code": "card_declined", "decline_code": "lost_card"}


class TestLatestPayment:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (intent("succeeded"), PaymentOutcome(AttemptState.SUCCEEDED, "pi_1")),
            (
                intent("requires_action"),
                PaymentOutcome(AttemptState.REQUIRES_ACTION, "pi_1", "pi_1_secret_x"),
            ),
            (
                intent("requires_payment_method", last_payment_error=ERROR),
                PaymentOutcome(
                    AttemptState.FAILED, "pi_1", "pi_1_secret_x", "card_declined", "lost_card"
                ),
            ),
            (
                intent("requires_payment_method", last_payment_error={"type": "api_error"}),
                PaymentOutcome(AttemptState.FAILED, "pi_1", "pi_1_secret_x"),
            ),
            (intent("requires_payment_method"), PaymentOutcome(None, "pi_1", "pi_1_secret_x")),
            (intent("requires_confirmation"), PaymentOutcome(None, "pi_1", "pi_1_secret_x")),
            (intent("processing"), PaymentOutcome(None, "pi_1")),
            (intent("canceled"), PaymentOutcome(None, "pi_1")),
            (
                intent("canceled", last_payment_error=ERROR),
                PaymentOutcome(AttemptState.FAILED, "pi_1", "", "card_declined", "lost_card"),
            ),
        ],
        ids=lambda value: value.get("status") if isinstance(value, dict) else "",
    )
    def test_follows_the_intent(self, given: dict[str, Any], expected: PaymentOutcome) -> None:
        assert snapshots.subscription(raw(), given).latest_payment == expected

    def test_a_new_attempt_that_waits_is_not_the_old_failure(self) -> None:
        given = intent("requires_action", last_payment_error=ERROR)

        found = snapshots.subscription(raw(), given).latest_payment

        assert found == PaymentOutcome(AttemptState.REQUIRES_ACTION, "pi_1", "pi_1_secret_x")

    def test_a_paid_invoice_names_what_paid_it(self) -> None:
        tried = payment(
            status="canceled", payment={"type": "payment_intent", "payment_intent": "pi_0"}
        )
        paid = payment(status="paid", is_default=False)

        found = snapshots.subscription(raw(latest_invoice=invoice("paid", [tried, paid])))

        assert found.latest_payment == PaymentOutcome(AttemptState.SUCCEEDED, "pi_1")

    @pytest.mark.parametrize("latest", [None, "in_1", invoice("draft", [])])
    def test_is_unknown_without_an_invoice_that_was_sent(self, latest: object) -> None:
        assert snapshots.subscription(raw(latest_invoice=latest)).latest_payment is None

    def test_a_setup_that_was_not_expanded_has_no_secret(self) -> None:
        given = raw(latest_invoice=invoice("paid", []), pending_setup_intent="seti_1")

        assert snapshots.subscription(given).latest_payment == PaymentOutcome(
            AttemptState.SUCCEEDED
        )

    def test_changes_nothing_of_what_it_reads(self) -> None:
        given = raw()
        before = copy.deepcopy(given)

        snapshots.subscription(given, intent("succeeded"))

        assert given == before
