"""Who may do what with payment methods over HTTP, and what the timeline tells of it."""

import uuid
from typing import Any

import pytest

from billing.models import BillingEvent, PaymentMethod
from orgs.models import KeyMode, Membership, Organization, Role, User
from orgs.services import api_keys
from tests.billing.api_caller import PASSWORD, Caller, error_of, register, signed_in
from tests.billing.payment_method_api_steps import PATH, attached, listed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis", "short_pauses")]


@pytest.fixture
def organization(bistro: dict[str, Any]) -> Organization:
    return Organization.objects.get(pk=bistro["organization"]["id"])


class TestWhoMay:
    def calls(self, caller: Caller, prefix: str, method_id: object) -> dict[str, int]:
        base = f"{prefix}/payment-methods"
        return {
            "list": caller.get(base).status_code,
            "attach": caller.post(base, {"payment_method": "pm_card_amex"}).status_code,
            "replace": caller.post(
                f"{prefix}/payment-method", {"payment_method_id": "pm_card_amex"}
            ).status_code,
            "setup": caller.post(f"{base}/setup-intent").status_code,
            "default": caller.post(f"{base}/{method_id}/default").status_code,
            "remove": caller.delete(f"{base}/{method_id}").status_code,
        }

    def test_a_viewer_reads_and_does_not_write(
        self, owner: Caller, organization: Organization, prefix: str
    ) -> None:
        shown = attached(owner)
        viewer = User.objects.create_user("viewer@till.test", PASSWORD)
        Membership.objects.create(organization=organization, user=viewer, role=Role.VIEWER)

        answers = self.calls(signed_in(viewer.email), prefix, shown["id"])

        assert answers.pop("list") == 200
        assert set(answers.values()) == {403}
        assert listed(owner) == [("visa", True)]

    @pytest.mark.parametrize(
        ("scope", "may_read", "may_write"),
        [
            ("billing:read", True, False),
            ("billing:write", False, True),
            ("usage:write", False, False),
        ],
    )
    def test_a_key_needs_the_scope(
        self,
        owner: Caller,
        organization: Organization,
        *,
        scope: str,
        may_read: bool,
        may_write: bool,
    ) -> None:
        shown = attached(owner)
        _, key = api_keys.create_api_key(
            organization=organization,
            name="Till",
            scopes=[scope],
            mode=KeyMode.TEST,
            created_by=None,
        )

        answers = self.calls(Caller(key), "/billing", shown["id"])

        assert answers == {
            "list": 200 if may_read else 403,
            "attach": 201 if may_write else 403,
            "replace": 201 if may_write else 403,
            "setup": 201 if may_write else 403,
            "default": 200 if may_write else 403,
            "remove": 204 if may_write else 403,
        }

    def test_a_setup_token_only_prepares(self, setup: Caller, owner: Caller) -> None:
        shown = attached(owner)

        answers = self.calls(setup, "/billing", shown["id"])

        assert answers.pop("setup") == 201
        assert set(answers.values()) == {403}

    def test_nobody_learns_of_anothers_methods(self, owner: Caller) -> None:
        theirs = attached(signed_in(register("Diner")["user"]["email"]))
        bodies = set()

        for method_id in (theirs["id"], theirs["external_id"], uuid.uuid4(), "pm_x", "%00"):
            for answer in (
                owner.post(f"{PATH}/{method_id}/default"),
                owner.delete(f"{PATH}/{method_id}"),
            ):
                assert answer.status_code == 404
                bodies.add((error_of(answer)["code"], error_of(answer)["message"]))

        assert bodies == {("NOT_FOUND", "Not found.")}
        assert PaymentMethod.objects.get().detached_at is None

    def test_a_foreign_tenant_looks_like_none(self, owner: Caller) -> None:
        foreign = f"/billing/tenants/{register('Diner')['organization']['id']}"

        assert set(self.calls(owner, foreign, uuid.uuid4()).values()) == {404}
        assert PaymentMethod.objects.count() == 0


def test_the_timeline_tells_it_in_words(owner: Caller, organization: Organization) -> None:
    visa = attached(owner)
    attached(owner, "pm_card_mastercard", set_default=True)
    owner.delete(f"{PATH}/{visa['id']}")

    told = BillingEvent.objects.for_org(organization).filter(
        type__startswith="billing.payment_method."
    )
    assert list(told.order_by("sequence").values_list("summary", flat=True)) == [
        "Visa ending in 4242 was added.",
        "Visa ending in 4242 is the default card now.",
        "Mastercard ending in 4444 was added.",
        "Mastercard ending in 4444 is the default card now.",
        "Visa ending in 4242 was removed.",
    ]
    assert {row.cause["kind"] for row in told} == {"request"}
