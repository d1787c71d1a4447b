"""Adding payment methods over HTTP, under both spellings of every path."""

from typing import Any

import pytest

from billing.enums import Provider
from billing.models import Customer, PaymentMethod
from tests.billing.api_caller import Caller, error_of, register, signed_in
from tests.billing.payment_method_api_steps import PATH, attached, listed
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis", "short_pauses")]


class TestAttaching:
    def test_shows_the_card_and_no_number(self, owner: Caller, prefix: str) -> None:
        answer = owner.post(f"{prefix}/payment-methods", {"payment_method": "pm_card_visa"})

        assert answer.status_code == 201
        row = PaymentMethod.objects.get()
        assert answer.json() == {
            "id": str(row.pk),
            "provider": "stripe",
            "external_id": row.external_id,
            "type": "card",
            "label": "Visa ending in 4242",
            "brand": "visa",
            "last4": "4242",
            "exp_month": 12,
            "exp_year": 2034,
            "is_default": True,
            "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
            "overdue_payment": None,
        }

    @pytest.mark.parametrize(
        "body",
        [
            {"payment_method_id": "pm_card_visa"},
            {"token": "pm_card_visa"},
            {"token": "tok_visa"},
            {"token": "pm_card_visa", "card": {"expiry": "1234"}, "set_default": True},
        ],
    )
    def test_takes_every_name_of_a_method(self, owner: Caller, body: dict[str, Any]) -> None:
        assert owner.post(PATH, body).status_code == 201
        assert listed(owner) == [("visa", True)]

    def test_makes_it_the_default_on_request(self, owner: Caller) -> None:
        attached(owner)

        attached(owner, "pm_card_mastercard")
        assert listed(owner) == [("mastercard", False), ("visa", True)]

        attached(owner, "pm_card_amex", set_default=True)
        assert listed(owner) == [("amex", True), ("mastercard", False), ("visa", False)]

    def test_the_short_form_attaches_and_chooses(self, owner: Caller, prefix: str) -> None:
        attached(owner)

        answer = owner.post(f"{prefix}/payment-method", {"payment_method_id": "pm_card_amex"})

        assert answer.status_code == 201
        assert answer.json()["is_default"] is True
        assert listed(owner) == [("amex", True), ("visa", False)]

    @pytest.mark.parametrize("name", ["payment_method", "token"])
    def test_the_short_form_takes_the_other_names_too(self, owner: Caller, name: str) -> None:
        assert owner.post("/billing/payment-method", {name: "pm_card_visa"}).status_code == 201
        assert owner.post("/billing/payment-method", {}).status_code == 400

    def test_a_declined_card_changes_nothing(self, owner: Caller) -> None:
        answer = owner.post(PATH, {"payment_method": "pm_card_chargeDeclined"})

        assert answer.status_code == 402
        assert error_of(answer)["code"] == "CARD_DECLINED"
        assert error_of(answer)["message"] == (
            "Your card was declined. Please try another payment method."
        )
        assert listed(owner) == []

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "payment_method"),
            ({"payment_method": ""}, "payment_method"),
            ({"payment_method": "pm_1", "token": "pm_2"}, "payment_method"),
            ({"payment_method": "pm_of_nobody"}, "payment_method"),
            ({"payment_method": "p" * 256}, "payment_method"),
            ({"payment_method": "pm_card_visa", "number": "4242424242424242"}, "number"),
            ({"payment_method": "pm_card_visa", "set_default": "maybe"}, "set_default"),
            ({"token": "pm_card_visa", "card": {"expiry": "1399"}}, "card.expiry"),
        ],
    )
    def test_bad_input_names_the_field(
        self, owner: Caller, body: dict[str, Any], field: str
    ) -> None:
        answer = owner.post(PATH, body)

        assert answer.status_code == 400
        assert error_of(answer)["code"] == "INVALID_REQUEST"
        assert list(error_of(answer)["fields"]) == [field]
        assert listed(owner) == []

    def test_a_card_of_somebody_else_is_refused(self, owner: Caller) -> None:
        theirs = attached(signed_in(register("Diner")["user"]["email"]))

        answer = owner.post(PATH, {"payment_method": theirs["external_id"]})

        assert answer.status_code == 400
        assert listed(owner) == []

    def test_the_same_key_attaches_once(self, owner: Caller) -> None:
        body, key = {"payment_method": "pm_card_visa"}, {"Idempotency-Key": "k1"}

        first, again = owner.post(PATH, body, **key), owner.post(PATH, body, **key)

        assert again["Idempotent-Replayed"] == "true"
        assert again.content == first.content
        assert PaymentMethod.objects.count() == 1

    def test_a_failure_of_the_provider_is_never_final(
        self, owner: Caller, stripe: StripeSimulator
    ) -> None:
        body, key = {"payment_method": "pm_card_visa"}, {"Idempotency-Key": "k1"}
        stripe.add_fault(method="POST", path="/attach$", times=1, status=500)

        first, again = owner.post(PATH, body, **key), owner.post(PATH, body, **key)

        assert (first.status_code, error_of(first)["code"]) == (502, "API_ERROR")
        assert again.status_code == 201
        assert listed(owner) == [("visa", True)]


class TestSetupIntent:
    def test_prepares_the_element_for_a_setup_token_too(
        self, setup: Caller, prefix: str, stripe: StripeSimulator
    ) -> None:
        answer = setup.post(f"{prefix}/payment-methods/setup-intent")

        assert answer.status_code == 201
        assert answer["Cache-Control"] == "no-store"
        shown = answer.json()
        assert set(shown) == {"id", "client_secret"}
        theirs = stripe.api("GET", f"/v1/setup_intents/{shown['id']}").json()
        assert theirs["client_secret"] == shown["client_secret"]
        assert theirs["usage"] == "off_session"
        assert theirs["customer"] == Customer.objects.get(provider=Provider.STRIPE).external_id

    def test_what_it_makes_can_be_chosen(self, owner: Caller, stripe: StripeSimulator) -> None:
        prepared = owner.post(f"{PATH}/setup-intent").json()
        done = stripe.api(
            "POST",
            f"/v1/setup_intents/{prepared['id']}/confirm",
            {"payment_method": "pm_card_visa"},
        ).json()
        assert done["status"] == "succeeded"

        shown = attached(owner, done["payment_method"], set_default=True)

        assert shown["external_id"] == done["payment_method"]
        assert listed(owner) == [("visa", True)]
