"""Subscribe, session and status over HTTP, as a client of the API sees them."""

import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from billing.enums import SubscriptionStatus
from billing.models import BillingProfile, CheckoutSession, Obligation, Price, Subscription
from orgs.models import KeyMode, Membership, Organization, Role, User
from orgs.services import api_keys
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]

API = "/api/v1"
PASSWORD = "correct horse battery staple"


class Caller:
    """A client with one credential."""

    def __init__(self, token: str = "", **headers: str) -> None:
        self.headers = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}

    def get(self, path: str) -> Any:
        return Client().get(f"{API}{path}", headers=self.headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        raw = body if isinstance(body, str | bytes) else json.dumps(body or {})
        return Client().post(
            f"{API}{path}",
            raw,
            content_type="application/json",
            headers={**self.headers, **headers},
        )


def register(name: str = "Bistro") -> dict[str, Any]:
    answer = Caller().post(
        "/auth/register",
        {
            "organization_name": name,
            "email": f"{name.lower()}@till.test",
            "password": PASSWORD,
        },
    )
    assert answer.status_code == 201, answer.content
    registered: dict[str, Any] = answer.json()
    return registered


@pytest.fixture
def bistro(catalogue: dict[str, Price]) -> dict[str, Any]:
    return register()


@pytest.fixture
def setup(bistro: dict[str, Any]) -> Caller:
    return Caller(bistro["token"])


def error_of(answer: Any) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert error["trace_id"] == answer.headers["X-Request-ID"]
    return error


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


class TestRefusals:
    def test_a_declined_card(self, setup: Caller) -> None:
        answer = setup.post(
            "/billing/subscribe", {"plan_slug": "starter", "token": "pm_card_chargeDeclined"}
        )

        assert answer.status_code == 402
        assert error_of(answer)["code"] == "CARD_DECLINED"
        assert error_of(answer)["message"] == (
            "Your card was declined. Please try another payment method."
        )
        assert setup.get("/billing/subscription").status_code == 404
        assert setup.get("/billing/status").json()["plan_status"] == "PENDING_PAYMENT"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"plan": "gold", "payment_method": "pm_card_visa"}, "plan"),
            ({"plan": "starter\u0000", "payment_method": "pm_card_visa"}, "body"),
            ({"payment_method": "pm_card_visa"}, "plan"),
            ({"plan": "starter", "interval": "week"}, "interval"),
            ({"plan": "starter", "seats": 0}, "seats"),
            ({"plan": "starter", "seats": "many"}, "seats"),
            ({"plan": "starter", "sets": 1}, "sets"),
            ({"plan": "starter", "provider": "paypal"}, "provider"),
            ({"plan": "starter", "provider": "cardconnect"}, "provider"),
            ({"plan": "starter", "plan_id": "free"}, "plan"),
            ({"plan": "starter", "card": {"expiry": "1399"}}, "card.expiry"),
            ({"plan": "starter", "card": {"expiry": "1228", "number": "4242"}}, "card.number"),
        ],
    )
    def test_bad_input_names_the_field_and_changes_nothing(
        self, setup: Caller, body: dict[str, Any], field: str
    ) -> None:
        answer = setup.post("/billing/subscription", body)

        assert answer.status_code == 400
        error = error_of(answer)
        assert error["code"] == "INVALID_REQUEST"
        assert error["message"] == "Invalid request. Please check your input." or field == "plan"
        assert list(error["fields"]) == [field]
        assert Subscription.objects.count() == 0

    @pytest.mark.parametrize("body", ["{", "[1]", '"text"', "", b"\xff"])
    def test_malformed_json(self, setup: Caller, body: Any) -> None:
        answer = setup.post("/billing/subscription", body)

        assert answer.status_code == 400
        assert error_of(answer)["code"] == "INVALID_REQUEST"

    def test_an_inactive_price(self, setup: Caller, catalogue: dict[str, Price]) -> None:
        Price.objects.filter(pk=catalogue["starter:year"].pk).update(is_active=False)

        answer = setup.post(
            "/billing/subscription",
            {"plan": "starter", "interval": "year", "payment_method": "pm_card_visa"},
        )

        assert answer.status_code == 400
        assert list(error_of(answer)["fields"]) == ["interval"]

    def test_a_plan_without_a_price(self, setup: Caller) -> None:
        answer = setup.post("/billing/subscription", {"plan": "enterprise"})

        assert answer.status_code == 400
        assert error_of(answer)["code"] == "CONTACT_SALES"

    def test_a_second_subscription(self, setup: Caller) -> None:
        body = {"plan_slug": "starter", "token": "pm_card_visa"}
        setup.post("/billing/subscribe", body)

        answer = setup.post("/billing/subscribe", body)

        assert answer.status_code == 409
        assert error_of(answer)["code"] == "ALREADY_SUBSCRIBED"
        assert Subscription.objects.count() == 1

    def test_nobody_and_garbage(self, catalogue: dict[str, Price]) -> None:
        assert Caller().get("/billing/status").status_code == 401
        assert Caller("nonsense").get("/billing/status").status_code == 401
        assert Caller().get("/billing/plans").status_code == 200

    def test_a_provider_that_fails(self, setup: Caller, stripe: StripeSimulator) -> None:
        stripe.add_fault(method="POST", path="/v1/customers$", times=1, status=500)

        answer = setup.post("/billing/subscribe", {"plan_slug": "starter", "token": "pm_card_visa"})

        assert answer.status_code == 502
        assert error_of(answer)["code"] == "API_ERROR"
        assert error_of(answer)["message"] == (
            "An error occurred with our payment provider. Please try again."
        )


