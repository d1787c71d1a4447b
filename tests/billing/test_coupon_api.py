"""Coupons and trials over HTTP, and on the page of a checkout."""

from typing import Any

import pytest
from django.test import Client

from billing.enums import CouponDuration
from billing.models import CheckoutSession, Customer, Obligation, Price, Subscription
from billing.services import coupon_links
from notifications.models import Message
from orgs import clock
from orgs.models import Organization
from tests.billing.api_caller import Caller, error_of
from tests.billing.builders import NOW
from tests.billing.checkout_steps import address_of, open_checkout, pay, text_of
from tests.billing.coupon_steps import make_coupon, make_their_code, make_theirs, new_code
from tests.billing.trial_steps import make_trial_price
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]

STARTER = {"plan": "starter", "payment_method": "pm_card_visa"}


def refusal(answer: Any) -> tuple[int, str, dict[str, list[str]]]:
    error = error_of(answer)
    return answer.status_code, error["code"], error.get("fields", {})


class TestStart:
    def test_shows_the_discount_wherever_the_subscription_is_shown(self, setup: Caller) -> None:
        coupon = make_coupon(duration=CouponDuration.FOREVER)

        answer = setup.post("/billing/subscription", {**STARTER, "coupon": coupon.code.lower()})

        assert answer.status_code == 201
        discount = {
            "coupon": coupon.code,
            "name": "Welcome",
            "percent_off": "20",
            "amount_off": None,
            "currency": None,
            "ends_at": None,
        }
        assert answer.json()["discount"] == discount
        assert setup.get("/billing/subscription").json()["discount"] == discount
        assert setup.get("/billing/status").json()["subscription"]["discount"] == discount
        assert Obligation.objects.get().amount_minor == 2320
        mail = Message.objects.get(kind="subscription_confirmed")
        assert (mail.context["amount"], mail.context["discount"]) == ("$29.00", "20 % off")

    def test_says_in_the_mail_what_came_off_the_first_invoice_alone(self, setup: Caller) -> None:
        coupon = make_coupon(amount_off_minor=500, currency="USD")

        answer = setup.post("/billing/subscription", {**STARTER, "coupon": coupon.code})

        assert (answer.status_code, answer.json()["discount"]) == (201, None)
        mail = Message.objects.get(kind="subscription_confirmed")
        assert mail.context["discount"] == "$5.00 off"

    def test_without_coupon_there_is_none(self, setup: Caller) -> None:
        assert setup.post("/billing/subscription", STARTER).json()["discount"] is None

    def test_refuses_what_does_not_exist(self, setup: Caller) -> None:
        answer = setup.post("/billing/subscription", {**STARTER, "coupon": new_code()})

        assert refusal(answer) == (
            400,
            "INVALID_REQUEST",
            {"coupon": ["This coupon does not exist."]},
        )
        assert Subscription.objects.count() == 0

    @pytest.mark.parametrize("coupon", ["", "x" * 101, ["WELCOME"], None])
    def test_refuses_what_is_no_text(self, setup: Caller, coupon: Any) -> None:
        answer = setup.post("/billing/subscription", {**STARTER, "coupon": coupon})

        assert answer.status_code == 400
        assert list(error_of(answer)["fields"]) == ["coupon"]

    @pytest.mark.usefixtures("short_pauses")
    def test_is_not_started_while_a_foreign_code_can_not_be_looked_up(
        self, setup: Caller, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="GET", path="/v1/promotion_codes$", times=3, status=500)

        answer = setup.post("/billing/subscription", {**STARTER, "coupon": new_code()})

        assert (answer.status_code, error_of(answer)["code"]) == (502, "API_ERROR")
        assert Subscription.objects.count() == 0

    def test_the_same_key_gets_the_same_answer(self, setup: Caller) -> None:
        coupon = make_coupon(max_redemptions=1, duration=CouponDuration.FOREVER)
        body = {**STARTER, "coupon": coupon.code}
        headers = {"Idempotency-Key": "0b7b0d8e-5a57-4a35-8a5c-6f4e1f3f6a11"}

        first = setup.post("/billing/subscription", body, **headers)
        again = setup.post("/billing/subscription", body, **headers)
        other = setup.post("/billing/subscription", STARTER, **headers)

        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json() == first.json()
        assert refusal(other)[:2] == (409, "IDEMPOTENCY_MISMATCH")


