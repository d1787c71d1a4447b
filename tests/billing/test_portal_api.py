"""The way into the portal, by POST and by GET, and back to allowed hosts only."""

import dataclasses
import uuid
from typing import Any

import pytest

from billing.drivers.stripe.driver import StripeDriver
from billing.enums import Provider
from billing.models import BillingProfile, Customer
from orgs.models import KeyMode, Membership, Organization, Role, User
from orgs.services import api_keys
from tests.billing.api_caller import PASSWORD, Caller, error_of, register, signed_in
from tests.simulators.stripe import Json
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis", "short_pauses")]

HOME = "http://127.0.0.1:8000/settings/billing"


@pytest.fixture
def organization(bistro: dict[str, Any]) -> Organization:
    return Organization.objects.get(pk=bistro["organization"]["id"])


@pytest.fixture(params=["POST portal", "GET portal-session"])
def way(request: pytest.FixtureRequest) -> str:
    """Both ways in."""
    return str(request.param)


@pytest.fixture(params=["short", "long"])
def prefix(request: pytest.FixtureRequest, bistro: dict[str, Any]) -> str:
    """Both spellings of a tenant's path."""
    if request.param == "short":
        return "/billing"
    return f"/billing/tenants/{bistro['organization']['id']}"


def opened(caller: Caller, way: str, prefix: str = "/billing", return_url: str = "") -> Any:
    method, name = way.split()
    if method == "GET":
        query = f"?return_url={return_url}" if return_url else ""
        return caller.get(f"{prefix}/{name}{query}")
    return caller.post(f"{prefix}/{name}", {"return_url": return_url} if return_url else {})


def last_session(stripe: StripeSimulator) -> Json:
    return stripe.objects("billing_portal.session")[-1]


