"""Taking over invoices: exact rows and lines, whatever the order; mails are tested apart."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.enums import InvoiceStatus
from billing.models import BillingEvent, Invoice, InvoiceLine, Subscription
from billing.services import invoices
from notifications.models import Message
from tests.billing.builders import NOW, make_organization, make_subscription
from tests.billing.invoice_steps import (
    T0,
    arrival,
    converge,
    draft,
    line_of,
    paid,
    snapshot_of,
    told,
)
from tests.factories_invoices import DisputeFactory, RefundFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscription() -> Subscription:
    return make_subscription(status="active")


class TestConvergeInvoices:
    def test_keeps_everything_the_provider_says(self, subscription: Subscription) -> None:
        snapshot = paid(
            discount_minor=100,
            tax_minor=50,
            credited_minor=7,
            paid_elsewhere_minor=3,
            due_at=NOW + timedelta(days=30),
            period_start=NOW,
            period_end=NOW + timedelta(days=31),
            next_attempt_at=NOW + timedelta(days=3),
            pdf_url="https://stripe.example/i/in_1/pdf",
            payer_email="bills@acme.test",
            payer_address=("Hauptstraße 1", "DE"),
            payer_tax_ids=("DE1",),
            lines=(line_of(1), line_of(2, amount_minor=-500, is_proration=True, quantity=3)),
        )

        row = converge(subscription, snapshot)

        fields = {
            name: value
            for name, value in dataclasses.asdict(snapshot).items()
            if not name.startswith("external_") and name not in ("lines", "organization_id")
        }
        renamed = {"created_at": "issued_at", "pdf_url": "provider_pdf_url"}
        for name, value in fields.items():
            kept = getattr(row, renamed.get(name, name))
            assert kept == (list(value) if isinstance(value, tuple) else value), name
        assert row.organization == subscription.organization
        assert row.customer == subscription.customer
        assert row.subscription == subscription
        assert row.external_payment_id == "pi_1"
        assert row.snapshot_at == T0
        lines = list(
            row.lines.values_list(
                "position", "external_id", "quantity", "amount_minor", "is_proration"
            )
        )
        assert lines == [(1, "il_1", 1, 2900, False), (2, "il_2", 3, -500, True)]
        assert {line.organization_id for line in row.lines.all()} == {row.organization_id}

    def test_tells_each_step_once_with_its_moment_and_cause(
        self, subscription: Subscription
    ) -> None:
        for at, snapshot in enumerate([draft(), snapshot_of(), snapshot_of(), paid(), paid()]):
            converge(subscription, snapshot, at)

        assert told(subscription.organization) == [
            ("billing.invoice.finalized", "Invoice ACME-0001 over $29.00 was issued."),
            ("billing.invoice.paid", "Invoice ACME-0001 over $29.00 was paid."),
        ]
        row, line = Invoice.objects.get(), BillingEvent.objects.latest("sequence")
        assert (line.object_type, line.object_id) == ("invoice", str(row.pk))
        assert line.occurred_at == NOW + timedelta(minutes=1)
        assert line.data == {"external_id": "in_1", "number": "ACME-0001"}
        assert line.cause["id"] == "evt_1"

    def test_one_that_is_first_seen_when_paid_leaves_the_same_lines(
        self, subscription: Subscription
    ) -> None:
        converge(subscription, paid())

        assert [type_ for type_, _ in told(subscription.organization)] == [
            "billing.invoice.finalized",
            "billing.invoice.paid",
        ]

    @pytest.mark.parametrize(
        ("changes", "line"),
        [
            (
                {"status": InvoiceStatus.VOID, "voided_at": NOW},
                (
                    "billing.invoice.voided",
                    "Invoice ACME-0001 was voided: nothing has to be paid for it.",
                ),
            ),
            (
                {"status": InvoiceStatus.UNCOLLECTIBLE, "written_off_at": NOW},
                (
                    "billing.invoice.uncollectible",
                    "Invoice ACME-0001 over $29.00 was written off: it was never paid.",
                ),
            ),
        ],
    )
    def test_tells_how_an_unpaid_one_ended(
        self, subscription: Subscription, changes: dict[str, Any], line: tuple[str, str]
    ) -> None:
        converge(subscription, snapshot_of())
        converge(subscription, snapshot_of(**changes), at=1)

        assert told(subscription.organization)[1:] == [line]
        assert Invoice.objects.get().status == changes["status"]

    def test_an_older_snapshot_changes_nothing(self, subscription: Subscription) -> None:
        converge(subscription, paid(), at=10)
        before = Invoice.objects.values().get()

        converge(subscription, snapshot_of(lines=(line_of(7),)), at=9)

        assert Invoice.objects.values().get() == before
        assert list(InvoiceLine.objects.values_list("external_id", flat=True)) == ["il_1"]
        assert len(told(subscription.organization)) == 2

    def test_of_two_in_one_batch_the_newer_one_counts(self, subscription: Subscription) -> None:
        invoices.converge_invoices(
            arrivals=[
                arrival(subscription, paid(), at=2),
                arrival(subscription, snapshot_of(), at=1),
            ],
            now=NOW,
        )

        assert Invoice.objects.get().status == "paid"

    def test_a_drafts_lines_are_replaced(self, subscription: Subscription) -> None:
        converge(subscription, draft(lines=(line_of(1), line_of(2))))
        converge(subscription, draft(lines=(line_of(2), line_of(3))), at=1)

        lines = InvoiceLine.objects.order_by("position").values_list("position", "external_id")
        assert list(lines) == [(1, "il_2"), (2, "il_3")]

    def test_a_part_of_the_lines_never_takes_the_place_of_all(
        self, subscription: Subscription
    ) -> None:
        converge(subscription, snapshot_of(lines=(line_of(1), line_of(2))))

        row = converge(subscription, paid(lines=(line_of(1),), has_all_lines=False), at=1)

        assert (row.status, row.has_all_lines, row.lines.count()) == ("paid", True, 2)

    def test_the_rest_of_the_lines_is_added(self, subscription: Subscription) -> None:
        row = converge(subscription, paid(lines=(line_of(1),), has_all_lines=False))
        assert not row.has_all_lines

        row = converge(subscription, paid(lines=(line_of(1), line_of(2))), at=1)

        assert (row.has_all_lines, row.lines.count()) == (True, 2)

    def test_keeps_what_it_can_of_names_that_do_not_fit(self, subscription: Subscription) -> None:
        row = converge(
            subscription,
            paid(
                payer_name="N" * 600,
                payer_address=("Main\x00 Street",),
                lines=(line_of(description="One\x00 line"),),
            ),
        )

        assert row.payer_name == "N" * 500
        assert row.payer_address == ["Main Street"]
        assert row.lines.get().description == "One line"

    def test_never_moves_to_another_tenant(self, subscription: Subscription) -> None:
        converge(subscription, snapshot_of())
        thief = make_subscription(make_organization("Thief"), status="active")

        invoices.converge_invoices(arrivals=[arrival(thief, paid(), at=1)], now=NOW)

        row = Invoice.objects.get()
        assert (row.organization, row.status) == (subscription.organization, "open")
        assert told(thief.organization) == []
        assert not Message.objects.filter(organization=thief.organization).exists()

    def test_keeps_its_subscription_when_a_snapshot_names_none(
        self, subscription: Subscription
    ) -> None:
        converge(subscription, snapshot_of())

        alone = dataclasses.replace(arrival(subscription, paid(), at=1), subscription=None)
        invoices.converge_invoices(arrivals=[alone], now=NOW)

        row = Invoice.objects.get()
        assert (row.subscription, row.status) == (subscription, "paid")

    def test_finds_what_was_given_back_before_it_was_known(
        self, subscription: Subscription
    ) -> None:
        organization = subscription.organization
        about = {"organization": organization, "invoice": None, "external_payment_id": "pi_1"}
        refund, dispute = RefundFactory.create(**about), DisputeFactory.create(**about)
        other = RefundFactory.create(
            organization=make_organization(), invoice=None, external_payment_id="pi_1"
        )

        row = converge(subscription, paid())

        for found in (refund, dispute, other):
            found.refresh_from_db()
        assert (refund.invoice, dispute.invoice, other.invoice) == (row, row, None)
        assert row.refunded_minor == 500

    def test_keeps_what_was_refunded_when_it_comes_again(self, subscription: Subscription) -> None:
        row = converge(subscription, paid())
        Invoice.objects.update(refunded_minor=500)

        converge(subscription, paid(hosted_url="https://stripe.example/new"), at=1)

        row.refresh_from_db()
        assert (row.refunded_minor, row.hosted_url) == (500, "https://stripe.example/new")

    def test_costs_two_statements_for_many_that_have_not_changed(self) -> None:
        arrivals = []
        for number in range(5):
            one = make_subscription(make_organization(), status="active")
            snapshot = snapshot_of(
                external_id=f"in_{number}", lines=(line_of(), line_of(2), line_of(3))
            )
            converge(one, snapshot)
            arrivals.append(arrival(one, snapshot, at=1))

        with CaptureQueriesContext(connection) as statements:
            invoices.converge_invoices(arrivals=arrivals, now=NOW)

        assert [query["sql"].split()[0] for query in statements] == ["SELECT", "UPDATE"]
        assert set(Invoice.objects.values_list("snapshot_at", flat=True)) == {
            T0 + timedelta(seconds=1)
        }

    def test_nothing_costs_nothing(self) -> None:
        with CaptureQueriesContext(connection) as statements:
            assert invoices.converge_invoices(arrivals=[], now=NOW) == []

        assert len(statements) == 0


class TestDropDraft:
    def test_forgets_a_draft(self, subscription: Subscription) -> None:
        converge(subscription, draft())

        assert invoices.drop_draft(provider="stripe", external_id="in_1")

        assert not Invoice.objects.exists()
        assert not InvoiceLine.objects.exists()

    def test_keeps_a_document(self, subscription: Subscription) -> None:
        converge(subscription, snapshot_of())

        assert not invoices.drop_draft(provider="stripe", external_id="in_1")

        assert Invoice.objects.get().lines.count() == 1
