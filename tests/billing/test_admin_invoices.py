"""Staff and invoices: the proof of delivery, sending again, asking the provider, the file."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billing.models import Invoice, InvoiceDelivery
from notifications.models import Message, MessageState
from orgs import clock
from orgs.models import User
from tests.billing.admin_steps import act, opened
from tests.billing.stripe_invoice_cases import paid
from tests.factories import UserFactory
from tests.factories_billing import CustomerFactory, SubscriptionFactory
from tests.factories_invoices import InvoiceDeliveryFactory, InvoiceFactory
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

LIST = reverse("admin:billing_invoice_changelist")


def recent(**fields: Any) -> Invoice:
    """An invoice of yesterday, that the report of the last thirty days counts."""
    invoice: Invoice = InvoiceFactory.create(finalized_at=clock.now() - timedelta(days=1), **fields)
    return invoice


def words(html: str) -> str:
    return " ".join(html.split())


class TestDeliveryReport:
    def test_stands_above_the_list(self, client: Client, staff: User) -> None:
        sent = InvoiceDeliveryFactory.create(invoice=recent(number="SENT-1"))
        Message.objects.filter(pk=sent.message_id).update(state=MessageState.SENT)
        recent(number="LOST-1")

        html, _ = opened(client, LIST)

        assert "1 of 2 invoices that had to be mailed were sent (<strong>50.0 %</strong>)" in words(
            html
        )
        assert "Not sent yet: 1" in html
        assert html.count(">LOST-1</a>") == 2  # in the report and in the list

    def test_the_list_can_be_narrowed_to_what_is_missing(self, client: Client, staff: User) -> None:
        sent = InvoiceDeliveryFactory.create(invoice=recent(number="SENT-1"))
        Message.objects.filter(pk=sent.message_id).update(state=MessageState.SENT)
        lost = recent(number="LOST-1")
        recent(number="", draft=True)

        def listed(query: str) -> list[str]:
            answer = client.get(f"{LIST}?delivery={query}")
            return [str(row.pk) for row in answer.context["cl"].result_list]

        assert listed("missing") == [str(lost.pk)]
        assert listed("sent") == [str(sent.invoice_id)]

    @pytest.mark.parametrize("field", ["number", "external_id", "external_payment_id"])
    def test_an_invoice_is_found_by_what_people_paste(
        self, client: Client, staff: User, field: str
    ) -> None:
        wanted, _ = InvoiceFactory.create(), InvoiceFactory.create()

        answer = client.get(LIST, {"q": getattr(wanted, field)})

        assert list(answer.context["cl"].result_list) == [wanted]


class TestSendAgain:
    def test_queues_a_copy_and_leaves_a_log_entry(self, client: Client, staff: User) -> None:
        invoice = InvoiceFactory.create()
        draft = InvoiceFactory.create(draft=True)

        html = act(client, "billing_invoice", "send_again", invoice, draft).content.decode()

        assert "1 invoices: Sent again." in html
        assert "it is a draft" in html
        delivery = InvoiceDelivery.objects.get()
        assert (delivery.invoice, delivery.kind) == (invoice, "copy")
        entry = LogEntry.objects.get()
        assert (entry.user, entry.object_id) == (staff, str(invoice.pk))

    def test_needs_the_permission(self, client: Client) -> None:
        viewer = UserFactory.create(is_staff=True)
        viewer.user_permissions.set(Permission.objects.filter(codename="view_invoice"))
        client.force_login(viewer)

        act(client, "billing_invoice", "send_again", InvoiceFactory.create())

        assert not InvoiceDelivery.objects.exists()


class TestAskAgain:
    def test_takes_over_what_the_provider_says(
        self, client: Client, staff: User, stripe: StripeSimulator
    ) -> None:
        started = paid()
        customer = CustomerFactory.create(external_id=started.external_customer_id)
        subscription = SubscriptionFactory.create(
            organization=customer.organization, customer=customer, external_id=started.external_id
        )
        invoice = InvoiceFactory.create(
            subscription=subscription,
            external_id=started.latest_invoice_id,
            number="OLD",
            has_all_lines=False,
        )

        html = act(client, "billing_invoice", "ask_again", invoice).content.decode()

        assert "1 invoices: Asked the provider again." in html
        invoice.refresh_from_db()
        assert started.latest_invoice is not None
        assert invoice.number == started.latest_invoice.number
        assert invoice.has_all_lines
        assert invoice.subscription == subscription

    def test_says_when_the_provider_does_not_have_it(
        self, client: Client, staff: User, stripe: StripeSimulator
    ) -> None:
        invoice = InvoiceFactory.create(external_id="in_of_nobody")

        html = act(client, "billing_invoice", "ask_again", invoice).content.decode()

        assert "0 invoices: Asked the provider again." in html
        assert "Invalid request" in html


class TestPdf:
    def test_is_the_file_that_tenants_get(self, client: Client, staff: User) -> None:
        invoice = InvoiceFactory.create(number="ACME-0009")

        answer = client.get(reverse("admin:billing_invoice_pdf", args=[invoice.pk]))

        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF-")

    def test_there_is_none_of_a_draft(self, client: Client, staff: User) -> None:
        draft = InvoiceFactory.create(draft=True)

        answer = client.get(reverse("admin:billing_invoice_pdf", args=[draft.pk]))

        assert answer.status_code == 404

    def test_is_closed_to_staff_without_permission(self, client: Client) -> None:
        client.force_login(UserFactory.create(is_staff=True))

        answer = client.get(reverse("admin:billing_invoice_pdf", args=[InvoiceFactory.create().pk]))

        assert answer.status_code == 403
