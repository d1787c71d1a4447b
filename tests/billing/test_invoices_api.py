"""Invoices over HTTP: the list, one of them, its file, and sending it again."""

import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pypdf import PdfReader

from billing.models import InvoiceDelivery
from notifications.models import Message, MessageState
from orgs.models import Organization, Role, User
from tests.conftest import Api
from tests.factories import MembershipFactory, UserFactory
from tests.factories_billing import NOW, CustomerFactory, SubscriptionFactory
from tests.factories_invoices import (
    InvoiceDeliveryFactory,
    InvoiceFactory,
    InvoiceLineFactory,
    RefundFactory,
)

pytestmark = pytest.mark.django_db

LIST = "/api/v1/billing/invoices"


@pytest.fixture
def subscription(org: Organization) -> Any:
    return SubscriptionFactory.create(organization=org)


def path_of(invoice: Any, rest: str = "") -> str:
    return f"{LIST}/{invoice.pk}{rest}"


class TestList:
    def test_shows_an_invoice_as_it_is_documented(
        self, api: Api, bob: User, subscription: Any, settings: Any
    ) -> None:
        settings.PUBLIC_URL = "https://till.test"
        invoice = InvoiceFactory.create(
            subscription=subscription,
            external_id="in_1",
            number="ACME-0001",
            discount_minor=100,
            total_minor=2800,
            amount_due_minor=2500,
            amount_paid_minor=2500,
            refunded_minor=300,
            hosted_url="https://stripe.example/i/in_1",
        )
        delivery = InvoiceDeliveryFactory.create(invoice=invoice, to="bills@acme.test")
        Message.objects.update(state=MessageState.SENT, sent_at=NOW)

        answer = api(bob).get(LIST)

        assert answer.status_code == 200
        assert delivery.message.kind == "invoice"
        line = invoice.lines.get()
        assert answer.json() == {
            "data": [
                {
                    "id": str(invoice.pk),
                    "number": "ACME-0001",
                    "status": "paid",
                    "currency": "USD",
                    "subtotal": 2900,
                    "discount": 100,
                    "tax": 0,
                    "total": 2800,
                    "amount_decimal": "28.00",
                    "amount_due": 2500,
                    "amount_paid": 2500,
                    "amount_remaining": 0,
                    "amount_refunded": 300,
                    "amount_credited": 0,
                    "billing_reason": "subscription_cycle",
                    "provider": "stripe",
                    "external_id": "in_1",
                    "subscription": str(subscription.pk),
                    "created_at": "2026-03-01T12:00:00Z",
                    "finalized_at": "2026-03-01T12:00:00Z",
                    "due_date": None,
                    "paid_at": "2026-03-01T12:00:00Z",
                    "next_attempt_at": None,
                    "period": {"start": "2026-03-01T12:00:00Z", "end": "2026-04-01T12:00:00Z"},
                    "lines": [
                        {
                            "description": line.description,
                            "quantity": 1,
                            "amount": 2900,
                            "amount_decimal": "29.00",
                            "discount": 0,
                            "proration": False,
                            "period": {
                                "start": "2026-03-01T12:00:00Z",
                                "end": "2026-04-01T12:00:00Z",
                            },
                        }
                    ],
                    "hosted_url": "https://stripe.example/i/in_1",
                    "pdf_url": f"https://till.test/api/v1/billing/invoices/{invoice.pk}/pdf",
                    "deliveries": [
                        {
                            "kind": "paid",
                            "to": "bills@acme.test",
                            "sent_at": "2026-03-01T12:00:00Z",
                            "status": "sent",
                        }
                    ],
                }
            ],
            "next_cursor": None,
        }

    def test_goes_page_by_page_newest_first(self, api: Api, alice: User, subscription: Any) -> None:
        made = [
            InvoiceFactory.create(
                subscription=subscription, issued_at=NOW + timedelta(days=day), lines=False
            )
            for day in (1, 3, 2)
        ]

        first = api(alice).get(f"{LIST}?limit=2").json()
        second = api(alice).get(f"{LIST}?limit=2&cursor={first['next_cursor']}").json()

        found = [row["id"] for row in first["data"] + second["data"]]
        assert found == [str(made[1].pk), str(made[2].pk), str(made[0].pk)]
        assert second["next_cursor"] is None

    def test_can_be_narrowed_to_a_status_and_a_subscription(
        self, api: Api, alice: User, org: Organization, subscription: Any
    ) -> None:
        paid = InvoiceFactory.create(subscription=subscription)
        waiting = InvoiceFactory.create(subscription=subscription, open=True)
        other = InvoiceFactory.create(
            organization=org, subscription=None, customer=subscription.customer
        )
        client = api(alice)

        def ids(query: str) -> set[str]:
            return {row["id"] for row in client.get(f"{LIST}?{query}").json()["data"]}

        assert ids("status=open") == {str(waiting.pk)}
        assert ids(f"subscription={subscription.pk}") == {str(paid.pk), str(waiting.pk)}
        assert ids("") == {str(paid.pk), str(waiting.pk), str(other.pk)}

    @pytest.mark.parametrize("query", ["status=lost", "subscription=sub_1"])
    def test_refuses_a_filter_that_makes_no_sense(self, api: Api, alice: User, query: str) -> None:
        answer = api(alice).get(f"{LIST}?{query}")

        assert answer.status_code == 400
        assert list(answer.json()["error"]["fields"]) == [query.partition("=")[0]]

    def test_shows_neither_other_tenants_nor_the_organizations_own_customers(
        self, api: Api, alice: User, org: Organization, other_org: Organization
    ) -> None:
        InvoiceFactory.create(subscription=SubscriptionFactory.create(organization=other_org))
        guest = CustomerFactory.create(organization=org, reference="guest-1")
        InvoiceFactory.create(
            subscription=SubscriptionFactory.create(organization=org, customer=guest)
        )

        assert api(alice).get(LIST).json()["data"] == []

    def test_costs_as_many_questions_for_twenty_as_for_one(
        self, api: Api, alice: User, subscription: Any
    ) -> None:
        client = api(alice)

        def cost() -> int:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                client.get(LIST)
            return len(queries)

        InvoiceDeliveryFactory.create(invoice=InvoiceFactory.create(subscription=subscription))
        cost()
        one = cost()
        for _ in range(5):
            invoice = InvoiceFactory.create(subscription=subscription)
            InvoiceLineFactory.create(invoice=invoice, position=2)
            InvoiceDeliveryFactory.create(invoice=invoice)

        assert cost() == one


