"""Enterprise subscriptions: agreed by staff, started on their day, invoiced by hand."""

from datetime import timedelta

import pytest

from billing.enums import AgreementState, Effective
from billing.errors import AlreadySubscribed, NotPossibleNow
from billing.models import (
    Agreement,
    InvoiceDelivery,
    Obligation,
    PaymentAttempt,
    Price,
    Subscription,
)
from billing.selectors import plans
from billing.services import agreements, catalogue, endings, subscribe, tiers
from orgs import clock
from orgs.errors import InvalidRequest
from orgs.models import Organization
from tests.billing.builders import make_organization
from tests.billing.enterprise_steps import AMOUNT, STAFF, agree, invoice_of, later
from tests.billing.subscribe_steps import start

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]


class TestAgree:
    def test_starts_today_at_the_agreed_price(self, organization: Organization) -> None:
        agreement = agree(organization)

        assert (agreement.state, agreement.error) == (AgreementState.STARTED, "")
        row = agreement.subscription
        assert row is not None
        assert (row.provider, row.status, row.seats) == ("custom", "active", 10)
        assert (row.price.amount_minor, row.price.currency, row.price.interval) == (
            AMOUNT // 10,
            "EUR",
            "year",
        )
        assert (row.plan_version.plan.code, row.billing_email) == ("enterprise", "ap@acme.example")
        organization.refresh_from_db()
        assert organization.plan_status == "ACTIVE"

    def test_its_invoice_is_sent_and_due_as_agreed(self, organization: Organization) -> None:
        invoice = invoice_of(agree(organization))

        assert (invoice.status, invoice.total_minor, invoice.currency) == ("open", AMOUNT, "EUR")
        assert invoice.due_at is not None
        assert invoice.due_at - invoice.issued_at == timedelta(days=14)
        delivery = InvoiceDelivery.objects.get(invoice=invoice)
        assert (delivery.kind, delivery.to) == ("due", "ap@acme.example")

    def test_the_start_itself_takes_nothing(self, organization: Organization) -> None:
        agree(organization)

        debt = Obligation.objects.get(organization=organization)
        attempt = PaymentAttempt.objects.get(obligation=debt)
        assert (debt.kind, debt.amount_minor, debt.state) == ("subscription_start", 0, "settled")
        assert (attempt.kind, attempt.state) == ("free", "succeeded")

    def test_the_agreed_price_is_nobody_elses_and_never_on_sale(
        self, organization: Organization
    ) -> None:
        price = agree(organization).price

        assert (price.organization, price.is_active) == (organization, False)
        sold = [row for offer in plans.list_plans() for row in offer.prices]
        assert price not in sold
        again = agree(make_organization("Other"), request_key="form-2").price
        assert again != price

    def test_the_catalogue_is_not_changed_by_it(self, organization: Organization) -> None:
        price = agree(organization).price

        seeded = [
            catalogue.seed_tier(tier=tier, rank=rank, now=clock.now())
            for rank, tier in enumerate(tiers.TIERS)
        ]
        draft = catalogue.start_version(plan=price.plan_version.plan)

        assert not any(row.was_published for row in seeded)
        assert not Price.objects.filter(plan_version=draft, amount_minor=AMOUNT // 10).exists()

    def test_without_an_amount_the_price_on_sale_counts(self, organization: Organization) -> None:
        starter = plans.get_plan("starter")

        agreement = agree(
            organization, plan=starter, interval="month", currency="USD", amount_minor=None
        )

        assert (agreement.price.organization, agreement.price.amount_minor) == (None, 2900)
        assert agreement.state == AgreementState.STARTED

    def test_the_same_form_sent_twice_is_one_agreement(self, organization: Organization) -> None:
        first = agree(organization)

        assert agree(organization) == first
        assert Subscription.objects.filter(organization=organization).count() == 1

    def test_what_has_not_come_waits_for_its_day(self, organization: Organization) -> None:
        agreement = agree(organization, starts_on=later(days=20).date())

        assert (agreement.state, agreement.subscription) == (AgreementState.PLANNED, None)
        assert agreements.start_due(now=later(days=19)) == 0
        assert agreements.start_due(now=later(days=20)) == 1
        agreement.refresh_from_db()
        assert agreement.state == AgreementState.STARTED
        assert agreements.start_due(now=later(days=20)) == 0


class TestRefusals:
    def test_a_day_that_has_passed(self, organization: Organization) -> None:
        with pytest.raises(InvalidRequest) as caught:
            agree(organization, starts_on=later(days=-1).date())

        assert caught.value.fields == {"starts_on": ["This day has passed."]}
        assert not Agreement.objects.exists()

    def test_beside_a_live_subscription(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        start(organization, catalogue["starter:month"], "pm_card_visa")

        with pytest.raises(AlreadySubscribed):
            agree(organization)

        assert not Agreement.objects.exists()

    def test_two_that_wait(self, organization: Organization) -> None:
        agree(organization, starts_on=later(days=20).date())

        with pytest.raises(InvalidRequest, match="waits for its day"):
            agree(organization, starts_on=later(days=30).date(), request_key="form-2")

    def test_a_price_that_is_not_on_sale(self, organization: Organization) -> None:
        with pytest.raises(InvalidRequest) as caught:
            agree(organization, amount_minor=None)

        assert caught.value.fields == {"amount": ["This plan has no such price on sale."]}


class TestSweep:
    def test_says_why_one_could_not_start_and_tries_again(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        agreement = agree(organization, starts_on=later(days=20).date())
        running = start(organization, catalogue["starter:month"], "pm_card_visa").subscription

        assert agreements.start_due(now=later(days=20)) == 0
        agreement.refresh_from_db()
        assert agreement.state == AgreementState.PLANNED
        assert agreement.error == "This organization already has a subscription."

        Subscription.objects.filter(pk=running.pk).update(status="canceled")
        assert agreements.start_due(now=later(days=21)) == 1
        agreement.refresh_from_db()
        assert (agreement.state, agreement.error) == (AgreementState.STARTED, "")

    def test_goes_on_with_a_start_whose_process_died(
        self, organization: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = subscribe.start_subscription

        def dies(**kwargs: object) -> object:
            real(**kwargs)  # type: ignore[arg-type]  # handed on as it came
            raise SystemExit

        with monkeypatch.context() as patched:
            patched.setattr(subscribe, "start_subscription", dies)
            with pytest.raises(SystemExit):
                agree(organization)

        assert agreements.start_due(now=clock.now()) == 1
        agreement = Agreement.objects.get()
        assert agreement.state == AgreementState.STARTED
        assert Subscription.objects.get(organization=organization) == agreement.subscription


class TestWithdraw:
    def test_takes_back_what_has_not_started(self, organization: Organization) -> None:
        agreement = agree(organization, starts_on=later(days=20).date())

        agreements.withdraw_agreement(agreement=agreement, now=clock.now())

        assert agreements.start_due(now=later(days=30)) == 0
        agreement.refresh_from_db()
        assert agreement.state == AgreementState.WITHDRAWN

    def test_leaves_what_runs(self, organization: Organization) -> None:
        agreement = agree(organization)

        with pytest.raises(NotPossibleNow):
            agreements.withdraw_agreement(agreement=agreement, now=clock.now())


def test_ended_by_the_services_that_tenants_use(organization: Organization) -> None:
    agree(organization)

    ended = endings.cancel_subscription(
        organization=organization, mode=Effective.NOW, cause=STAFF, now=clock.now()
    )

    assert ended.status == "canceled"
