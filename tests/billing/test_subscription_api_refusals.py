"""What the API of subscriptions refuses, keeps apart and does only once."""

import uuid
from typing import Any

import pytest
from django.db import connection

from billing.models import Price, Subscription
from orgs.models import KeyMode, Membership, Organization, Role, User
from orgs.services import api_keys
from tests.billing.api_caller import PASSWORD, Caller, error_of, register
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]


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
            ({"plan": "starter", "provider": "custom"}, "provider"),
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
