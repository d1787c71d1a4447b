"""The page on which a plan is chosen."""

import pytest
from django.test import Client
from django.urls import reverse

from billing.enums import AccessLevel, CheckoutStatus, SubscriptionStatus
from billing.models import CheckoutSession, Price, Subscription
from billing.selectors import access, subscriptions
from orgs import clock
from orgs.models import Membership, Organization, Role, User
from tests.factories import MembershipFactory, UserFactory
from tests.factories_billing import SubscriptionFactory

pytestmark = pytest.mark.django_db

ADDRESS = "/settings/billing/checkout"


def choose(client: Client, plan: str = "starter", interval: str = "month") -> str:
    """Choose a plan; return where that leads."""
    response = client.post(ADDRESS, {"plan": plan, "interval": interval})
    assert response.status_code == 302
    return str(response["Location"])


class TestShowing:
    def test_leads_strangers_to_sign_in(self, client: Client) -> None:
        response = client.get(ADDRESS)

        assert response.status_code == 302
        assert response["Location"] == "/login?next=/settings/billing/checkout"

    def test_shows_what_is_on_sale_by_the_month(
        self, client: Client, alice: User, catalogue: dict[str, Price]
    ) -> None:
        client.force_login(alice)

        page = client.get(ADDRESS)

        text = page.content.decode()
        assert page["Cache-Control"] == "no-store"
        for words in (
            "Free",
            "$29 <span",
            "$99 <span",
            "10,000 messages a month",
            "1 agent<",
            "1 GB of storage",
            "100 MB of storage",
            "Unlimited agents",
            "Single sign-on",
            "Email support",
            "Contact sales",
        ):
            assert words in text
        assert "Choose Enterprise" not in text
        assert "You save" not in text

    def test_shows_the_year_and_what_it_saves(
        self, client: Client, alice: User, catalogue: dict[str, Price]
    ) -> None:
        client.force_login(alice)

        text = client.get(f"{ADDRESS}?interval=year").content.decode()

        assert "$290 <span" in text
        assert "You save $58 a year" in text

    def test_takes_an_unknown_interval_for_the_month(
        self, client: Client, alice: User, catalogue: dict[str, Price]
    ) -> None:
        client.force_login(alice)

        assert "$29 <span" in client.get(f"{ADDRESS}?interval=%00decade").content.decode()

    def test_marks_the_current_plan_and_offers_no_second_one(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        SubscriptionFactory.create(organization=org, price=catalogue["starter:month"])
        client.force_login(alice)

        text = client.get(ADDRESS).content.decode()

        assert text.count("Current plan") == 1
        assert "Choose Professional" not in text

    def test_lets_viewers_look_only(
        self, client: Client, bob: User, catalogue: dict[str, Price]
    ) -> None:
        client.force_login(bob)

        text = client.get(ADDRESS).content.decode()

        assert "Choose Starter" not in text
        assert "ask an owner" in text

    def test_tells_somebody_without_an_organization(
        self, client: Client, catalogue: dict[str, Price]
    ) -> None:
        client.force_login(UserFactory.create())

        response = client.get(ADDRESS)

        assert response.status_code == 403
        assert "not a member of any organization" in response.content.decode()


class TestChoosing:
    def test_opens_a_checkout_and_leaves_its_token_out_of_the_address(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        client.force_login(alice)

        address = choose(client, "starter", "year")

        session = CheckoutSession.objects.get()
        assert address == reverse("billing-checkout-session", args=[session.pk])
        assert (session.organization, session.price) == (org, catalogue["starter:year"])
        assert session.status == CheckoutStatus.OPEN

    @pytest.mark.parametrize("role", [Role.ADMIN, Role.BILLING])
    def test_is_open_to_everybody_who_handles_money(
        self, client: Client, org: Organization, role: Role, catalogue: dict[str, Price]
    ) -> None:
        membership: Membership = MembershipFactory.create(organization=org, role=role)
        client.force_login(membership.user)

        choose(client)

        assert CheckoutSession.objects.count() == 1

    def test_is_refused_to_viewers(
        self, client: Client, bob: User, catalogue: dict[str, Price]
    ) -> None:
        client.force_login(bob)

        response = client.post(ADDRESS, {"plan": "starter", "interval": "month"})

        assert response.status_code == 403
        assert not CheckoutSession.objects.exists()

    def test_needs_a_csrf_token(self, alice: User, catalogue: dict[str, Price]) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)

        response = client.post(ADDRESS, {"plan": "starter", "interval": "month"})

        assert response.status_code == 403
        assert not CheckoutSession.objects.exists()

    def test_starts_the_free_plan_at_once(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        client.force_login(alice)

        address = choose(client, "free")

        row = subscriptions.in_force(org)
        assert row is not None
        assert (row.is_free, row.status) == (True, SubscriptionStatus.ACTIVE)
        assert access.access_of(row, clock.now()).level == AccessLevel.FULL
        assert "Free is active" in client.get(address).content.decode()

    def test_of_the_free_plan_twice_starts_it_once(
        self, client: Client, alice: User, catalogue: dict[str, Price]
    ) -> None:
        client.force_login(alice)

        choose(client, "free")
        address = choose(client, "free")

        assert Subscription.objects.count() == 1
        assert address == ADDRESS

    def test_moves_up_from_the_free_plan(
        self, client: Client, alice: User, catalogue: dict[str, Price]
    ) -> None:
        client.force_login(alice)
        choose(client, "free")

        page = client.get(choose(client, "starter"))

        assert "Pay $29.00" in page.content.decode()

    @pytest.mark.parametrize(
        ("plan", "sentence"),
        [
            ("enterprise", "This plan is priced individually. Please contact sales."),
            ("nothing", "There is no such plan."),
            ("\x00", "There is no such plan."),
        ],
    )
    def test_says_why_a_plan_can_not_be_chosen(
        self,
        client: Client,
        alice: User,
        catalogue: dict[str, Price],
        plan: str,
        sentence: str,
    ) -> None:
        client.force_login(alice)

        response = client.post(ADDRESS, {"plan": plan, "interval": "month"}, follow=True)

        assert sentence in response.content.decode()
        assert not CheckoutSession.objects.exists()

    def test_is_refused_beside_a_live_subscription(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        SubscriptionFactory.create(
            organization=org,
            price=catalogue["starter:month"],
            current_period_end=clock.now(),
        )
        client.force_login(alice)

        response = client.post(ADDRESS, {"plan": "professional"}, follow=True)

        assert "already has a subscription" in response.content.decode()
        assert not CheckoutSession.objects.exists()
