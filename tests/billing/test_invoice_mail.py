"""Invoices by mail: which, to whom, once; and the proof that all were sent."""

from datetime import timedelta
from typing import Any

import pytest

from billing.enums import InvoiceStatus
from billing.errors import InvoiceNotReady
from billing.models import Invoice, InvoiceDelivery, Subscription
from billing.selectors import invoices as selectors
from billing.services import invoice_deliveries, invoice_mail
from notifications.models import Message, MessageState
from tests.billing.builders import NOW, make_organization, make_subscription
from tests.billing.invoice_mail_steps import deliver, renewal_failed
from tests.billing.invoice_steps import converge, draft, paid, snapshot_of
from tests.factories_billing import CustomerFactory, SubscriptionFactory
from tests.factories_invoices import InvoiceDeliveryFactory, InvoiceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscription() -> Subscription:
    return make_subscription(status="active")


@pytest.fixture(autouse=True)
def addresses(settings: Any) -> None:
    settings.PUBLIC_URL = "https://till.test"
    settings.SUPPORT_EMAIL = "help@till.test"


def queued() -> list[tuple[str, int, str]]:
    rows = InvoiceDelivery.objects.order_by("created_at")
    return list(rows.values_list("kind", "number", "message__kind"))


class TestWhatIsMailed:
    def test_a_paid_invoice_once(self, subscription: Subscription) -> None:
        for at, snapshot in enumerate([draft(), snapshot_of(), paid(), paid(number="X")]):
            converge(subscription, snapshot, at)

        assert queued() == [("paid", 1, "invoice")]

    def test_an_invoice_with_a_date_to_be_paid_by_and_again_when_it_was(
        self, subscription: Subscription
    ) -> None:
        due = {"due_at": NOW + timedelta(days=30)}
        for at, snapshot in enumerate([snapshot_of(**due), snapshot_of(**due), paid(**due)]):
            converge(subscription, snapshot, at)

        assert queued() == [("due", 1, "invoice"), ("paid", 1, "invoice")]

    def test_each_failed_try_at_a_renewal(self, subscription: Subscription) -> None:
        for at, count in enumerate([0, 1, 1, 2]):
            converge(subscription, renewal_failed(attempt_count=count), at)

        assert queued() == [
            ("payment_failed", 1, "payment_failed"),
            ("payment_failed", 2, "payment_failed"),
        ]

    @pytest.mark.parametrize(
        "snapshot",
        [
            draft(),
            snapshot_of(),  # charged automatically: what is mailed is how that ends
            paid(subtotal_minor=0, total_minor=0, amount_paid_minor=0),  # a trial's
            paid(subtotal_minor=-500, total_minor=-500, amount_paid_minor=0),  # a credit
            snapshot_of(attempt_count=1, billing_reason="subscription_create"),
            snapshot_of(attempt_count=1, billing_reason="subscription_update"),
            snapshot_of(status=InvoiceStatus.VOID, voided_at=NOW),
        ],
        ids=["draft", "automatic", "trial", "credit", "start", "change", "void"],
    )
    def test_nothing_else(self, subscription: Subscription, snapshot: Any) -> None:
        converge(subscription, snapshot)

        assert queued() == []
        assert not Message.objects.exists()

    def test_what_credit_covered_is_mailed_all_the_same(self, subscription: Subscription) -> None:
        converge(subscription, paid(amount_due_minor=0, amount_paid_minor=0))

        assert queued() == [("paid", 1, "invoice")]


class TestAddress:
    def test_is_the_subscriptions(self, subscription: Subscription) -> None:
        subscription.billing_email = "bills@acme.test"
        converge(subscription, paid())

        assert InvoiceDelivery.objects.get().to == "bills@acme.test"

    def test_else_the_organizations(self, subscription: Subscription) -> None:
        converge(subscription, paid())

        assert InvoiceDelivery.objects.get().to == subscription.organization.email

    def test_of_an_end_customer_is_its_own(self) -> None:
        organization = make_organization()
        guest = CustomerFactory.create(
            organization=organization, reference="guest", email="guest@example.com"
        )
        row = SubscriptionFactory.create(organization=organization, customer=guest)
        converge(row, paid())

        assert InvoiceDelivery.objects.get().to == "guest@example.com"

    def test_without_one_nothing_is_queued(self, subscription: Subscription) -> None:
        subscription.organization.email = ""
        converge(subscription, paid())

        assert not InvoiceDelivery.objects.exists()
        assert Invoice.objects.get().status == "paid"


