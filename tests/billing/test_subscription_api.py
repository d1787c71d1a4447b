"""Subscribe, session and status over HTTP, as a client of the API sees them."""

from typing import Any

import pytest

from billing.enums import SubscriptionStatus
from billing.models import BillingProfile, CheckoutSession, Obligation, Subscription
from tests.billing.api_caller import Caller, error_of
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]


class TestFromRegistrationToActive:
    def test_the_whole_way(self, bistro: dict[str, Any], setup: Caller) -> None:
        assert bistro["organization"]["plan_status"] == "PENDING_PAYMENT"
        assert setup.get("/billing/status").json()["access"]["level"] == "none"

        answer = setup.post("/billing/subscribe", {"plan_slug": "starter", "token": "pm_card_visa"})

        assert answer.status_code == 201
        shown = answer.json()
        assert shown["status"] == "active"
        assert shown["provider"] == "stripe"
        assert shown["plan"] == {"slug": "starter", "name": "Starter", "version": 1}
        assert (shown["price"]["amount"], shown["price"]["amount_decimal"]) == (2900, "29.00")
        assert shown["auto_renew"] is True
        assert "client_secret" not in shown
        status = setup.get("/billing/status").json()
        assert status["plan_status"] == "ACTIVE"
        assert status["access"]["level"] == "full"
        assert status["plan"]["slug"] == "starter"
        assert status["renews_at"] == shown["current_period_end"]
        assert status["cancels_at"] is None
        assert status["features"]["agents"] == 5
        assert setup.get("/billing/subscription").json()["id"] == shown["id"]

    def test_both_spellings_of_the_tenant_are_one(
        self, bistro: dict[str, Any], setup: Caller
    ) -> None:
        tenant = f"/billing/tenants/{bistro['organization']['id']}"

        answer = setup.post(
            f"{tenant}/subscription/", {"plan_id": "starter", "payment_method_id": "pm_card_visa"}
        )

        assert answer.status_code == 201
        assert (
            setup.get(f"{tenant}/subscription").json() == setup.get("/billing/subscription").json()
        )

    def test_the_free_plan_needs_no_card_and_is_replaced(self, setup: Caller) -> None:
        free = setup.post("/billing/subscription", {"plan": "free"})
        assert (free.status_code, free.json()["status"]) == (201, "active")
        assert setup.get("/billing/status").json()["plan"]["slug"] == "free"

        paid = setup.post(
            "/billing/subscription", {"plan": "starter", "payment_method": "pm_card_visa"}
        )

        assert paid.status_code == 201
        assert setup.get("/billing/status").json()["plan"]["slug"] == "starter"

    def test_a_yearly_plan_with_seats(self, setup: Caller) -> None:
        answer = setup.post(
            "/billing/subscription",
            {
                "plan": "professional",
                "interval": "year",
                "payment_method": "pm_card_visa",
                "seats": 4,
            },
        )

        assert answer.status_code == 201
        assert answer.json()["price"]["interval"] == "year"
        assert answer.json()["seats"] == 4
        assert Obligation.objects.get().amount_minor == 4 * 99000

    def test_a_card_that_needs_confirming_gives_a_secret(self, setup: Caller) -> None:
        answer = setup.post(
            "/billing/subscription",
            {"plan": "starter", "payment_method": "pm_card_authenticationRequired"},
        )

        assert answer.status_code == 201
        assert answer.json()["status"] == "incomplete"
        assert "_secret_" in answer.json()["client_secret"]
        assert "client_secret" not in setup.get("/billing/subscription").json()


class TestSession:
    def test_our_page_is_the_default(self, setup: Caller) -> None:
        answer = setup.post("/billing/session", {"plan": "starter"})

        assert answer.status_code == 201
        shown = answer.json()
        assert shown["session_url"].startswith(
            f"http://127.0.0.1:8000/settings/billing/checkout/{shown['id']}?token="
        )
        row = CheckoutSession.objects.get(pk=shown["id"])
        assert shown["session_url"].split("token=")[1] not in row.token_hash
        assert Subscription.objects.count() == 0

    def test_the_providers_page_on_request(self, setup: Caller, stripe: StripeSimulator) -> None:
        answer = setup.post("/billing/session", {"plan": "starter", "ui": "hosted_provider"})

        assert answer.status_code == 201
        assert answer.json()["session_url"].startswith(f"{stripe.base_url}/c/pay/cs_")
        assert Subscription.objects.get().status == SubscriptionStatus.INCOMPLETE

    def test_the_portal_is_the_providers(self, setup: Caller, stripe: StripeSimulator) -> None:
        answer = setup.post(
            "/billing/session",
            {"mode": "portal", "success_url": "http://127.0.0.1:8000/settings/billing/plan"},
        )

        assert answer.status_code == 201
        assert answer["Cache-Control"] == "no-store"
        shown = answer.json()
        assert shown["session_url"].startswith(f"{stripe.base_url}/p/session/bps_")
        assert (shown["id"], shown["expires_at"]) == (None, None)
        opened = stripe.objects("billing_portal.session")[-1]
        assert opened["url"] == shown["session_url"]
        assert opened["return_url"] == "http://127.0.0.1:8000/settings/billing/plan"

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/back",
            "https://127.0.0.1:8000.evil.example/",
            "https://user@127.0.0.1:8000@evil.example/",
            "javascript:alert(1)",
        ],
    )
    def test_a_foreign_host_is_refused(self, setup: Caller, url: str) -> None:
        answer = setup.post("/billing/session", {"plan": "starter", "success_url": url})

        assert answer.status_code == 400
        assert list(error_of(answer)["fields"]) == ["success_url"]
        assert CheckoutSession.objects.count() == 0

    def test_a_host_the_organization_allowed_is_taken(
        self, bistro: dict[str, Any], setup: Caller
    ) -> None:
        BillingProfile.objects.create(
            organization_id=bistro["organization"]["id"], allowed_return_hosts=["shop.example"]
        )

        answer = setup.post(
            "/billing/session", {"plan": "starter", "success_url": "https://shop.example/thanks"}
        )

        assert answer.status_code == 201

    def test_not_beside_a_live_subscription(self, setup: Caller) -> None:
        setup.post("/billing/subscribe", {"plan_slug": "starter", "token": "pm_card_visa"})

        for body in ({}, {"plan": "starter"}):
            answer = setup.post("/billing/session", body)

            assert answer.status_code == 409
            assert error_of(answer)["code"] == "ALREADY_SUBSCRIBED"

    def test_leads_whoever_pays_already_to_the_change_of_the_plan(
        self, setup: Caller, settings: Any
    ) -> None:
        setup.post("/billing/subscribe", {"plan_slug": "starter", "token": "pm_card_visa"})

        answer = setup.post("/billing/session", {"plan": "professional", "interval": "year"})

        assert answer.status_code == 201
        assert answer.json() == {
            "id": None,
            "session_url": f"{settings.PUBLIC_URL}/settings/billing/plan"
            "?plan=professional&interval=year",
            "expires_at": None,
        }
        assert CheckoutSession.objects.count() == 0