class TestPortal:
    def test_leads_a_new_payer_to_the_providers_page(
        self, owner: Caller, way: str, prefix: str, stripe: StripeSimulator
    ) -> None:
        answer = opened(owner, way, prefix)

        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-store"
        session = last_session(stripe)
        assert answer.json() == {"url": session["url"]}
        assert session["url"].startswith(f"{stripe.base_url}/p/session/bps_")
        assert session["return_url"] == HOME
        customer = Customer.objects.get(provider=Provider.STRIPE)
        assert session["customer"] == customer.external_id

    def test_opens_for_the_payer_of_the_subscription(
        self, paying: Caller, way: str, stripe: StripeSimulator
    ) -> None:
        opened(paying, way)

        customer = Customer.objects.get(provider=Provider.STRIPE)
        assert last_session(stripe)["customer"] == customer.external_id

    def test_offers_cards_invoices_and_the_end_but_no_change_of_plan(
        self, owner: Caller, way: str, stripe: StripeSimulator
    ) -> None:
        opened(owner, way)

        used = last_session(stripe)["configuration"]
        features = stripe.api("GET", f"/v1/billing_portal/configurations/{used}").json()["features"]
        assert {name for name, feature in features.items() if feature["enabled"]} == {
            "payment_method_update",
            "invoice_history",
            "subscription_cancel",
        }
        assert features["subscription_cancel"]["mode"] == "at_period_end"

    def test_makes_its_configuration_once(
        self, owner: Caller, way: str, stripe: StripeSimulator
    ) -> None:
        opened(owner, way)
        known = len(stripe.objects("billing_portal.configuration"))
        used = last_session(stripe)["configuration"]

        opened(owner, way)

        assert last_session(stripe)["configuration"] == used
        assert len(stripe.objects("billing_portal.configuration")) == known

    def test_a_configuration_that_was_switched_off_is_replaced(
        self, owner: Caller, way: str, stripe: StripeSimulator
    ) -> None:
        opened(owner, way)
        used = last_session(stripe)["configuration"]
        stripe.api("POST", f"/v1/billing_portal/configurations/{used}", {"active": "false"})

        assert opened(owner, way).status_code == 200

        assert last_session(stripe)["configuration"] != used

    def test_leads_back_where_the_settings_say(
        self, owner: Caller, way: str, stripe: StripeSimulator, settings: Any
    ) -> None:
        settings.STRIPE_PORTAL_RETURN_URL = "https://app.example.com/billing"

        opened(owner, way)

        assert last_session(stripe)["return_url"] == "https://app.example.com/billing"

    def test_leads_back_to_a_host_that_the_organization_allowed(
        self, owner: Caller, organization: Organization, way: str, stripe: StripeSimulator
    ) -> None:
        BillingProfile.objects.create(
            organization=organization, allowed_return_hosts=["shop.example"]
        )

        assert opened(owner, way, return_url="https://shop.example/back").status_code == 200

        assert last_session(stripe)["return_url"] == "https://shop.example/back"

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/back",
            "https://127.0.0.1:8000.evil.example/",
            "https://127.0.0.1:8000@evil.example/",
            "javascript:alert(1)",
            "//evil.example",
        ],
    )
    def test_a_foreign_host_is_refused(
        self, owner: Caller, way: str, stripe: StripeSimulator, url: str
    ) -> None:
        before = len(stripe.objects("billing_portal.session"))

        answer = opened(owner, way, return_url=url)

        assert answer.status_code == 400
        assert list(error_of(answer)["fields"]) == ["return_url"]
        assert len(stripe.objects("billing_portal.session")) == before

    def test_unknown_input_is_refused(self, owner: Caller) -> None:
        assert owner.post("/billing/portal", {"returnurl": HOME}).status_code == 400
        assert owner.get("/billing/portal-session?back=1").status_code == 400

    def test_a_provider_without_a_portal_leaves_it_to_our_page(
        self, owner: Caller, way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without = dataclasses.replace(StripeDriver.capabilities, portal=False)
        monkeypatch.setattr(StripeDriver, "capabilities", without)

        assert opened(owner, way).json() == {"url": HOME}
        assert not Customer.objects.filter(provider=Provider.STRIPE).exists()

    def test_a_payer_who_was_deleted_at_the_provider_is_created_anew(
        self, paying: Caller, way: str, stripe: StripeSimulator
    ) -> None:
        customer = Customer.objects.get(provider=Provider.STRIPE)
        stripe.api("DELETE", f"/v1/customers/{customer.external_id}")

        assert opened(paying, way).status_code == 200

        customer.refresh_from_db()
        assert last_session(stripe)["customer"] == customer.external_id

    @pytest.mark.parametrize(
        ("fault", "status", "code"),
        [
            ({"status": 500}, 502, "API_ERROR"),
            ({"status": 429, "headers": {"retry-after": "7"}}, 429, "RATE_LIMIT"),
            ({"action": "reset_after"}, 502, "API_ERROR"),
        ],
    )
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/v1/customers$"),
            ("GET", "/v1/billing_portal/configurations$"),
            ("POST", "/v1/billing_portal/sessions$"),
        ],
    )
    def test_a_provider_that_fails(
        self,
        owner: Caller,
        stripe: StripeSimulator,
        *,
        method: str,
        path: str,
        fault: dict[str, Any],
        status: int,
        code: str,
    ) -> None:
        stripe.add_fault(method=method, path=path, times=-1, **fault)

        answer = opened(owner, "POST portal")

        assert (answer.status_code, error_of(answer)["code"]) == (status, code)
        assert answer.headers.get("Retry-After") == ("7" if status == 429 else None)
        stripe.clear_faults()
        assert opened(owner, "POST portal").status_code == 200


class TestWhoMay:
    def test_a_viewer_may_not(
        self, bistro: dict[str, Any], organization: Organization, way: str
    ) -> None:
        viewer = User.objects.create_user("viewer@till.test", PASSWORD)
        Membership.objects.create(organization=organization, user=viewer, role=Role.VIEWER)

        assert opened(signed_in(viewer.email), way).status_code == 403

    @pytest.mark.parametrize(("scope", "status"), [("billing:read", 403), ("billing:write", 200)])
    def test_a_key_needs_the_scope(
        self, organization: Organization, way: str, *, scope: str, status: int
    ) -> None:
        _, key = api_keys.create_api_key(
            organization=organization,
            name="Till",
            scopes=[scope],
            mode=KeyMode.TEST,
            created_by=None,
        )

        assert opened(Caller(key), way).status_code == status

    def test_a_setup_token_and_nobody_may_not(self, setup: Caller, way: str) -> None:
        assert opened(setup, way).status_code == 403
        assert opened(Caller(), way).status_code == 401

    def test_a_foreign_tenant_looks_like_none(self, owner: Caller, way: str) -> None:
        for tenant in (register("Diner")["organization"]["id"], uuid.uuid4(), "not-a-uuid"):
            assert opened(owner, way, f"/billing/tenants/{tenant}").status_code == 404
