"""Staff run an enterprise tenant by hand: start, invoice, mark paid, give up."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billing.models import Agreement, BankAccount, Case, Invoice, ManualPayment, Plan, Subscription
from orgs import clock
from orgs.models import Organization, User
from tests.billing.admin_steps import act
from tests.billing.enterprise_steps import AMOUNT, agree, invoice_of, later
from tests.billing.invoice_event_steps import Shop
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]

START = "/admin/billing/agreement/start/"


def words(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def looker(client: Client, *codenames: str) -> None:
    user: User = UserFactory.create(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)


def filled(of: Organization, **changes: Any) -> dict[str, Any]:
    fields = {
        "organization": of.slug,
        "plan": str(Plan.objects.get(code="enterprise").pk),
        "interval": "year",
        "currency": "eur",
        "amount": "120.00",
        "seats": "10",
        "starts_on": str(clock.now().date()),
        "days_until_due": "14",
        "billing_email": "ap@acme.example",
        "reference": "PO-4711",
        "note": "",
        "request_key": "one-page",
    }
    return {**fields, **changes}


class TestStart:
    def test_is_linked_from_the_list_and_from_the_organization(
        self, client: Client, staff: User, organization: Organization
    ) -> None:
        listed = client.get(reverse("admin:billing_agreement_changelist")).content.decode()
        page = client.get(reverse("admin:orgs_organization_change", args=[organization.pk]))

        assert f'href="{START}"' in listed
        assert f'href="{START}?organization={organization.pk}"' in page.content.decode()

    def test_knows_whom_it_is_for(
        self, client: Client, staff: User, organization: Organization
    ) -> None:
        form = client.get(START, {"organization": str(organization.pk)}).context["form"]

        assert form.initial["organization"] == str(organization.pk)
        assert form.initial["billing_email"] == organization.email

    def test_asks_before_it_is_done(
        self, client: Client, staff: User, organization: Organization
    ) -> None:
        text = words(client.post(START, filled(organization)))

        assert "The first invoice is issued and mailed on the first day. Start it?" in text
        assert "Price €120.00 for each of 10 = €1,200.00 per year" in text
        assert "Due 14 days after each invoice" in text
        assert not Agreement.objects.exists()

    def test_starts_once_confirmed(
        self, client: Client, staff: User, organization: Organization
    ) -> None:
        answer = client.post(START, filled(organization, confirmed="yes"), follow=True)

        assert "The subscription runs; its first invoice is on its way." in words(answer)
        agreement = Agreement.objects.get()
        assert (agreement.state, agreement.made_by) == ("started", staff)
        assert invoice_of(agreement).total_minor == AMOUNT
        assert LogEntry.objects.get().change_message == "Agreed."

    def test_the_same_page_sent_twice_starts_once(
        self, client: Client, staff: User, organization: Organization
    ) -> None:
        for _ in range(2):
            client.post(START, filled(organization, confirmed="yes"))

        assert Subscription.objects.filter(organization=organization).count() == 1

    @pytest.mark.parametrize(
        ("field", "value", "error"),
        [
            ("organization", "nobody", "There is no such organization."),
            ("currency", "E€", "Not an ISO 4217 code."),
            ("amount", "0", "Give a price above nothing, or none for the price on sale."),
            ("amount", "1.005", "The currency has no such small unit."),
            ("amount", "", "This plan has no such price on sale."),
            ("starts_on", "2020-01-01", "This day has passed."),
            ("seats", "0", "Ensure this value is greater than or equal to 1."),
            ("days_until_due", "181", "Ensure this value is less than or equal to 180."),
            ("billing_email", "nobody", "Enter a valid email address."),
        ],
    )
    def test_says_what_is_wrong_and_starts_nothing(
        self,
        field: str,
        value: str,
        error: str,
        client: Client,
        staff: User,
        organization: Organization,
    ) -> None:
        answer = client.post(START, filled(organization, confirmed="yes", **{field: value}))

        assert answer.context["form"].errors[field] == [error]
        assert not Agreement.objects.exists()

    def test_is_refused_beside_a_live_subscription(
        self, client: Client, staff: User, shop: Shop
    ) -> None:
        answer = client.post(START, filled(shop.organization, confirmed="yes"))

        assert "This organization already has a subscription." in words(answer)

    def test_waits_for_its_day_and_can_be_withdrawn(
        self, client: Client, staff: User, organization: Organization
    ) -> None:
        day = later(days=20)
        answer = client.post(
            START, filled(organization, confirmed="yes", starts_on=str(day.date())), follow=True
        )
        assert f"It starts on {day:%-d %B %Y}." in words(answer)

        act(client, "billing_agreement", "withdraw", Agreement.objects.get())

        assert Agreement.objects.get().state == "withdrawn"

    def test_is_not_for_those_who_may_only_look(
        self, client: Client, organization: Organization
    ) -> None:
        looker(client, "view_agreement")

        assert client.post(START, filled(organization, confirmed="yes")).status_code == 403
        assert not Agreement.objects.exists()


class TestMarkPaid:
    @pytest.fixture
    def invoice(self, organization: Organization) -> Invoice:
        return invoice_of(agree(organization))

    def url(self, invoice: Invoice) -> str:
        return reverse("admin:billing_invoice_mark_paid", args=[invoice.pk])

    def seen(self, **changes: str) -> dict[str, str]:
        fields = {"amount": "500.00", "reference": "ZB-77", "received_on": "2026-12-01"}
        return {**fields, **changes}

    def test_is_linked_from_the_invoice(
        self, client: Client, staff: User, invoice: Invoice
    ) -> None:
        page = client.get(reverse("admin:billing_invoice_change", args=[invoice.pk]))

        assert f'href="{self.url(invoice)}">Mark paid…</a>' in page.content.decode()

    def test_offers_all_that_is_to_be_paid(
        self, client: Client, staff: User, invoice: Invoice
    ) -> None:
        form = client.get(self.url(invoice)).context["form"]

        assert form.initial["amount"] == "1200.00"
        assert form.fields["amount"].label == "Amount in EUR"

    def test_asks_before_it_is_entered(self, client: Client, staff: User, invoice: Invoice) -> None:
        text = words(client.post(self.url(invoice), self.seen()))

        assert f"Enter €500.00 as received for invoice {invoice}?" in text
        assert "Reference ZB-77 Received on 1 December 2026" in text
        assert not ManualPayment.objects.exists()

    def test_enters_a_part_and_shows_it(
        self, client: Client, staff: User, invoice: Invoice
    ) -> None:
        answer = client.post(self.url(invoice), self.seen(confirmed="yes"), follow=True)

        text = words(answer)
        assert "€500.00 entered; €700.00 is still to be paid." in text
        assert "ZB-77" in text
        row = ManualPayment.objects.get()
        assert (row.amount_minor, row.entered_by) == (50_000, staff)
        entry = LogEntry.objects.get()
        assert entry.change_message == "Entered €500.00 as received (ZB-77)."

    def test_shows_why_it_was_refused(self, client: Client, staff: User, invoice: Invoice) -> None:
        answer = client.post(self.url(invoice), self.seen(amount="1200.01", confirmed="yes"))

        assert answer.context["form"].errors["amount"] == ["This is more than is still to be paid."]

    def test_one_too_many_becomes_a_case(
        self, client: Client, staff: User, invoice: Invoice
    ) -> None:
        client.post(self.url(invoice), self.seen(amount="1200", confirmed="yes"))

        answer = client.post(
            self.url(invoice), self.seen(reference="ZB-78", confirmed="yes"), follow=True
        )

        assert f"{invoice} was paid already: €500.00 is now a case." in words(answer)
        assert Case.objects.get().kind == "late_winner"

    def test_gives_an_invoice_up_after_a_question(
        self, client: Client, staff: User, invoice: Invoice
    ) -> None:
        page = reverse("admin:billing_invoice_write_off", args=[invoice.pk])

        assert "Give this invoice up as uncollectible?" in words(client.get(page))
        client.post(page, {"confirmed": "yes"})

        invoice.refresh_from_db()
        assert invoice.status == "uncollectible"

    def test_is_not_there_for_what_a_card_is_charged_for(
        self, client: Client, staff: User, shop: Shop
    ) -> None:
        assert client.get(self.url(shop.invoice)).status_code == 404

    def test_is_not_for_those_who_may_only_look(self, client: Client, invoice: Invoice) -> None:
        looker(client, "view_invoice")

        assert client.post(self.url(invoice), self.seen(confirmed="yes")).status_code == 403
        assert not ManualPayment.objects.exists()


class TestDesk:
    def test_every_page_opens(
        self, client: Client, staff: User, organization: Organization
    ) -> None:
        agreement = agree(organization)
        invoice = invoice_of(agreement)
        client.post(
            reverse("admin:billing_invoice_mark_paid", args=[invoice.pk]),
            {"amount": "1", "reference": "x", "received_on": "2026-12-01", "confirmed": "yes"},
        )
        account = BankAccount.objects.create(currency="EUR", holder="Till", number="DE02")

        for name, row in (
            ("agreement", agreement),
            ("manualpayment", ManualPayment.objects.get()),
            ("bankaccount", account),
        ):
            listed = client.get(reverse(f"admin:billing_{name}_changelist"))
            page = client.get(reverse(f"admin:billing_{name}_change", args=[row.pk]))
            assert (listed.status_code, page.status_code) == (200, 200), name
