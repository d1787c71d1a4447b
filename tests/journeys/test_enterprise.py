"""An enterprise tenant run by hand: agreed, invoiced, reminded, paid in parts, renewed, ended."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.enums import Effective
from billing.models import (
    Agreement,
    BankAccount,
    Case,
    Invoice,
    InvoiceDelivery,
    Obligation,
    Plan,
    Subscription,
)
from billing.selectors import access
from billing.services import agreements, by_hand, endings, grace, renewals
from notifications.models import Message
from orgs import clock
from orgs.models import Membership, Organization, Role
from tests.billing.enterprise_steps import STAFF, terms
from tests.billing.page_steps import folded
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]

SEATS, A_SEAT = 10, 10_000
MONTHLY = SEATS * A_SEAT


@dataclasses.dataclass
class Tenant:
    """An organization, and time that passes for it hour by hour where it matters."""

    organization: Organization
    now: datetime

    @property
    def row(self) -> Subscription:
        return Subscription.objects.select_related("plan_version__plan").get(
            organization=self.organization
        )

    @property
    def invoices(self) -> list[Invoice]:
        rows = Invoice.objects.for_org(self.organization).select_related(
            "organization", "subscription", "customer"
        )
        return list(rows.order_by("issued_at"))

    @property
    def level(self) -> str:
        return access.access_of(self.row, self.now).level

    def pass_days(self, days: int) -> None:
        for _ in range(days):
            self.now += timedelta(days=1)
            agreements.start_due(now=self.now)
            renewals.run_due(now=self.now)
            grace.end_grace(now=self.now)

    def pay(self, invoice: Invoice, amount: int, reference: str) -> Any:
        payment = by_hand.SeenPayment(amount, reference, self.now.date())
        return by_hand.mark_paid(
            invoice=invoice, payment=payment, entered_by=None, cause=STAFF, now=self.now
        )

    def mails(self, kind: str) -> int:
        return Message.objects.filter(organization=self.organization, kind=kind).count()


@pytest.fixture
def tenant(org: Organization, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    found = Tenant(org, timezone.now().replace(month=3, day=10, hour=9))
    monkeypatch.setattr(clock, "now", lambda _=None: found.now)
    BankAccount.objects.create(currency="EUR", holder="Till Ltd", number="DE02 1203 0000")
    return found


def agree(tenant: Tenant) -> Agreement:
    return agreements.agree(
        organization=tenant.organization,
        terms=terms(
            interval="month",
            amount_minor=A_SEAT,
            starts_on=tenant.now.date() + timedelta(days=5),
            days_until_due=14,
        ),
        made_by=None,
        cause=STAFF,
        now=tenant.now,
    )


def test_from_the_agreement_to_the_end(tenant: Tenant, client: Client) -> None:
    # Agreed today, for next week.
    agreement = agree(tenant)
    assert agreement.state == "planned"
    tenant.pass_days(5)
    row = tenant.row
    assert (row.status, row.provider, tenant.level) == ("active", "custom", "full")
    [first] = tenant.invoices
    assert (first.status, first.total_minor, first.currency) == ("open", MONTHLY, "EUR")
    assert InvoiceDelivery.objects.get(invoice=first).to == "ap@acme.example"

    # The tenant sees where to transfer it to.
    user = UserFactory.create()
    Membership.objects.create(organization=tenant.organization, user=user, role=Role.OWNER)
    client.force_login(user)
    page = folded(client.get(f"/settings/billing/invoices/{first.pk}").content)
    assert "Transfer €1,000.00 to" in page
    assert "DE02 1203 0000" in page
    for address in ("", "/plan", "/payment-methods", "/invoices", "/cancel"):
        assert client.get(f"/settings/billing{address}").status_code == 200, address

    # Due after two weeks: nothing is charged, the tenant is reminded and keeps access in grace.
    tenant.pass_days(13)
    assert (tenant.row.status, tenant.level) == ("active", "full")
    tenant.pass_days(2)
    assert (tenant.row.status, tenant.level) == ("past_due", "grace")
    tenant.pass_days(tenant.row.plan_version.plan.grace_days)
    assert tenant.level == "restricted"
    assert tenant.mails("payment_reminder") >= 1

    # A part is not enough; the rest brings everything back.
    tenant.pay(first, 40_000, "ZB-1")
    assert (tenant.row.status, tenant.level) == ("past_due", "restricted")
    tenant.pay(first, MONTHLY - 40_000, "ZB-2")
    assert (tenant.row.status, tenant.level) == ("active", "full")

    # The next month has an invoice of its own, once.
    while len(tenant.invoices) == 1:
        tenant.pass_days(1)
    tenant.pass_days(3)
    _, second = tenant.invoices
    assert (second.status, second.amount_remaining_minor) == ("open", MONTHLY)
    assert second.period_start == first.period_end
    tenant.pay(second, MONTHLY, "ZB-3")
    assert tenant.row.status == "active"

    # Somebody transfers it again.
    assert tenant.pay(second, MONTHLY, "ZB-4").is_too_much
    assert Case.objects.get(organization=tenant.organization).kind == "late_winner"

    # Ended with its period: no third invoice.
    endings.cancel_subscription(
        organization=tenant.organization, mode=Effective.PERIOD_END, cause=STAFF, now=tenant.now
    )
    tenant.pass_days(45)
    assert (tenant.row.status, tenant.level) == ("canceled", "none")
    assert [invoice.status for invoice in tenant.invoices] == ["paid", "paid"]
    paid = [(row.amount_paid_minor, row.paid_elsewhere_minor) for row in tenant.invoices]
    assert paid == [(0, MONTHLY), (0, MONTHLY)]
    debts = Obligation.objects.for_org(tenant.organization)
    assert set(debts.values_list("state", flat=True)) == {"settled"}
    assert Plan.objects.get(code="enterprise").versions.count() == 1


def test_two_runners_and_two_clicks_make_nothing_double(tenant: Tenant) -> None:
    agreement = agree(tenant)
    tenant.now += timedelta(days=5)

    for _ in range(3):
        agreements.start_due(now=tenant.now)
        agreements.start_agreement(agreement=agreement, cause=STAFF, now=tenant.now)
        renewals.run_due(now=tenant.now)

    [invoice] = tenant.invoices
    assert InvoiceDelivery.objects.filter(invoice=invoice, kind="due").count() == 1
    for _ in range(3):
        tenant.pay(invoice, MONTHLY, "ZB-1")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_elsewhere_minor) == ("paid", MONTHLY)
    assert not Case.objects.exists()