class TestDetail:
    def test_a_draft_has_neither_number_nor_file(
        self, api: Api, bob: User, subscription: Any
    ) -> None:
        draft = InvoiceFactory.create(subscription=subscription, draft=True)

        shown = api(bob).get(path_of(draft)).json()

        assert (shown["number"], shown["pdf_url"], shown["status"]) == (None, None, "draft")
        refused = api(bob).get(path_of(draft, "/pdf"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "CONFLICT")

    @pytest.mark.parametrize("rest", ["", "/pdf"])
    def test_is_there_under_both_spellings_of_the_tenant(
        self, api: Api, alice: User, org: Organization, subscription: Any, rest: str
    ) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)
        long = f"/api/v1/billing/tenants/{org.pk}/invoices/{invoice.pk}{rest}"

        for path in (path_of(invoice, rest), long, f"{long}/"):
            assert api(alice).get(path).status_code == 200

    @pytest.mark.parametrize("rest", ["", "/pdf", "/send"])
    def test_of_another_tenant_is_not_found(
        self, api: Api, charlie: User, subscription: Any, rest: str
    ) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)
        client = api(charlie)
        call = client.post if rest == "/send" else client.get

        refusals = [call(path_of(invoice, rest)), call(f"{LIST}/{uuid.uuid4()}{rest}")]
        refusals.append(call(f"{LIST}/in_1{rest}"))

        assert {answer.status_code for answer in refusals} == {404}
        assert {answer.json()["error"]["code"] for answer in refusals} == {"NOT_FOUND"}
        assert not InvoiceDelivery.objects.exists()

    def test_nobody_sees_it_without_a_credential(self, api: Api, subscription: Any) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)

        assert api().get(path_of(invoice)).status_code == 401


