"""No endpoint of the OpenAPI document lets anybody see or touch what is another tenant's.

The matrix is made from the document, so that a new endpoint is in it before anybody thinks of it.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.test import Client
from rest_framework.test import APIClient

from billing.models import PaymentMethod
from orgs.models import Invitation, Membership, Organization, Role, User
from orgs.tokens import SetupToken
from tests import factories_billing as billing
from tests.factories import MembershipFactory, UserFactory, make_api_key
from tests.factories_invoices import InvoiceFactory

pytestmark = pytest.mark.django_db

Api = Callable[..., APIClient]
WRITES = ("post", "patch", "put", "delete")
# Where the contract admits the token of a registration (api.md, "Credentials").
SETUP = {
    ("get", "/billing/status"),
    ("get", "/billing/subscription"),
    ("post", "/billing/subscription"),
    ("post", "/billing/subscribe"),
    ("post", "/billing/session"),
    ("post", "/billing/payment-methods/setup-intent"),
    ("post", "/billing/upcoming-invoice"),
}
# Writes that change nothing, so that every role may make them (S2-41).
EVERYBODY_WRITES = {("post", "/billing/upcoming-invoice")}
# What an id in a path stands for is made for the other organization, and looked for from ours.
BODIES = {
    ("patch", "/orgs/{tenant_id}/members/{member_id}"): {"role": "viewer"},
}


@functools.cache
def operations() -> list[tuple[str, str]]:
    """Every method and path of a tenant, without the prefix."""
    document = yaml.safe_load(Client().get("/api/v1/schema").content)
    return sorted(
        (method, path.removeprefix("/api/v1"))
        for path, item in document["paths"].items()
        for method in item
        if "/auth/" not in path and not path.endswith(("/billing/plans", "/me"))
    )


def of_tenant() -> list[tuple[str, str]]:
    return [(method, path) for method, path in operations() if "{tenant_id}" in path]


def short() -> list[tuple[str, str]]:
    return [(method, path) for method, path in operations() if "{tenant_id}" not in path]


def writes() -> list[tuple[str, str]]:
    return [call for call in short() if call[0] in WRITES and call not in EVERYBODY_WRITES]


def about_objects() -> list[tuple[str, str]]:
    return [call for call in of_tenant() if objects_in(call)]


def objects_in(call: tuple[str, str]) -> set[str]:
    """The names of the ids in a path, the tenant's aside."""
    return set(re.findall(r"{(\w+)}", call[1])) - {"tenant_id"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a case of every operation that a test asks for."""
    cases = {
        "tenant_call": of_tenant,
        "short_call": short,
        "write_call": writes,
        "object_call": about_objects,
    }
    for name, rows in cases.items():
        if name in metafunc.fixturenames:
            found = rows()
            metafunc.parametrize(name, found, ids=[f"{method} {path}" for method, path in found])


def ask(client: APIClient, call: tuple[str, str], **ids: object) -> Any:
    method, path = call
    filled = re.sub(
        r"{(\w+)}",
        lambda found: str(ids.get(found[1], "00000000-0000-4000-8000-000000000000")),
        path,
    )
    body = BODIES.get(call, {})
    return getattr(client, method)(f"/api/v1{filled}", body, format="json")


def is_not_found(answer: Any) -> bool:
    error = answer.json()["error"]
    return (answer.status_code, error["code"], error["message"]) == (
        404,
        "NOT_FOUND",
        "Not found.",
    )


class TestAnotherTenant:
    def test_is_not_there_for_its_people(
        self, api: Api, org: Organization, charlie: User, tenant_call: tuple[str, str]
    ) -> None:
        assert is_not_found(ask(api(charlie), tenant_call, tenant_id=org.pk))

    def test_is_not_there_for_its_keys(
        self,
        api: Api,
        org: Organization,
        other_org: Organization,
        tenant_call: tuple[str, str],
    ) -> None:
        _, key = make_api_key(other_org)

        assert is_not_found(ask(api(key), tenant_call, tenant_id=org.pk))

    @pytest.mark.parametrize("unknown", ["00000000-0000-4000-8000-000000000001", "acme", "1"])
    def test_looks_like_one_that_does_not_exist(
        self, api: Api, alice: User, tenant_call: tuple[str, str], unknown: str
    ) -> None:
        assert is_not_found(ask(api(alice), tenant_call, tenant_id=unknown))


class TestStrangers:
    def test_are_asked_who_they_are(self, api: Api, short_call: tuple[str, str]) -> None:
        answer = ask(api(), short_call)

        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "NOT_AUTHENTICATED")

    def test_are_asked_under_the_long_path_too(
        self, api: Api, org: Organization, tenant_call: tuple[str, str]
    ) -> None:
        answer = ask(api(), tenant_call, tenant_id=org.pk)

        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "NOT_AUTHENTICATED")


class TestViewers:
    def test_change_nothing(self, api: Api, bob: User, write_call: tuple[str, str]) -> None:
        answer = ask(api(bob), write_call)

        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "PERMISSION_DENIED")


class TestSetupTokens:
    def test_reach_what_the_contract_names_and_nothing_else(
        self, api: Api, org: Organization, alice: User, short_call: tuple[str, str]
    ) -> None:
        token = SetupToken.issue(user=alice, organization=org)

        answer = ask(api(token), short_call)

        assert (answer.status_code == 403) == (short_call not in SETUP), answer.content


class TestObjectsOfOthers:
    """An id of another tenant's object, under the caller's own tenant, is not there."""

    @pytest.fixture
    def theirs(self, other_org: Organization) -> dict[str, object]:
        customer = billing.CustomerFactory.create(organization=other_org)
        member = MembershipFactory.create(
            organization=other_org, user=UserFactory.create(), role=Role.BILLING
        )
        key, _ = make_api_key(other_org)
        method = PaymentMethod.objects.create(
            organization=other_org,
            customer=customer,
            provider=customer.provider,
            external_id="pm_theirs",
            kind="card",
        )
        return {
            "invoice_id": InvoiceFactory.create(organization=other_org, customer=customer).pk,
            "method_id": method.pk,
            "member_id": member.pk,
            "key_id": key.pk,
            "feature": "nothing-of-the-kind",
        }

    def test_are_not_there(
        self,
        api: Api,
        org: Organization,
        alice: User,
        theirs: dict[str, object],
        object_call: tuple[str, str],
    ) -> None:
        ids = objects_in(object_call)
        assert ids <= set(theirs), f"make an object of another tenant for {ids}"
        before = Membership.objects.count(), Invitation.objects.count()

        answer = ask(api(alice), object_call, tenant_id=org.pk, **theirs)

        assert is_not_found(answer), answer.content
        assert (Membership.objects.count(), Invitation.objects.count()) == before