class TestTrial:
    @pytest.fixture
    def taster(self, stripe: StripeSimulator) -> Price:
        return make_trial_price()

    def body(self, price: Price, **more: Any) -> dict[str, Any]:
        plan = price.plan_version.plan.code
        return {"plan": plan, "payment_method": "pm_card_visa", **more}

    @pytest.mark.parametrize(
        ("more", "status"),
        [({}, "trialing"), ({"trial": True}, "trialing"), ({"trial": False}, "active")],
        ids=["left out", "true", "false"],
    )
    def test_is_the_plans_unless_told_otherwise(
        self, setup: Caller, taster: Price, more: dict[str, Any], status: str
    ) -> None:
        answer = setup.post("/billing/subscription", self.body(taster, **more))

        assert (answer.status_code, answer.json()["status"]) == (201, status)

    def test_can_not_be_asked_of_a_plan_that_has_none(self, setup: Caller) -> None:
        answer = setup.post("/billing/subscription", {**STARTER, "trial": True})

        assert refusal(answer) == (400, "INVALID_REQUEST", {"trial": ["This plan has no trial."]})
        assert Subscription.objects.count() == 0

    def test_is_had_once(self, bistro: dict[str, Any], setup: Caller, taster: Price) -> None:
        Customer.objects.create(
            organization_id=bistro["organization"]["id"],
            provider="stripe",
            trial_redeemed_at=NOW,
            email="bistro@till.test",
        )

        answer = setup.post("/billing/subscription", self.body(taster, trial=True))

        assert refusal(answer)[:2] == (409, "CONFLICT")
        assert error_of(answer)["message"] == "A trial was already used."
        assert Subscription.objects.count() == 0
        without = setup.post("/billing/subscription", self.body(taster))
        assert (without.status_code, without.json()["status"]) == (201, "active")


class TestSession:
    def test_keeps_the_coupon_for_our_page(self, setup: Caller) -> None:
        coupon = make_coupon()

        answer = setup.post("/billing/session", {"plan": "starter", "coupon": coupon.code})

        row = CheckoutSession.objects.get(pk=answer.json()["id"])
        assert row.coupon_code == coupon.code
        assert row.discount is not None
        assert row.discount["terms"] == "20 % off the first invoice"

    def test_hands_it_to_the_providers_page(self, setup: Caller, stripe: StripeSimulator) -> None:
        code = make_their_code(stripe, make_theirs(stripe))
        body = {"plan": "starter", "ui": "hosted_provider", "coupon": code}

        answer = setup.post("/billing/session", body)

        assert answer.status_code == 201
        (asked,) = [r for r in stripe.requests() if r["path"] == "/v1/checkout/sessions"][-1:]
        assert asked["params"]["discounts"]["0"]["promotion_code"].startswith("promo_")
        assert Obligation.objects.get().amount_minor == 2320

    @pytest.mark.parametrize("ui", ["hosted_page", "hosted_provider"])
    def test_refuses_what_does_not_exist(self, setup: Caller, ui: str) -> None:
        body = {"plan": "starter", "ui": ui, "coupon": new_code()}

        answer = setup.post("/billing/session", body)

        assert refusal(answer)[2] == {"coupon": ["This coupon does not exist."]}
        assert CheckoutSession.objects.count() == 0
        assert Subscription.objects.count() == 0


class TestPage:
    def test_shows_and_charges_what_the_coupon_leaves(
        self, org: Organization, payer: Client, catalogue: dict[str, Price]
    ) -> None:
        coupon = make_coupon(duration=CouponDuration.REPEATING, duration_months=3)
        session, _ = open_checkout(org, catalogue["starter:month"], coupon=coupon.code)

        text = text_of(payer, session)
        assert f"{coupon.code}: 20 % off for 3 months" in text
        assert "-$5.80" in text
        assert "$23.20" in text

        pay(payer, session, "pm_card_visa")

        row = Subscription.objects.get()
        assert row.discount is not None
        assert row.discount["coupon"] == coupon.code
        assert Obligation.objects.get().amount_minor == 2320

    def test_takes_a_coupon_off_that_is_gone_by_now_and_charges_nothing(
        self, org: Organization, payer: Client, catalogue: dict[str, Price]
    ) -> None:
        coupon = make_coupon()
        session, _ = open_checkout(org, catalogue["starter:month"], coupon=coupon.code)
        coupon_links.deactivate_coupon(coupon=coupon, now=clock.now())

        text = pay(payer, session, "pm_card_visa")

        assert "Your coupon can&#x27;t be used any more and was taken off." in text
        assert "Due today" in text
        assert "$23.20" not in text
        assert Subscription.objects.count() == 0
        pay(payer, session, "pm_card_visa")
        assert Obligation.objects.get().amount_minor == 2900

    def test_promises_no_trial_to_somebody_who_had_one(
        self, org: Organization, payer: Client, stripe: StripeSimulator
    ) -> None:
        session, _ = open_checkout(org, make_trial_price())
        assert "Free for 14 days" in text_of(payer, session)

        Customer.objects.create(organization=org, provider="stripe", trial_redeemed_at=NOW)

        text = text_of(payer, session)
        assert "Free for" not in text
        assert "$29.00" in text

    def test_keeps_the_coupon_for_the_plan_that_is_chosen_on_it(
        self, org: Organization, payer: Client, catalogue: dict[str, Price]
    ) -> None:
        coupon = make_coupon()
        coupon.plans.add(catalogue["starter:month"].plan_version.plan)
        session, _ = open_checkout(org, None, coupon=coupon.code)

        refused = payer.post(
            address_of(session, "plan"), {"plan": "professional", "interval": "month"}, follow=True
        )
        session.refresh_from_db()
        assert session.price is None
        assert "This coupon does not apply to this plan." in refused.content.decode()

        payer.post(address_of(session, "plan"), {"plan": "starter", "interval": "month"})
        session.refresh_from_db()
        assert session.discount is not None
        assert session.discount["coupon"] == coupon.code