class TestPdf:
    def test_is_our_own_file(self, api: Api, bob: User, subscription: Any) -> None:
        invoice = InvoiceFactory.create(subscription=subscription, number="ACME-0007")
        RefundFactory.create(invoice=invoice)

        answer = api(bob).get(path_of(invoice, "/pdf"))

        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.headers["Content-Disposition"] == 'inline; filename="invoice-ACME-0007.pdf"'
        assert answer.headers["Cache-Control"] == "private, no-store"
        text = PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
        assert "Invoice ACME-0007" in text
        assert "Refund of" in text

    def test_comes_whatever_the_caller_accepts(
        self, api: Api, bob: User, subscription: Any
    ) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)

        answer = api(bob).get(path_of(invoice, "/pdf"), HTTP_ACCEPT="application/pdf")

        assert answer.headers["Content-Type"] == "application/pdf"


class TestSend:
    def test_queues_a_copy_to_where_invoices_go(
        self, api: Api, alice: User, subscription: Any
    ) -> None:
        subscription.billing_email = "bills@acme.test"
        subscription.save()
        invoice = InvoiceFactory.create(subscription=subscription)

        answers = [api(alice).post(path_of(invoice, "/send")) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].json() == {
            "kind": "copy",
            "to": "bills@acme.test",
            "sent_at": None,
            "status": "queued",
        }
        assert sorted(InvoiceDelivery.objects.values_list("kind", "number")) == [
            ("copy", 1),
            ("copy", 2),
        ]
        assert Message.objects.filter(kind="invoice", to="bills@acme.test").count() == 2

    def test_the_same_key_sends_once(self, api: Api, alice: User, subscription: Any) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)

        answers = [
            api(alice).post(path_of(invoice, "/send"), HTTP_IDEMPOTENCY_KEY="once")
            for _ in range(2)
        ]

        assert answers[1].headers["Idempotent-Replayed"] == "true"
        assert InvoiceDelivery.objects.count() == 1

    def test_a_draft_is_not_sent(self, api: Api, alice: User, subscription: Any) -> None:
        draft = InvoiceFactory.create(subscription=subscription, draft=True)

        answer = api(alice).post(path_of(draft, "/send"))

        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CONFLICT")
        assert not Message.objects.exists()

    def test_somebody_who_may_only_look_may_not_send(
        self, api: Api, bob: User, subscription: Any
    ) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)

        assert api(bob).post(path_of(invoice, "/send")).status_code == 403
        assert not Message.objects.exists()

    def test_the_billing_role_may(self, api: Api, org: Organization, subscription: Any) -> None:
        clerk = UserFactory.create()
        MembershipFactory.create(organization=org, user=clerk, role=Role.BILLING)
        invoice = InvoiceFactory.create(subscription=subscription)

        assert api(clerk).post(path_of(invoice, "/send")).status_code == 201

    def test_nobody_floods_a_mailbox(self, api: Api, alice: User, subscription: Any) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)
        client = api(alice)

        answers = [client.post(path_of(invoice, "/send")) for _ in range(31)]

        assert {answer.status_code for answer in answers[:30]} == {201}
        assert answers[30].status_code == 429
        assert InvoiceDelivery.objects.count() == 30

    def test_an_unknown_field_is_refused(self, api: Api, alice: User, subscription: Any) -> None:
        invoice = InvoiceFactory.create(subscription=subscription)

        answer = api(alice).post(
            path_of(invoice, "/send"), {"to": "stranger@example.com"}, format="json"
        )

        assert answer.status_code == 400
        assert not Message.objects.exists()