class TestSendCopy:
    def test_queues_a_mail_of_its_own_each_time(self, subscription: Subscription) -> None:
        row = converge(subscription, paid())

        for _ in range(2):
            invoice_mail.send_copy(invoice=row, now=NOW)

        assert queued() == [("paid", 1, "invoice"), ("copy", 1, "invoice"), ("copy", 2, "invoice")]
        assert len(deliver()) == 3

    def test_refuses_a_draft(self, subscription: Subscription) -> None:
        row = converge(subscription, draft())

        with pytest.raises(InvoiceNotReady):
            invoice_mail.send_copy(invoice=row, now=NOW)

        assert queued() == []

    def test_refuses_without_an_address(self, subscription: Subscription) -> None:
        row = InvoiceFactory.create(subscription=subscription)
        row.organization.email = ""
        row.organization.save()

        with pytest.raises(InvoiceNotReady):
            invoice_mail.send_copy(invoice=row, now=NOW)

        assert queued() == []


class TestDeliverMissing:
    def test_queues_what_no_mail_has_brought(self) -> None:
        for changes in (
            {},
            {"open": True},
            {"open": True, "due_at": None, "attempt_count": 2},
            {"draft": True},
            {"total_minor": 0},
            {"open": True, "due_at": None},
        ):
            InvoiceFactory.create(**changes)

        assert invoice_deliveries.deliver_missing(now=NOW) == 3
        assert invoice_deliveries.deliver_missing(now=NOW) == 0

        assert sorted(queued()) == [
            ("due", 1, "invoice"),
            ("paid", 1, "invoice"),
            ("payment_failed", 2, "payment_failed"),
        ]

    def test_leaves_old_ones_to_staff(self) -> None:
        InvoiceFactory.create(finalized_at=NOW - timedelta(days=31))

        assert invoice_deliveries.deliver_missing(now=NOW) == 0

    def test_tries_anew_what_was_given_up_a_day_ago(self) -> None:
        delivery = InvoiceDeliveryFactory.create()
        for hours, expected in ((23, 0), (25, 1)):
            Message.objects.update(
                state=MessageState.DEAD, attempts=6, updated_at=NOW - timedelta(hours=hours)
            )
            assert invoice_deliveries.deliver_missing(now=NOW) == expected

        delivery.message.refresh_from_db()
        assert (delivery.message.state, delivery.message.attempts) == ("queued", 0)

    def test_leaves_given_up_what_another_mail_has_brought(self) -> None:
        delivery = InvoiceDeliveryFactory.create()
        copy = InvoiceDeliveryFactory.create(invoice=delivery.invoice, kind="copy")
        Message.objects.update(state=MessageState.DEAD, updated_at=NOW - timedelta(days=2))
        Message.objects.filter(pk=copy.message_id).update(state=MessageState.SENT)

        assert invoice_deliveries.deliver_missing(now=NOW) == 0


class TestDeliveryReport:
    def test_proves_that_everything_was_sent(self) -> None:
        for _ in range(2):
            InvoiceDeliveryFactory.create()
        Message.objects.update(state=MessageState.SENT)

        report = selectors.delivery_report(NOW, NOW + timedelta(days=1))

        assert (report.owed, report.delivered, report.percent) == (2, 2, "100")
        assert report.missing == []

    def test_names_what_was_not_sent(self) -> None:
        sent = InvoiceDeliveryFactory.create()
        Message.objects.filter(pk=sent.message_id).update(state=MessageState.SENT)
        waiting = InvoiceDeliveryFactory.create().invoice
        silent = InvoiceFactory.create(open=True)

        report = selectors.delivery_report(NOW, NOW + timedelta(days=1))

        assert (report.owed, report.delivered, report.percent) == (3, 1, "33.3")
        assert {row.pk for row in report.missing} == {waiting.pk, silent.pk}

    def test_one_of_a_thousand_is_not_all(self) -> None:
        report = selectors.DeliveryReport(NOW, NOW, 2000, [Invoice()])

        assert report.percent == "99.9"

    def test_nothing_to_deliver_is_delivered(self) -> None:
        InvoiceFactory.create(finalized_at=NOW - timedelta(seconds=1))
        InvoiceFactory.create(finalized_at=NOW + timedelta(days=1))
        InvoiceFactory.create(status=InvoiceStatus.VOID, voided_at=NOW, paid_at=None)
        InvoiceFactory.create(total_minor=0)

        report = selectors.delivery_report(NOW, NOW + timedelta(days=1))

        assert (report.owed, report.percent) == (0, "100")
