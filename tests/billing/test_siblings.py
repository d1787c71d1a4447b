"""One winner per debt: what could still be paid beside the winner is closed at its provider."""

from typing import Any

import httpx
import pytest

from billing.enums import Provider
from billing.models import Case, CheckoutSession, Customer, PaymentAttempt, Price, Subscription
from billing.services import abandon, checkout, siblings
from orgs import clock
from orgs.models import Organization
from tests.billing.subscribe_steps import CAUSE, start
from tests.contract.journey_pages import CARD
from tests.factories_billing import CustomerFactory, SubscriptionFactory
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(
    organization: Organization, catalogue: dict[str, Price], stripe: StripeSimulator
) -> checkout.Opened:
    """Stripe's own page for a start, open."""
    return checkout.open_hosted_provider(
        organization=organization, price=catalogue["starter:month"], cause=CAUSE, now=clock.now()
    )


@pytest.fixture
def winner(
    page: checkout.Opened,
    organization: Organization,
    catalogue: dict[str, Price],
    monkeypatch: pytest.MonkeyPatch,
) -> Subscription:
    """A paid start beside the page, as if the provider could not have been told of it before."""
    with monkeypatch.context() as patched:
        patched.setattr(abandon, "clear_the_way", lambda **_: None)
        patched.setattr(abandon, "refuse_while_pending", lambda **_: None)
        row: Subscription = start(
            organization, catalogue["starter:month"], "pm_card_visa"
        ).subscription
    assert row.status == "active"
    return row


def start_behind(page: checkout.Opened) -> Subscription:
    return Subscription.objects.get(checkouts=page.session)


def close() -> int:
    return siblings.close_siblings(now=clock.now())


def pages(stripe: StripeSimulator, organization: Organization) -> list[str]:
    payers = set(Customer.objects.for_org(organization).values_list("external_id", flat=True))
    rows = [row for row in stripe.objects("checkout.session") if row["customer"] in payers]
    return [row["status"] for row in rows]


def live_tries(organization: Organization) -> list[str]:
    rows = PaymentAttempt.objects.for_org(organization).filter(
        state__in=["created", "sent", "unknown", "requires_action"]
    )
    return list(rows.values_list("state", flat=True))


class TestCloseSiblings:
    def test_closes_the_page_beside_a_paid_start(
        self,
        page: checkout.Opened,
        winner: Subscription,
        organization: Organization,
        stripe: StripeSimulator,
    ) -> None:
        assert (pages(stripe, organization), live_tries(organization)) == (
            ["open"],
            ["requires_action"],
        )

        assert close() == 1

        assert (pages(stripe, organization), live_tries(organization)) == (["expired"], [])
        assert start_behind(page).status == "canceled"
        assert CheckoutSession.objects.get(pk=page.session.pk).status == "expired"
        winner.refresh_from_db()
        assert winner.status == "active"
        assert close() == 0

    def test_one_that_was_paid_this_instant_is_a_late_winner(
        self,
        page: checkout.Opened,
        winner: Subscription,
        organization: Organization,
    ) -> None:
        with httpx.Client(timeout=10, trust_env=False) as browser:
            browser.post(page.url, data={**CARD, "number": "4242424242424242"})

        close()

        case = Case.objects.get(organization=organization)
        assert (case.kind, case.state) == ("late_winner", "open")
        assert Subscription.objects.for_org(organization).live().get() == winner

    def test_leaves_alone_what_nobody_can_say_anything_about(
        self,
        page: checkout.Opened,
        winner: Subscription,
        organization: Organization,
        stripe: StripeSimulator,
    ) -> None:
        PaymentAttempt.objects.filter(obligation__subscription=page.session.subscription_id).update(
            state="unknown"
        )

        assert close() == 0

        assert pages(stripe, organization) == ["open"]

    def test_tries_again_when_the_provider_could_not_be_told(
        self,
        page: checkout.Opened,
        winner: Subscription,
        organization: Organization,
        stripe: StripeSimulator,
    ) -> None:
        stripe.add_fault(method="POST", path="/expire$", times=1, status=429)

        assert close() == 0
        assert close() == 1
        assert pages(stripe, organization) == ["expired"]

    def test_leaves_a_start_alone_while_nothing_else_runs(
        self, page: checkout.Opened, organization: Organization, stripe: StripeSimulator
    ) -> None:
        assert close() == 0
        assert pages(stripe, organization) == ["open"]

    def test_knows_a_winner_at_another_provider(
        self, page: checkout.Opened, organization: Organization, stripe: StripeSimulator
    ) -> None:
        other = CustomerFactory.create(organization=organization, provider=Provider.CUSTOM)
        SubscriptionFactory.create(
            organization=organization, customer=other, provider=Provider.CUSTOM
        )

        assert close() == 1
        assert pages(stripe, organization) == ["expired"]

    def test_an_end_customer_of_the_tenant_is_another_payer(
        self, page: checkout.Opened, organization: Organization, stripe: StripeSimulator
    ) -> None:
        other = CustomerFactory.create(organization=organization, reference="guest-7")
        SubscriptionFactory.create(organization=organization, customer=other)

        assert close() == 0
        assert pages(stripe, organization) == ["open"]

    def test_closes_a_page_whose_start_was_given_up(
        self, page: checkout.Opened, organization: Organization, stripe: StripeSimulator
    ) -> None:
        row = start_behind(page)
        row.status = "canceled"
        row.save()

        assert close() == 1

        assert pages(stripe, organization) == ["expired"]
        assert CheckoutSession.objects.get(pk=page.session.pk).status == "expired"


class TestAcrossProviders:
    def test_what_is_paid_beside_another_providers_subscription_is_a_late_winner(
        self,
        page: checkout.Opened,
        organization: Organization,
        stripe: StripeSimulator,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        other = CustomerFactory.create(organization=organization, provider=Provider.CUSTOM)
        winner = SubscriptionFactory.create(
            organization=organization, customer=other, provider=Provider.CUSTOM
        )
        with httpx.Client(timeout=10, trust_env=False) as browser:
            browser.post(page.url, data={**CARD, "number": "4242424242424242"})

        close()

        assert Case.objects.get(organization=organization).kind == "late_winner"
        assert Subscription.objects.for_org(organization).live().get() == winner
