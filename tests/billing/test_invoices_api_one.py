"""One invoice over HTTP: shown, its file, and sending it again."""

import io
import uuid
from typing import Any

import pytest
from pypdf import PdfReader

from billing.models import InvoiceDelivery
from notifications.models import Message
from orgs.models import Organization, Role, User
from tests.conftest import Api
from tests.factories import MembershipFactory, UserFactory
from tests.factories_billing import SubscriptionFactory
from tests.factories_invoices import InvoiceFactory, RefundFactory

pytestmark = pytest.mark.django_db


LIST = "/api/v1/billing/invoices"


@pytest.fixture
def subscription(org: Organization) -> Any:
    return SubscriptionFactory.create(organization=org)


def path_of(invoice: Any, rest: str = "") -> str:
    return f"{LIST}/{invoice.pk}{rest}"


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
