from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from orgs import selectors
from orgs.errors import InvalidRequest
from orgs.models import Membership, Organization, PlanStatus, Role, User
from orgs.services import register
from tests.factories import PASSWORD, OrganizationFactory, UserFactory

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def _register(**changes: Any) -> register.Registration:
    given: dict[str, Any] = {
        "organization_name": "Blue Bottle",
        "email": "dana@example.com",
        "password": PASSWORD,
        "full_name": "Dana Doe",
        "now": NOW,
    }
    return register.register_organization(**{**given, **changes})


def _counts() -> tuple[int, int, int]:
    return Organization.objects.count(), User.objects.count(), Membership.objects.count()


@pytest.mark.django_db
class TestRegisterOrganization:
    def test_makes_an_unpaid_organization_with_its_owner(self) -> None:
        made = _register()

        assert made.organization.name == "Blue Bottle"
        assert made.organization.slug == "blue-bottle"
        assert made.organization.email == "dana@example.com"
        assert made.organization.plan_status == PlanStatus.PENDING_PAYMENT
        assert made.user.full_name == "Dana Doe"
        assert made.user.date_joined == NOW
        assert made.user.check_password(PASSWORD)
        assert not made.user.is_staff
        membership = Membership.objects.get()
        assert membership == made.membership
        assert (membership.user, membership.organization) == (made.user, made.organization)
        assert membership.role == Role.OWNER

    def test_folds_the_case_of_the_email(self) -> None:
        assert _register(email="Dana@Example.COM").user.email == "dana@example.com"

    def test_numbers_a_slug_that_is_taken(self) -> None:
        OrganizationFactory.create(slug="blue-bottle")
        OrganizationFactory.create(slug="blue-bottle-3")

        assert _register().organization.slug == "blue-bottle-2"
        assert _register(email="e@example.com").organization.slug == "blue-bottle-4"

    @pytest.mark.parametrize(
        ("name", "slug"),
        [("株式会社", "organization"), ("---", "organization"), ("x" * 200, "x" * 60)],
    )
    def test_finds_a_slug_for_every_name(self, name: str, slug: str) -> None:
        assert _register(organization_name=name).organization.slug == slug

    @pytest.mark.parametrize("email", ["dana@example.com", "DANA@example.com"])
    def test_refuses_an_email_that_is_taken_in_any_case(self, email: str) -> None:
        UserFactory.create(email="dana@example.com")
        before = _counts()

        with pytest.raises(register.EmailTaken) as caught:
            _register(email=email)

        assert caught.value.fields == {"email": ["Someone is already registered with this e-mail."]}
        assert (caught.value.code, caught.value.status) == ("INVALID_REQUEST", 400)
        assert _counts() == before

    @pytest.mark.parametrize("password", ["short1!", "password", "1234567890", "dana@example.com"])
    def test_refuses_a_weak_password(self, password: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            _register(password=password)

        assert list(caught.value.fields) == ["password"]
        assert _counts() == (0, 0, 0)

    def test_gives_up_when_no_slug_is_free(self, monkeypatch: pytest.MonkeyPatch) -> None:
        OrganizationFactory.create(slug="blue-bottle")
        monkeypatch.setattr(register, "_TRIES", 1)
        monkeypatch.setattr(selectors, "next_slug_number", lambda _: 1)

        with pytest.raises(InvalidRequest) as caught:
            _register()

        assert list(caught.value.fields) == ["organization_name"]
        assert _counts() == (1, 0, 0)


def _race(*changes: dict[str, Any]) -> list[object]:
    """Register at the same moment from as many threads, and return what came of each."""
    barrier = Barrier(len(changes))

    def run(change: dict[str, Any]) -> object:
        try:
            barrier.wait(10)
            return _register(**change)
        except InvalidRequest as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(changes)) as pool:
        return list(pool.map(run, changes))


@pytest.mark.django_db(transaction=True)
class TestRegisterOrganizationInARace:
    def test_lets_one_of_two_have_the_email(self) -> None:
        results = _race({"email": "a@example.com"}, {"email": "A@example.com"})

        assert sorted(type(result).__name__ for result in results) == ["EmailTaken", "Registration"]
        assert _counts() == (1, 1, 1)

    def test_gives_everybody_a_slug(self) -> None:
        results = _race(*({"email": f"{n}@example.com"} for n in range(4)))

        slugs = {result.organization.slug for result in results if hasattr(result, "organization")}
        assert slugs == {"blue-bottle", "blue-bottle-2", "blue-bottle-3", "blue-bottle-4"}
