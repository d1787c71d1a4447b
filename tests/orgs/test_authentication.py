"""Who gets in, and as whom: authentication."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

from orgs import tokens
from orgs.api import authentication
from orgs.models import Organization, User
from orgs.permissions import Credential, CredentialKind
from tests.orgs.probe import Calls
from tests.orgs.probe_answers import PROBE, Api, code_of

pytestmark = pytest.mark.urls("tests.orgs.probe")


class TestAuthentication:
    def test_asks_a_stranger_to_sign_in(self, api: Api) -> None:
        response = api().get(PROBE)

        assert code_of(response) == (401, "NOT_AUTHENTICATED")
        assert response["WWW-Authenticate"] == 'Bearer realm="till"'

    @pytest.mark.parametrize(
        "header",
        [
            "Bearer",
            "Bearer ",
            "Basic YTpi",
            "Bearer not-a-token",
            "Bearer eyJhbGciOiJub25lIn0.e30.",
            "Bearer till_test_unknown",
            "Bearer till_",
            "Bearer cst_unknown",
            "Bearer \u00ff\u00fe",
        ],
    )
    def test_refuses_what_opens_nothing(self, db: None, client: Client, header: str) -> None:
        response = client.get(PROBE, headers={"authorization": header})

        assert code_of(response) == (401, "NOT_AUTHENTICATED")

    def test_admits_a_user(self, api: Api, alice: User, org: Organization) -> None:
        response = api(alice).get(PROBE)

        assert response.status_code == 200
        assert response.json() == {"organization": str(org.pk)}

    def test_needs_two_queries_for_a_user(
        self, api: Api, alice: User, django_assert_num_queries: Any
    ) -> None:
        client = api(alice)

        with django_assert_num_queries(2):
            client.get(PROBE)

    def test_refuses_a_user_who_was_deactivated(self, api: Api, alice: User) -> None:
        client = api(alice)
        User.objects.update(is_active=False)

        assert client.get(PROBE).status_code == 401

    def test_refuses_tokens_from_before_a_new_password(self, api: Api, alice: User) -> None:
        client = api(alice)
        alice.set_password("another password")
        alice.save(update_fields=["password"])

        assert client.get(PROBE).status_code == 401

    def test_refuses_a_refresh_token(self, api: Api, alice: User) -> None:
        assert api(tokens.issue_pair(alice).refresh).get(PROBE).status_code == 401

    def test_refuses_an_expired_token(self, api: Api, alice: User) -> None:
        token = AccessToken.for_user(alice)
        token.set_exp(lifetime=-AccessToken.lifetime)

        assert api(str(token)).get(PROBE).status_code == 401

    def test_refuses_a_setup_token_of_another_scope(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        token = tokens.SetupToken.for_user(alice)
        token["org"] = str(org.pk)
        token["scope"] = "billing:everything"

        assert api(str(token)).get(PROBE).status_code == 401

    def test_does_not_fall_back_to_the_cookie(self, client: Client, alice: User) -> None:
        client.force_login(alice)

        assert client.get(PROBE, headers={"authorization": "Bearer x"}).status_code == 401

    def test_admits_a_session(self, client: Client, alice: User, org: Organization) -> None:
        client.force_login(alice)

        assert client.get(PROBE).json() == {"organization": str(org.pk)}

    def test_wants_the_proof_of_origin_from_a_session(
        self, alice: User, calls: type[Calls]
    ) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)

        response = client.post(PROBE, {}, content_type="application/json")

        assert code_of(response) == (403, "PERMISSION_DENIED")
        assert calls.seen == []

    def test_wants_no_proof_of_origin_beside_a_token(self, alice: User, calls: type[Calls]) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)
        bearer = f"Bearer {tokens.issue_pair(alice).access}"

        response = client.post(
            PROBE, {}, content_type="application/json", headers={"authorization": bearer}
        )

        assert response.status_code == 201


class TestRegisterScheme:
    @pytest.fixture
    def scheme(self, org: Organization) -> Iterator[None]:
        def recognize(token: str, _request: Any) -> Credential | None:
            if token != "cst_good":
                return None
            return Credential(CredentialKind.CHECKOUT, organization=org, subject="customer")

        authentication.register_scheme("cst_", recognize)
        yield
        authentication._schemes.pop("cst_")

    @pytest.mark.usefixtures("scheme")
    def test_admits_to_what_names_checkout_tokens(self, api: Api) -> None:
        assert api("cst_good").get("/api/v1/billing/checkout").status_code == 200
        assert code_of(api("cst_good").get(PROBE)) == (403, "PERMISSION_DENIED")
        assert code_of(api("cst_bad").get("/api/v1/billing/checkout")) == (401, "NOT_AUTHENTICATED")

    def test_keeps_everybody_else_out_of_what_is_for_checkout_tokens(
        self, api: Api, alice: User
    ) -> None:
        assert api(alice).get("/api/v1/billing/checkout").status_code == 403
