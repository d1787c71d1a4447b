"""What was and is to be paid: `/settings/billing/invoices`."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from billing.enums import InvoiceStatus, RefundStatus
from billing.models import Invoice, InvoiceDelivery, Price, Subscription
from notifications.models import Message, MessageState
from orgs.models import Organization, User
from tests.billing.page_steps import INVOICES, OVERVIEW, refused, run, send, show
from tests.factories_billing import NOW, CustomerFactory, SubscriptionFactory
from tests.factories_invoices import (
    CreditNoteFactory,
    InvoiceDeliveryFactory,
    InvoiceFactory,
    RefundFactory,
)
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscription(org: Organization) -> Subscription:
    return SubscriptionFactory.create(organization=org)


def of(invoice: Any, what: str = "") -> str:
    return f"{INVOICES}/{invoice.pk}{what}"


class TestList:
    def test_leads_strangers_to_sign_in(self, client: Client) -> None:
        assert client.get(INVOICES)["Location"] == f"/login?next={INVOICES}"

    def test_says_that_there_are_none(self, payer: Client) -> None:
        assert "The first one comes with the first payment." in show(payer, INVOICES)

    @pytest.mark.parametrize(
        ("fields", "label"),
        [
            ({}, "Paid"),
            ({"open": True}, "Open"),
            ({"draft": True}, "Draft"),
            ({"status": InvoiceStatus.VOID}, "Void"),
            ({"status": InvoiceStatus.UNCOLLECTIBLE}, "Written off"),
            ({"refunded_minor": 2900}, "Paid back"),
        ],
    )
    def test_shows_number_day_sum_and_standing(
        self, payer: Client, subscription: Subscription, fields: dict[str, Any], label: str
    ) -> None:
        InvoiceFactory.create(subscription=subscription, **fields)

        text = show(payer, INVOICES)

        assert "1 March 2026" in text
        assert "$29.00" in text
        assert f">{label}</span>" in text

    def test_goes_on_where_a_page_ends(
        self, client: Client, bob: User, subscription: Subscription
    ) -> None:
        for number in range(22):
            InvoiceFactory.create(
                subscription=subscription,
                number=f"A-{number:02d}",
                issued_at=NOW + timedelta(minutes=number),
            )
        client.force_login(bob)

        first = show(client, INVOICES)
        address = first.partition('href="?cursor=')[2].partition('"')[0]
        second = show(client, f"{INVOICES}?cursor={address}")

        assert "A-21" in first
        assert "A-02" in first
        assert ">A-01<" not in first
        assert ">A-01<" in second
        assert ">A-00<" in second
        assert "Back to the newest" in second

    def test_refuses_a_cursor_of_its_own_making(self, payer: Client) -> None:
        show(payer, f"{INVOICES}?cursor=nonsense", 400)

    def test_leaves_out_what_belongs_to_others(
        self, payer: Client, org: Organization, other_org: Organization
    ) -> None:
        theirs = SubscriptionFactory.create(organization=other_org)
        InvoiceFactory.create(subscription=theirs, number="GLOBEX-1")
        guest = CustomerFactory.create(organization=org, reference="guest-7")
        row = SubscriptionFactory.create(organization=org, customer=guest)
        InvoiceFactory.create(subscription=row, number="GUEST-1")

        text = show(payer, INVOICES)

        assert "GLOBEX-1" not in text
        assert "GUEST-1" not in text

    def test_the_overview_shows_the_latest_five(
        self, payer: Client, subscription: Subscription
    ) -> None:
        for number in range(6):
            InvoiceFactory.create(
                subscription=subscription,
                number=f"A-{number}",
                issued_at=NOW + timedelta(minutes=number),
            )

        text = show(payer, OVERVIEW)

        assert ">A-5<" in text
        assert ">A-1<" in text
        assert ">A-0<" not in text


class TestOne:
    def test_shows_lines_and_sums(self, payer: Client, subscription: Subscription) -> None:
        invoice = InvoiceFactory.create(
            subscription=subscription,
            discount_minor=580,
            tax_minor=441,
            total_minor=2761,
            amount_due_minor=2261,
            amount_paid_minor=2261,
        )

        text = show(payer, of(invoice))

        assert f"Invoice {invoice.number}" in text
        for words in ("Starter (at $29.00 / month)", "-$5.80", "$4.41", "$27.61", "-$5.00"):
            assert words in text
        assert '<dt>Paid</dt><dd class="amount">$22.61</dd>' in text
        assert "Still to pay" not in text

    def test_shows_what_came_back(self, payer: Client, subscription: Subscription) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)
        CreditNoteFactory.create(invoice=invoice, number="CN-1", amount_minor=500, memo="Sorry.")
        RefundFactory.create(invoice=invoice, amount_minor=700, status=RefundStatus.FAILED)

        text = show(payer, of(invoice))

        assert "Credit note CN-1" in text
        assert "Sorry." in text
        assert "-$5.00" in text
        assert "-$7.00" in text
        assert "· failed" in text

    def test_shows_the_mails_that_brought_it(
        self, payer: Client, subscription: Subscription
    ) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)
        InvoiceDeliveryFactory.create(invoice=invoice, to="bills@acme.test")
        assert "On its way" in show(payer, of(invoice))
        Message.objects.update(state=MessageState.SENT, sent_at=NOW)

        text = show(payer, of(invoice))

        assert 'bills@acme.test <span class="badge badge--success">Sent</span>' in text
        assert "1 March 2026, 12:00 UTC" in text

    def test_links_to_where_it_is_paid(
        self, client: Client, payer: Client, bob: User, subscription: Subscription
    ) -> None:
        invoice = InvoiceFactory.create(subscription=subscription, open=True)

        text = show(payer, of(invoice))
        assert 'href="https://stripe.example/i/in_open"' in text
        assert "31 March 2026" in text
        client.force_login(bob)
        assert "stripe.example" not in show(client, of(invoice))

    def test_does_not_link_to_where_it_was_paid(
        self, payer: Client, subscription: Subscription
    ) -> None:
        paid = InvoiceFactory.create(
            subscription=subscription, hosted_url="https://stripe.example/i/in_paid"
        )

        assert "stripe.example" not in show(payer, of(paid))

    def test_asks_no_provider(
        self, payer: Client, subscription: Subscription, stripe: StripeSimulator
    ) -> None:
        invoice = InvoiceFactory.create(subscription=subscription, open=True)
        since = stripe.calls_so_far()

        show(payer, of(invoice))
        show(payer, INVOICES)

        assert stripe.requests()[since:] == []

    @pytest.mark.parametrize("what", ["", "/pdf"])
    def test_does_not_exist_for_others(
        self, client: Client, charlie: User, subscription: Subscription, what: str
    ) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)
        client.force_login(charlie)

        show(client, of(invoice, what), 404)
        show(client, f"{INVOICES}/{uuid.uuid4()}{what}", 404)
        show(client, f"{INVOICES}/none{what}", 404)


class TestPdf:
    def test_is_downloaded_by_every_role(
        self, client: Client, bob: User, subscription: Subscription
    ) -> None:
        invoice = InvoiceFactory.create(subscription=subscription, number="ACME-0001")
        client.force_login(bob)

        response = client.get(of(invoice, "/pdf"))

        assert response["Content-Type"] == "application/pdf"
        assert response["Content-Disposition"] == 'attachment; filename="invoice-ACME-0001.pdf"'
        assert response["Cache-Control"] == "no-store"
        assert response.content.startswith(b"%PDF-")

    def test_a_draft_has_none(self, payer: Client, subscription: Subscription) -> None:
        draft = InvoiceFactory.create(subscription=subscription, draft=True)
        assert "Download PDF" not in show(payer, of(draft))

        text = show(payer, of(draft, "/pdf"), 409)

        assert "it is a draft" in text


class TestSend:
    def test_queues_one_more_mail(self, payer: Client, org: Organization) -> None:
        row = SubscriptionFactory.create(organization=org, billing_email="bills@acme.test")
        invoice = InvoiceFactory.create(subscription=row)
        assert "to bills@acme.test" in show(payer, of(invoice))

        text = send(payer, of(invoice, "/send"), to=of(invoice))

        assert "The invoice is on its way to bills@acme.test." in text
        assert "Sent again" in text
        assert InvoiceDelivery.objects.get().kind == "copy"

    def test_refuses_a_draft(self, payer: Client, subscription: Subscription) -> None:
        draft = InvoiceFactory.create(subscription=subscription, draft=True)

        text = refused(payer, of(draft, "/send"), None, 409)

        assert "it is a draft" in text
        assert not InvoiceDelivery.objects.exists()

    def test_is_not_for_viewers(
        self, client: Client, bob: User, subscription: Subscription
    ) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)
        client.force_login(bob)
        assert "Send it again" not in show(client, of(invoice))

        assert client.post(of(invoice, "/send")).status_code == 403
        assert not InvoiceDelivery.objects.exists()

    def test_is_not_for_others(
        self, client: Client, charlie: User, subscription: Subscription
    ) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)
        client.force_login(charlie)

        assert client.post(of(invoice, "/send")).status_code == 404

    def test_needs_a_csrf_token(self, alice: User, subscription: Subscription) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)

        assert client.post(of(invoice, "/send")).status_code == 403


def test_a_payment_is_followed_by_its_invoice(
    payer: Client, org: Organization, catalogue: dict[str, Price]
) -> None:
    run(org, catalogue["starter:month"], seats=2)

    invoice = Invoice.objects.get()
    assert invoice.number in show(payer, INVOICES)
    text = show(payer, of(invoice))
    assert "$58.00" in text
    assert ">Paid</span>" in text
