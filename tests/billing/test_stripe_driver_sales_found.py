"""Payments in person through Stripe's driver: every state that they are found in."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.drivers.base import DriverUnavailable, OutcomeUnknown
from billing.types import CardPresent, SaleSnapshot
from orgs import clock
from tests.billing import stripe_builders as build
from tests.billing.stripe_terminal_cases import EXPIRED, NO_FUNDS, Till, find, intent, run

pytestmark = pytest.mark.usefixtures("short_pauses")


class TestFind:
    def test_an_approved_payment_says_all_that_a_receipt_needs(self, till: Till) -> None:
        found = find(till.taken())

        assert dataclasses.replace(found, card=None) == SaleSnapshot(
            found.external_id, "succeeded", "USD", authorized_minor=1500, captured_minor=1500
        )
        card = found.card
        assert card is not None
        assert dataclasses.replace(card, emv={}) == CardPresent(
            brand="visa",
            last4="4242",
            entry_mode="contactless",
            verification="none",
            application="Visa Credit",
            aid="A0000000031010",
            auth_code="123456",
        )
        assert set(card.emv) == {"TVR", "TSI", "ARC", "AC", "account_type"}
        assert card.emv["TVR"] == "8000008000"

    def test_an_inserted_card_with_its_pin(self, till: Till) -> None:
        order = till.started()
        till.stripe.at_reader(till.reader, "insert")

        card = find(order).card

        assert card is not None
        assert (card.entry_mode, card.verification) == ("chip", "pin")

    def test_a_held_payment_says_until_when(self, till: Till) -> None:
        order = till.held()

        found = find(order)

        assert (found.state, found.authorized_minor, found.captured_minor) == (
            "requires_capture",
            1500,
            0,
        )
        assert found.capture_before is not None
        now = datetime.fromtimestamp(till.stripe.now(), UTC)
        assert timedelta(days=2) - timedelta(minutes=1) < found.capture_before - now
        assert found.client_secret == ""

    def test_a_tip_is_part_of_what_was_asked_for(self, till: Till) -> None:
        order = till.started(asks_for_tip=True)
        till.stripe.at_reader(till.reader, tip=200)

        found = find(order)

        assert (found.authorized_minor, found.captured_minor, found.tip_minor) == (1700, 1700, 200)

    @pytest.mark.parametrize(
        ("number", "code"), [(NO_FUNDS, "insufficient_funds"), (EXPIRED, "expired_card")]
    )
    def test_a_declined_card_says_why(self, till: Till, number: str, code: str) -> None:
        order = till.started()
        till.stripe.at_reader(till.reader, number=number)

        found = find(order)

        assert (found.state, found.decline_code, found.authorized_minor) == ("declined", code, 0)
        assert found.card is not None
        assert (found.card.last4, found.card.auth_code) == (number[-4:], "")
        assert found.client_secret

    def test_another_card_is_asked_for_after_a_declined_one(self, till: Till) -> None:
        order = till.started()
        till.stripe.at_reader(till.reader, "decline")
        run(order)

        assert find(order) == SaleSnapshot(
            order.external_id,
            "in_progress",
            "USD",
            client_secret=intent(till, order.external_id)["client_secret"],
        )

        till.stripe.at_reader(till.reader)
        assert find(order).state == "succeeded"

    def test_a_customer_who_cancels(self, till: Till) -> None:
        order = till.started()
        till.stripe.at_reader(till.reader, "cancel")

        found = find(order)

        assert (found.state, found.decline_code, found.card) == ("canceled", "", None)

    def test_one_that_no_reader_was_asked_for(self, till: Till) -> None:
        assert find(till.opened()).state == "requires_terminal"

    def test_one_that_another_took_the_place_of(self, till: Till) -> None:
        first = till.started()
        second = till.started()

        assert (find(first).state, find(second).state) == ("requires_terminal", "in_progress")

    def test_one_whose_reader_asks_something_else_by_now(self, till: Till) -> None:
        order = till.started()
        asked = {
            "inputs[0][type]": "email",
            "inputs[0][custom_text][title]": "Receipt?",
        }
        path = f"/v1/terminal/readers/{till.reader}"
        till.stripe.api("POST", f"{path}/collect_inputs", asked)

        assert find(order).state == "requires_terminal"
        build.driver().stop_sale(order)
        assert till.stripe.api("GET", path).json()["action"]["type"] == "collect_inputs"

    def test_one_whose_reader_was_given_up(self, till: Till) -> None:
        order = till.started()
        till.stripe.api("DELETE", f"/v1/terminal/readers/{till.reader}")

        assert find(order).state == "requires_terminal"

    def test_a_reader_that_was_unplugged_before_the_card(self, till: Till) -> None:
        order = till.started()
        till.stripe.at_reader(till.reader, "unplug")

        assert find(order).state == "in_progress"

    @pytest.mark.parametrize("does", ["tap_unplug", "tap_unheard"])
    def test_a_reader_that_was_lost_after_the_card_was_approved(
        self, till: Till, does: str
    ) -> None:
        order = till.started()
        till.stripe.at_reader(till.reader, does)

        assert find(order).state == "succeeded"

    def test_a_reader_that_did_not_reach_stripe_declined_nothing(self, till: Till) -> None:
        order = till.started()
        till.stripe.at_reader(till.reader, "unheard")

        assert find(order).state == "requires_terminal"

    def test_an_approval_between_the_two_questions_is_not_missed(
        self, till: Till, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The intent is asked first; the card is approved before its reader is asked."""
        from billing.drivers.stripe import readers  # noqa: PLC0415 - the seam of this one test

        order, asked = till.started(), readers.action_about

        def approved_first(reader_id: str, intent_id: str) -> Any:
            till.stripe.at_reader(till.reader)
            return asked(reader_id, intent_id)

        monkeypatch.setattr(readers, "action_about", approved_first)

        assert find(order).state == "succeeded"

    def test_one_that_was_expired_by_stripe(self, till: Till) -> None:
        order = till.held()
        till.stripe.api("POST", f"/v1/payment_intents/{order.external_id}/cancel")

        found = find(order)

        assert (found.state, found.captured_minor, found.capture_before) == ("canceled", 0, None)

    def test_nobody_answers(self, till: Till) -> None:
        order = till.started()
        till.stripe.add_fault(method="GET", path="/payment_intents/", status=500, times=3)

        with pytest.raises(DriverUnavailable):
            find(order)


class TestFindWithoutAName:
    """What was opened, and the answer lost: our id is all there is."""

    def test_is_found_by_our_id(self, till: Till) -> None:
        order = till.opened()

        found = find(dataclasses.replace(order, external_id=""))

        assert (found.external_id, found.state) == (order.external_id, "requires_terminal")

    @pytest.mark.parametrize("age_s", [0, 89])
    def test_what_may_still_arrive_is_unknown(self, till: Till, age_s: int) -> None:
        now = clock.now()

        with pytest.raises(OutcomeUnknown):
            build.driver().find_sale(till.order(), sent_at=now - timedelta(seconds=age_s), now=now)

    def test_what_can_no_longer_arrive_is_none(self, till: Till) -> None:
        now = clock.now()

        found = build.driver().find_sale(till.order(), sent_at=now - timedelta(seconds=90), now=now)

        assert found is None

    def test_what_was_never_sent_is_none(self, till: Till) -> None:
        assert build.driver().find_sale(till.order(), sent_at=None, now=clock.now()) is None

    def test_an_intent_that_there_is_not_is_none(self, till: Till) -> None:
        order = till.order(external_id="pi_none")

        assert build.driver().find_sale(order, sent_at=clock.now(), now=clock.now()) is None
