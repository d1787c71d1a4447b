"""Payments in person through Stripe's driver: captured, voided, given back."""

import dataclasses
import uuid
from typing import Any

import pytest

from billing.drivers.base import DriverRejected, OutcomeUnknown
from tests.billing import stripe_builders as build
from tests.billing.stripe_terminal_cases import NO_FUNDS, Till, find

pytestmark = pytest.mark.usefixtures("short_pauses")


class TestCapture:
    @pytest.mark.parametrize("amount", [1500, 900])
    def test_takes_what_is_held_or_a_part(self, till: Till, amount: int) -> None:
        order = till.held()

        taken = build.driver().capture_sale(
            order, amount_minor=amount, idempotency_key=build.new_key()
        )

        assert (taken.state, taken.authorized_minor, taken.captured_minor) == (
            "succeeded",
            1500,
            amount,
        )
        assert taken.card is not None
        assert find(order) == taken

    def test_what_is_captured_already_is_returned_as_it_is(self, till: Till) -> None:
        order = till.held()
        build.driver().capture_sale(order, amount_minor=900, idempotency_key=build.new_key())

        again = build.driver().capture_sale(
            order, amount_minor=1500, idempotency_key=build.new_key()
        )

        assert (again.state, again.captured_minor) == ("succeeded", 900)

    def test_no_more_than_is_held(self, till: Till) -> None:
        order = till.held()

        with pytest.raises(DriverRejected) as refused:
            build.driver().capture_sale(order, amount_minor=1501, idempotency_key=build.new_key())

        assert refused.value.detail == "amount_too_large"
        assert find(order).state == "requires_capture"

    def test_nothing_that_is_not_held(self, till: Till) -> None:
        order = till.started(is_captured_at_once=False)

        with pytest.raises(DriverRejected):
            build.driver().capture_sale(order, amount_minor=1500, idempotency_key=build.new_key())

    def test_nothing_that_was_given_up(self, till: Till) -> None:
        order = till.held()
        build.driver().void_sale(order, idempotency_key=build.new_key())

        with pytest.raises(DriverRejected):
            build.driver().capture_sale(order, amount_minor=1500, idempotency_key=build.new_key())

    def test_a_lost_answer_is_found_by_asking(self, till: Till) -> None:
        order = till.held()
        till.stripe.add_fault(method="POST", path="/capture$", action="reset_after")

        with pytest.raises(OutcomeUnknown):
            build.driver().capture_sale(order, amount_minor=900, idempotency_key=build.new_key())

        assert find(order).captured_minor == 900


class TestVoid:
    def test_releases_what_is_held(self, till: Till) -> None:
        order = till.held()

        ended = build.driver().void_sale(order, idempotency_key=build.new_key())

        assert (ended.state, ended.captured_minor) == ("canceled", 0)
        assert find(order).state == "canceled"

    def test_ends_what_was_never_started(self, till: Till) -> None:
        order = till.opened()

        assert build.driver().void_sale(order, idempotency_key=build.new_key()).state == "canceled"

    def test_what_has_ended_is_returned_as_it_is(self, till: Till) -> None:
        order = till.opened()

        for _ in "ab":
            ended = build.driver().void_sale(order, idempotency_key=build.new_key())
            assert ended.state == "canceled"

    def test_not_what_was_captured(self, till: Till) -> None:
        order = till.taken()

        with pytest.raises(DriverRejected):
            build.driver().void_sale(order, idempotency_key=build.new_key())

        assert find(order).state == "succeeded"

    def test_a_card_that_is_held_to_the_reader_after_it_is_not_charged(self, till: Till) -> None:
        order = till.started()
        build.driver().void_sale(order, idempotency_key=build.new_key())
        till.stripe.at_reader(till.reader)

        found = find(order)

        assert (found.state, found.authorized_minor) == ("canceled", 0)


class TestRefund:
    def test_gives_back_what_was_captured(self, till: Till) -> None:
        order = till.held()
        build.driver().capture_sale(order, amount_minor=900, idempotency_key=build.new_key())

        found = build.driver().retrieve_payment(order.external_id)

        assert (found.external_customer_id, found.captured_minor) == ("", 900)
        assert (found.external_payment_id, found.refundable_minor) == (order.external_id, 900)

        build.driver().refund_payment(
            order.external_id,
            amount_minor=400,
            reason="requested_by_customer",
            reference="REFUNDABC",
            idempotency_key=build.new_key(),
        )
        left = build.driver().retrieve_payment(order.external_id)
        assert left.refundable_minor == 500
        assert [row.reference for row in left.refunds] == ["REFUNDABC"]

    def test_what_is_only_held_has_nothing_to_give_back(self, till: Till) -> None:
        found = build.driver().retrieve_payment(till.held().external_id)

        assert (found.external_id, found.captured_minor) == ("", 0)


class TestTillWithItsOwnSdk:
    def test_the_secret_is_all_it_needs(self, till: Till) -> None:
        order = till.order()
        made = build.driver().open_sale(order, idempotency_key=build.new_key())
        token = build.driver().create_connection_token(location="")
        order = dataclasses.replace(order, external_id=made.external_id)

        till.stripe.till_pays(made.client_secret, token, number=NO_FUNDS)
        assert find(order).decline_code == "insufficient_funds"

        till.stripe.till_pays(made.client_secret, token)
        assert find(order).state == "succeeded"


def test_one_account_takes_the_money_of_all(settings: Any) -> None:
    settings.STRIPE_TERMINAL_CURRENCY = "EUR"

    assert build.driver().terminal_account(uuid.uuid4()) is None
    assert build.driver().terminal_currency(None) == "EUR"
