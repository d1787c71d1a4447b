"""Payers, their cards and coupons: the same for every driver."""

import dataclasses

import pytest

from billing.drivers.base import (
    DriverRejected,
    ObjectMissing,
)
from billing.enums import SubscriptionStatus
from billing.types import CouponSpec, DiscountRef
from tests.contract.driver_steps import able, attach, start
from tests.contract.sandboxes import Sandbox, new_key


class TestCoupons:
    def coupon(self, sandbox: Sandbox) -> str:
        code = new_key()[4:16].upper()
        spec = CouponSpec("1", code, "Welcome", "repeating", percent_off="20", duration_months=3)
        first = sandbox.driver.ensure_coupon(spec, idempotency_key=new_key())
        assert sandbox.driver.ensure_coupon(spec, idempotency_key=new_key()) == first
        return first

    def test_of_ours_lie_on_what_is_started_with_them(self, subscribing: Sandbox) -> None:
        spec = dataclasses.replace(
            subscribing.new_start(subscribing.good_card),
            discount=DiscountRef(self.coupon(subscribing)),
        )

        snapshot = subscribing.driver.create_subscription(spec, idempotency_key=new_key())

        assert snapshot.status is SubscriptionStatus.ACTIVE
        (discount,) = snapshot.discounts
        assert (discount.name, discount.percent_off) == ("Welcome", "20")
        assert discount.ends_at is not None

    def test_of_nobody_are_not_found(self, subscribing: Sandbox) -> None:
        assert subscribing.driver.find_discount(new_key()[4:16]) is None


class TestPayers:
    def test_a_saved_card_is_shown_without_its_number(self, saving: Sandbox) -> None:
        payer = saving.new_payer()

        method = attach(saving, payer)

        found = saving.driver.retrieve_payer(payer)
        assert (found.provider, found.external_id) == (saving.provider, payer)
        assert [row.external_id for row in found.methods] == [method]
        shown = found.methods[0]
        assert (len(shown.last4), shown.exp_month in range(1, 13)) == (4, True)
        assert shown.kind == "card"
        assert shown.fingerprint

    def test_saving_it_again_keeps_one(self, saving: Sandbox) -> None:
        payer = saving.new_payer()
        method = attach(saving, payer)

        assert attach(saving, payer, method) == method

        assert len(saving.driver.retrieve_payer(payer).methods) == 1

    def test_a_card_that_can_not_be_saved_is_declined(self, saving: Sandbox) -> None:
        payer = saving.new_payer()

        with pytest.raises(DriverRejected) as caught:
            attach(saving, payer, saving.unsavable_card)

        assert caught.value.code == "CARD_DECLINED"
        assert saving.driver.retrieve_payer(payer).methods == ()

    def test_one_of_several_is_the_default(self, saving: Sandbox) -> None:
        payer = saving.new_payer()
        attach(saving, payer)
        chosen = attach(saving, payer)

        for _ in range(2):  # twice is once
            saving.driver.set_default_payment_method(
                external_customer_id=payer, payment_method=chosen, idempotency_key=new_key()
            )

        assert saving.driver.retrieve_payer(payer).default_method_id == chosen

    def test_a_subscription_is_charged_to_the_default_too(self, saving: Sandbox) -> None:
        started = start(able(saving, "subscriptions"), saving.good_card)
        chosen = attach(saving, started.external_customer_id)

        saving.driver.set_default_payment_method(
            external_customer_id=started.external_customer_id,
            payment_method=chosen,
            external_subscription_id=started.external_id,
            idempotency_key=new_key(),
        )

        again = saving.driver.retrieve_subscription(started.external_id)
        assert again.default_method_id == chosen

    def test_a_method_is_taken_off_and_only_once(self, saving: Sandbox) -> None:
        payer = saving.new_payer()
        method = attach(saving, payer)

        for _ in range(2):
            saving.driver.detach_payment_method(method, idempotency_key=new_key())

        assert saving.driver.retrieve_payer(payer).methods == ()

    def test_a_browser_gets_what_it_needs_for_a_card(self, saving: Sandbox) -> None:
        prepared = saving.driver.create_setup_intent(saving.new_payer(), idempotency_key=new_key())

        assert prepared.external_id
        assert prepared.client_secret
        assert prepared.client_secret not in repr(prepared)

    def test_bills_can_go_elsewhere(self, sandbox: Sandbox) -> None:
        payer = sandbox.new_payer()

        sandbox.driver.update_customer(
            payer, email="bills@acme.example", name="Acme", idempotency_key=new_key()
        )

        assert sandbox.driver.retrieve_payer(payer).email == "bills@acme.example"

    def test_who_does_not_exist_is_said_to_be_missing(self, sandbox: Sandbox) -> None:
        with pytest.raises(ObjectMissing):
            sandbox.driver.retrieve_payer("nobody")

    def test_a_page_for_payers_has_an_address(self, sandbox: Sandbox) -> None:
        portal = able(sandbox, "portal")

        address = portal.driver.create_portal_session(
            portal.new_payer(), return_url="https://till.test/", idempotency_key=new_key()
        )

        assert address.startswith("http")
