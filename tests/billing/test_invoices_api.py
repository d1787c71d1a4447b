"""The list of invoices over HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notifications.models import Message, MessageState
from orgs.models import Organization, User
from tests.conftest import Api
from tests.factories_billing import NOW, CustomerFactory, SubscriptionFactory
from tests.factories_invoices import InvoiceDeliveryFactory, InvoiceFactory, InvoiceLineFactory

pytestmark = pytest.mark.django_db


LIST = "/api/v1/billing/invoices"


@pytest.fixture
def subscription(org: Organization) -> Any:
    return SubscriptionFactory.create(organization=org)


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