class TestTenancy:
    def test_a_foreign_tenant_looks_like_none(self, bistro: dict[str, Any], setup: Caller) -> None:
        other = register("Diner")
        foreign = f"/billing/tenants/{other['organization']['id']}"
        absent = f"/billing/tenants/{uuid.uuid4()}"
        bodies = set()

        for tenant in (foreign, absent, "/billing/tenants/not-a-uuid"):
            for path in ("status", "subscription"):
                answer = setup.get(f"{tenant}/{path}")
                assert answer.status_code == 404
                bodies.add((error_of(answer)["code"], error_of(answer)["message"]))
            for path in ("subscription", "subscribe", "session"):
                assert setup.post(f"{tenant}/{path}", {}).status_code == 404

        assert len(bodies) == 1
        assert Subscription.objects.count() == 0

    def test_a_viewer_reads_and_does_not_write(self, bistro: dict[str, Any]) -> None:
        organization = Organization.objects.get(pk=bistro["organization"]["id"])
        viewer = User.objects.create_user("viewer@till.test", PASSWORD)
        Membership.objects.create(organization=organization, user=viewer, role=Role.VIEWER)
        tokens = Caller().post("/auth/token", {"email": viewer.email, "password": PASSWORD})
        caller = Caller(tokens.json()["access"])

        assert caller.get("/billing/status").status_code == 200
        answer = caller.post(
            "/billing/subscribe", {"plan_slug": "starter", "token": "pm_card_visa"}
        )

        assert answer.status_code == 403
        assert error_of(answer)["code"] == "PERMISSION_DENIED"
        assert Subscription.objects.count() == 0

    def test_a_key_needs_the_scope(self, bistro: dict[str, Any]) -> None:
        organization = Organization.objects.get(pk=bistro["organization"]["id"])
        _, key = api_keys.create_api_key(
            organization=organization,
            name="Reader",
            scopes=["billing:read"],
            mode=KeyMode.TEST,
            created_by=None,
        )
        caller = Caller(key)

        assert caller.get("/billing/status").status_code == 200
        answer = caller.post(
            "/billing/subscribe", {"plan_slug": "starter", "token": "pm_card_visa"}
        )
        assert answer.status_code == 403

    def test_a_setup_token_reaches_nothing_else(
        self, bistro: dict[str, Any], setup: Caller
    ) -> None:
        answer = setup.get(f"/orgs/{bistro['organization']['id']}/api-keys")

        assert answer.status_code == 403
        assert error_of(answer)["code"] == "PERMISSION_DENIED"


class TestIdempotencyKey:
    BODY = {"plan_slug": "starter", "token": "pm_card_visa"}

    def test_replays_byte_for_byte(self, setup: Caller) -> None:
        first = setup.post("/billing/subscribe", self.BODY, **{"Idempotency-Key": "k1"})

        again = setup.post("/billing/subscribe", self.BODY, **{"Idempotency-Key": "k1"})

        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert Subscription.objects.count() == 1

    def test_another_body_is_a_mismatch(self, setup: Caller) -> None:
        setup.post("/billing/subscribe", self.BODY, **{"Idempotency-Key": "k1"})

        answer = setup.post(
            "/billing/subscribe",
            {**self.BODY, "interval": "year"},
            **{"Idempotency-Key": "k1"},
        )

        assert answer.status_code == 409
        assert error_of(answer)["code"] == "IDEMPOTENCY_MISMATCH"

    def test_an_unknown_outcome_is_never_final_and_the_same_key_resumes(
        self, setup: Caller, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="POST", path="/v1/subscriptions$", times=1, action="reset_after")
        first = setup.post("/billing/subscribe", self.BODY, **{"Idempotency-Key": "k1"})
        assert first.status_code == 202
        assert first.json()["status"] == "incomplete"
        assert first.json()["resolve_after"].endswith("Z")

        again = setup.post("/billing/subscribe", self.BODY, **{"Idempotency-Key": "k1"})

        assert again.status_code == 201
        assert again.json()["status"] == "active"
        assert again.json()["id"] == first.json()["id"]

    def test_a_failure_of_the_provider_is_never_final(
        self, setup: Caller, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="POST", path="/v1/customers$", times=1, status=500)
        first = setup.post("/billing/subscribe", self.BODY, **{"Idempotency-Key": "k1"})
        assert first.status_code == 502

        again = setup.post("/billing/subscribe", self.BODY, **{"Idempotency-Key": "k1"})

        assert again.status_code == 201
        assert Subscription.objects.count() == 1

    def test_stored_answers_are_ciphertext(self, setup: Caller) -> None:
        setup.post("/billing/subscribe", self.BODY, **{"Idempotency-Key": "k1"})

        with connection.cursor() as cursor:
            cursor.execute("SELECT response_body FROM orgs_idempotencyrecord")
            stored = [bytes(row[0]) for row in cursor.fetchall()]

        assert len(stored) == 1
        assert b"starter" not in stored[0]


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

    def test_the_portal_is_ours(self, setup: Caller) -> None:
        answer = setup.post("/billing/session", {"mode": "portal"})

        assert answer.status_code == 201
        assert answer.json()["session_url"] == "http://127.0.0.1:8000/settings/billing"

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

        answer = setup.post("/billing/session", {"plan": "professional"})

        assert answer.status_code == 409
        assert error_of(answer)["code"] == "ALREADY_SUBSCRIBED"
