"""`POST /customer/subscription/create` is never a way around payment."""

from typing import Any

import pytest

from billing.models import Agreement, Price, Subscription
from orgs.models import Organization, User
from tests.billing.api_caller import Caller, error_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]

PATH = "/customer/subscription/create"


@pytest.fixture
def owner_user(bistro: dict[str, Any]) -> User:
    user: User = User.objects.get(email=bistro["user"]["email"])
    return user


@pytest.fixture
def staff_owner(owner: Caller, owner_user: User) -> Caller:
    """Bistro's owner, who is one of our staff."""
    User.objects.filter(pk=owner_user.pk).update(is_staff=True, is_superuser=True)
    return owner


def organization_of(bistro: dict[str, Any]) -> Organization:
    return Organization.objects.get(pk=bistro["organization"]["id"])


class TestFree:
    def test_starts_at_once(self, owner: Caller, bistro: dict[str, Any]) -> None:
        answer = owner.post(PATH, {"plan": "free"})

        assert answer.status_code == 201
        assert (answer.json()["status"], answer.json()["plan"]["slug"]) == ("active", "free")
        assert Subscription.objects.get(organization=organization_of(bistro)).is_free

    def test_is_not_started_twice(self, owner: Caller) -> None:
        owner.post(PATH, {"plan": "free"})

        answer = owner.post(PATH, {"plan_id": "free"})

        assert (answer.status_code, error_of(answer)["code"]) == (409, "ALREADY_SUBSCRIBED")

    def test_a_slash_at_the_end_is_the_same(self, owner: Caller) -> None:
        assert owner.post(f"{PATH}/", {"plan": "free"}).status_code == 201


class TestPaid:
    @pytest.mark.parametrize("more", [{}, {"provider": "custom"}, {"seats": 3}])
    def test_is_refused(self, owner: Caller, more: dict[str, Any]) -> None:
        answer = owner.post(PATH, {"plan": "starter", **more})

        assert (answer.status_code, error_of(answer)["code"]) == (403, "PERMISSION_DENIED")
        assert not Subscription.objects.exists()
        assert not Agreement.objects.exists()

    def test_is_refused_to_a_setup_token(self, setup: Caller) -> None:
        assert setup.post(PATH, {"plan": "free"}).status_code == 403

    def test_is_refused_to_staff_who_do_not_ask_for_invoices(self, staff_owner: Caller) -> None:
        assert staff_owner.post(PATH, {"plan": "starter"}).status_code == 403
        assert not Subscription.objects.exists()

    def test_is_refused_to_staff_without_the_right(self, owner: Caller, owner_user: User) -> None:
        User.objects.filter(pk=owner_user.pk).update(is_staff=True)

        assert owner.post(PATH, {"plan": "starter", "provider": "custom"}).status_code == 403

    def test_is_started_by_staff_for_who_pays_by_invoice(
        self, staff_owner: Caller, bistro: dict[str, Any], catalogue: dict[str, Price]
    ) -> None:
        body = {
            "plan": "starter",
            "provider": "custom",
            "seats": 4,
            "billing_email": "ap@bistro.example",
            "days_until_due": 21,
        }

        answer = staff_owner.post(PATH, body, **{"Idempotency-Key": "k" * 200})

        assert answer.status_code == 201, answer.content
        shown = answer.json()
        assert (shown["provider"], shown["status"], shown["seats"]) == ("custom", "active", 4)
        agreement = Agreement.objects.get(organization=organization_of(bistro))
        assert (agreement.price, agreement.days_until_due) == (catalogue["starter:month"], 21)
        assert agreement.billing_email == "ap@bistro.example"


class TestBody:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "plan"),
            ({"plan": "nothing"}, "plan"),
            ({"plan": "free", "provider": "stripe"}, "provider"),
            ({"plan": "free", "seats": 0}, "seats"),
            ({"plan": "free", "days_until_due": 999}, "days_until_due"),
            ({"plan": "free", "amount": 1}, "amount"),
        ],
    )
    def test_what_is_wrong_is_named(self, owner: Caller, body: dict[str, Any], field: str) -> None:
        answer = owner.post(PATH, body)

        assert (answer.status_code, list(error_of(answer)["fields"])) == (400, [field])
        assert not Subscription.objects.exists()

    def test_a_plan_without_a_price_asks_for_sales(self, owner: Caller) -> None:
        answer = owner.post(PATH, {"plan": "enterprise"})

        assert (answer.status_code, error_of(answer)["code"]) == (400, "CONTACT_SALES")
