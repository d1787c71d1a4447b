"""Prices and Stripe's own pages, against the simulated Stripe."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.drivers.base import DriverRejected, ObjectMissing
from billing.drivers.stripe import calls, catalog
from billing.types import CheckoutSpec
from tests.billing import stripe_builders as build
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.usefixtures("stripe")


class TestEnsurePrice:
    def test_creates_price_and_product_once(self, stripe: StripeSimulator) -> None:
        spec = build.price_spec(plan_code="once", lookup_key="till_once_v1_month_usd")

        first, second = build.driver().ensure_price(spec), build.driver().ensure_price(spec)

        assert first == second
        assert first.external_product_id == "till_once_v1"
        prices = [row for row in stripe.objects("price") if row["product"] == "till_once_v1"]
        assert [row["lookup_key"] for row in prices] == [spec.lookup_key]
        assert (prices[0]["unit_amount"], prices[0]["currency"]) == (2900, "usd")
        assert prices[0]["recurring"]["interval"] == "month"

    def test_a_second_interval_shares_the_product(self) -> None:
        month = build.make_price(plan_code="both", lookup_key="till_both_v1_month_usd")
        year = build.make_price(
            plan_code="both",
            lookup_key="till_both_v1_year_usd",
            interval="year",
            amount_minor=29_000,
        )

        assert month.external_product_id == year.external_product_id
        assert month.external_id != year.external_id

    @pytest.mark.parametrize(
        "change", [{"amount_minor": 1}, {"currency": "EUR"}, {"interval": "year"}]
    )
    def test_refuses_a_lookup_key_that_sells_something_else(self, change: dict[str, Any]) -> None:
        spec = build.price_spec(plan_code="fixed", lookup_key="till_fixed_v1_month_usd")
        build.driver().ensure_price(spec)

        with pytest.raises(DriverRejected) as caught:
            build.make_price(plan_code="fixed", lookup_key=spec.lookup_key, **change)

        assert caught.value.detail == "price_mismatch"

    def test_takes_the_lookup_key_over_from_an_archived_price(
        self, stripe: StripeSimulator
    ) -> None:
        spec = build.price_spec(plan_code="again", lookup_key="till_again_v1_month_usd")
        archived = build.driver().ensure_price(spec)
        stripe.api("POST", f"/v1/prices/{archived.external_id}", {"active": "false"})

        fresh = build.driver().ensure_price(spec)

        assert fresh.external_id != archived.external_id
        assert fresh.external_product_id == archived.external_product_id
        assert build.driver().ensure_price(spec) == fresh

    def test_finds_the_price_that_somebody_made_meanwhile(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spec = build.price_spec(plan_code="race", lookup_key="till_race_v1_month_usd")
        winner = build.driver().ensure_price(spec)
        looked = catalog._find
        answers = iter([None, looked(spec)])
        monkeypatch.setattr(catalog, "_find", lambda _: next(answers))
        # Another key than the winner's, as after a day: Stripe refuses the lookup key itself.
        monkeypatch.setattr(calls, "keyed", lambda key: {"idempotency_key": f"{key}:2"})

        assert build.driver().ensure_price(spec) == winner

    @pytest.mark.parametrize("path", ["/prices$", "/products$"])
    def test_a_refusal_for_another_reason_stays_one(
        self, stripe: StripeSimulator, path: str
    ) -> None:
        error = {"type": "invalid_request_error", "code": "account_closed", "message": "no"}
        stripe.add_fault(method="POST", path=path, status=400, error=error)
        code = f"refused{path[1:4]}"

        with pytest.raises(DriverRejected) as caught:
            build.make_price(plan_code=code, lookup_key=f"till_{code}")

        assert caught.value.detail == "account_closed"

    def test_a_product_that_somebody_made_meanwhile_is_taken(self, stripe: StripeSimulator) -> None:
        month = build.make_price(plan_code="twice", lookup_key="till_twice_month")
        stripe.add_fault(
            method="GET",
            path="/products/",
            status=404,
            error={"type": "invalid_request_error", "code": "resource_missing", "message": "no"},
        )
        stripe.advance(86_401)  # past the life of the first one's idempotency key

        year = build.make_price(plan_code="twice", lookup_key="till_twice_year", interval="year")

        assert year.external_product_id == month.external_product_id


def checkout_spec(stripe: StripeSimulator, **changes: Any) -> CheckoutSpec:
    fields: dict[str, Any] = {
        "our_id": "c0ffee00-0000-4000-8000-000000000001",
        "our_subscription_id": "c0ffee00-0000-4000-8000-000000000002",
        "organization_id": "c0ffee00-0000-4000-8000-000000000003",
        "external_customer_id": build.make_customer(),
        "external_price_id": build.make_price().external_id,
        "seats": 3,
        "success_url": "https://till.test/checkout?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://till.test/plans",
        "expires_at": datetime.fromtimestamp(stripe.now(), UTC) + timedelta(hours=1),
    }
    return CheckoutSpec(**{**fields, **changes})


class TestCheckoutSession:
    def test_sells_one_subscription_that_carries_our_ids(self, stripe: StripeSimulator) -> None:
        spec = checkout_spec(stripe, trial_days=14)

        seen = build.driver().create_checkout_session(spec, idempotency_key=build.new_key())

        assert (seen.status, seen.our_id) == ("open", spec.our_id)
        assert seen.external_customer_id == spec.external_customer_id
        assert seen.external_subscription_id == ""
        assert seen.url.startswith("http")
        sent = stripe.requests()[-1]["params"]
        assert sent["success_url"].endswith("{CHECKOUT_SESSION_ID}")
        assert sent["subscription_data"]["metadata"] == {
            "till_subscription_id": spec.our_subscription_id,
            "till_organization_id": spec.organization_id,
        }
        assert sent["subscription_data"]["trial_period_days"] == "14"
        assert sent["metadata"] == {
            "till_checkout_id": spec.our_id,
            "organization_id": spec.organization_id,
        }

    def test_can_be_asked_for_and_closed(self, stripe: StripeSimulator) -> None:
        opened = build.driver().create_checkout_session(
            checkout_spec(stripe), idempotency_key=build.new_key()
        )

        assert build.driver().retrieve_checkout_session(opened.external_id) == opened
        closed = build.driver().expire_checkout_session(
            opened.external_id, idempotency_key=build.new_key()
        )
        assert closed.status == "expired"
        assert closed.url == ""

    def test_is_closed_only_once(self, stripe: StripeSimulator) -> None:
        opened = build.driver().create_checkout_session(
            checkout_spec(stripe), idempotency_key=build.new_key()
        )
        build.driver().expire_checkout_session(opened.external_id, idempotency_key=build.new_key())

        with pytest.raises(DriverRejected):
            build.driver().expire_checkout_session(
                opened.external_id, idempotency_key=build.new_key()
            )

    def test_one_that_does_not_exist(self) -> None:
        with pytest.raises(ObjectMissing):
            build.driver().retrieve_checkout_session("cs_test_nothing")
