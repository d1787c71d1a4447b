"""Payment methods over HTTP, under both spellings of every path: listed, chosen, removed."""

import pytest

from billing.models import Subscription
from tests.billing.api_caller import Caller, error_of
from tests.billing.payment_method_api_steps import PATH, attached, listed
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis", "short_pauses")]


class TestListing:
    def test_is_a_page_newest_first(self, owner: Caller, prefix: str) -> None:
        for card in ("pm_card_visa", "pm_card_mastercard", "pm_card_amex"):
            attached(owner, card)

        first = owner.get(f"{prefix}/payment-methods?limit=2").json()
        second = owner.get(f"{prefix}/payment-methods?limit=2&cursor={first['next_cursor']}").json()

        assert [row["brand"] for row in first["data"]] == ["amex", "mastercard"]
        assert [row["brand"] for row in second["data"]] == ["visa"]
        assert second["next_cursor"] is None
        assert "overdue_payment" not in second["data"][0]

    def test_is_empty_for_a_tenant_the_provider_does_not_know(self, owner: Caller) -> None:
        assert owner.get(PATH).json() == {"data": [], "next_cursor": None}

    def test_has_the_card_of_a_subscription_before_any_webhook(self, paying: Caller) -> None:
        assert listed(paying) == [("visa", True)]

    def test_asks_the_provider_only_once(self, paying: Caller, stripe: StripeSimulator) -> None:
        paying.get(PATH)
        since = stripe.calls_so_far()

        paying.get(PATH)

        assert stripe.requests(since) == []

    def test_answers_from_our_rows_while_the_provider_is_down(
        self, paying: Caller, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="GET", path="/customers/", times=-1, status=500)

        assert paying.get(PATH).json() == {"data": [], "next_cursor": None}

        stripe.clear_faults()
        assert listed(paying) == [("visa", True)]


class TestMakingDefault:
    @pytest.mark.parametrize("name", ["id", "external_id"])
    def test_takes_our_id_and_the_providers(self, owner: Caller, prefix: str, name: str) -> None:
        attached(owner)
        other = attached(owner, "pm_card_mastercard")

        answer = owner.post(f"{prefix}/payment-methods/{other[name]}/default")

        assert answer.status_code == 200
        assert answer.json() == {**other, "is_default": True}
        assert listed(owner) == [("mastercard", True), ("visa", False)]

    def test_charges_the_subscription_to_it(self, paying: Caller, stripe: StripeSimulator) -> None:
        other = attached(paying, "pm_card_mastercard")
        assert other["is_default"] is False

        paying.post(f"{PATH}/{other['id']}/default")

        row = Subscription.objects.get(is_free=False)
        assert row.payment_method_external_id == other["external_id"]
        theirs = stripe.api("GET", f"/v1/subscriptions/{row.external_id}").json()
        assert theirs["default_payment_method"] == other["external_id"]
        payer = stripe.api("GET", f"/v1/customers/{row.customer.external_id}").json()
        assert payer["invoice_settings"]["default_payment_method"] == other["external_id"]
        assert listed(paying) == [("mastercard", True), ("visa", False)]

    def test_takes_no_body(self, owner: Caller) -> None:
        shown = attached(owner)

        answer = owner.post(f"{PATH}/{shown['id']}/default", {"is_default": False})

        assert answer.status_code == 400


class TestRemoving:
    @pytest.mark.parametrize("name", ["id", "external_id"])
    def test_answers_nothing_and_takes_it_off(self, owner: Caller, prefix: str, name: str) -> None:
        shown = attached(owner)

        answer = owner.delete(f"{prefix}/payment-methods/{shown[name]}")

        assert (answer.status_code, answer.content) == (204, b"")
        assert listed(owner) == []
        assert owner.delete(f"{prefix}/payment-methods/{shown[name]}").status_code == 404

    def test_the_newest_other_one_follows_a_default(self, paying: Caller) -> None:
        visa = paying.get(PATH).json()["data"][0]
        attached(paying, "pm_card_mastercard")
        attached(paying, "pm_card_amex")

        assert paying.delete(f"{PATH}/{visa['id']}").status_code == 204

        assert listed(paying) == [("amex", True), ("mastercard", False)]
        row = Subscription.objects.get(is_free=False)
        assert row.payment_method_external_id == paying.get(PATH).json()["data"][0]["external_id"]

    def test_the_last_one_of_a_running_subscription_stays(self, paying: Caller) -> None:
        visa = paying.get(PATH).json()["data"][0]

        answer = paying.delete(f"{PATH}/{visa['id']}")

        assert answer.status_code == 409
        assert error_of(answer)["code"] == "CONFLICT"
        assert error_of(answer)["message"] == (
            "This is the only payment method of a running subscription. "
            "Please add another one first."
        )
        assert listed(paying) == [("visa", True)]

    def test_the_last_one_may_go_once_the_subscription_has_ended(self, paying: Caller) -> None:
        visa = paying.get(PATH).json()["data"][0]
        assert paying.post("/billing/subscription/cancel", {"mode": "now"}).status_code == 200

        assert paying.delete(f"{PATH}/{visa['id']}").status_code == 204
