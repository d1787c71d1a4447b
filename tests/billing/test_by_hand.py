"""Transfers that staff saw: in full, in part, one too many; and invoices that are given up."""

from datetime import date

import pytest

from billing.errors import NotPossibleNow
from billing.models import Case, Invoice, ManualPayment, Obligation, PaymentAttempt
from billing.services import by_hand, late_winners
from orgs import clock
from orgs.errors import InvalidRequest
from orgs.models import Organization
from tests.billing.enterprise_steps import (
    AMOUNT,
    STAFF,
    agree,
    invoice_of,
    later,
    pay,
    run_books,
)
from tests.billing.invoice_event_steps import Shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]


@pytest.fixture
def invoice(organization: Organization) -> Invoice:
    """The first invoice of an agreement, open."""
    return invoice_of(agree(organization))


def tries(invoice: Invoice) -> list[tuple[str, str, str]]:
    rows = PaymentAttempt.objects.filter(obligation__invoice_external_id=invoice.external_id)
    return list(rows.order_by("number").values_list("kind", "state", "external_id"))


def debt_of(invoice: Invoice) -> Obligation:
    found: Obligation = Obligation.objects.get(invoice_external_id=invoice.external_id)
    return found


class TestMarkPaid:
    def test_in_full_pays_the_invoice(self, invoice: Invoice) -> None:
        pay(invoice)

        assert (invoice.status, invoice.amount_remaining_minor) == ("paid", 0)
        assert (invoice.amount_paid_minor, invoice.paid_elsewhere_minor) == (0, AMOUNT)
        row = ManualPayment.objects.get()
        assert (row.amount_minor, row.currency, row.reference, row.received_on) == (
            AMOUNT,
            "EUR",
            "ZB-77",
            date(2026, 12, 1),
        )
        assert not row.is_too_much
        assert tries(invoice) == [("manual", "succeeded", "ZB-77")]
        assert (debt_of(invoice).state, debt_of(invoice).amount_minor) == ("settled", AMOUNT)

    def test_parts_add_up(self, invoice: Invoice) -> None:
        pay(invoice, 50_000, "ZB-1")
        assert (invoice.status, invoice.amount_remaining_minor) == ("open", AMOUNT - 50_000)
        assert debt_of(invoice).state == "open"

        pay(invoice, AMOUNT - 50_000, "ZB-2")

        assert (invoice.status, invoice.amount_remaining_minor) == ("paid", 0)
        assert [row.reference for row in invoice.manual_payments.all()] == ["ZB-1", "ZB-2"]
        assert debt_of(invoice).state == "settled"
        assert [kind for kind, _, _ in tries(invoice)] == ["manual", "manual"]

    def test_the_same_payment_counts_once(self, invoice: Invoice) -> None:
        first = pay(invoice, 50_000)

        assert pay(invoice, 50_000) == first
        assert invoice.amount_remaining_minor == AMOUNT - 50_000

    def test_the_same_reference_with_another_amount_is_a_mistake(self, invoice: Invoice) -> None:
        pay(invoice, 50_000)

        with pytest.raises(InvalidRequest) as caught:
            pay(invoice, 60_000)

        assert list(caught.value.fields) == ["reference"]

    @pytest.mark.parametrize("amount", [AMOUNT + 1, 0, -1])
    def test_takes_no_amount_that_is_not_owed(self, invoice: Invoice, amount: int) -> None:
        with pytest.raises(InvalidRequest) as caught:
            pay(invoice, amount)

        assert list(caught.value.fields) == ["amount"]
        assert not ManualPayment.objects.exists()
        assert tries(invoice) == []

    def test_an_overdue_subscription_comes_back(
        self, invoice: Invoice, organization: Organization
    ) -> None:
        run_books(later(days=15))
        row = invoice.subscription
        assert row is not None
        row.refresh_from_db()
        assert row.status == "past_due"

        pay(invoice)

        row.refresh_from_db()
        assert row.status == "active"

    def test_of_a_provider_that_keeps_the_books_is_refused(self, shop: Shop) -> None:
        with pytest.raises(NotPossibleNow):
            pay(shop.invoice, 2900)


class TestPaidTwice:
    def test_a_transfer_for_a_paid_invoice_is_kept_and_opens_a_case(self, invoice: Invoice) -> None:
        pay(invoice)

        row = pay(invoice, AMOUNT, "ZB-78")

        assert row.is_too_much
        case = Case.objects.get()
        assert (case.kind, case.state) == ("late_winner", "open")
        assert case.summary == (
            f"A transfer of €1,200.00 (ZB-78) came for invoice {invoice}, which was paid already: "
            "transfer it back."
        )
        assert tries(invoice) == [("manual", "succeeded", "ZB-77")]

    def test_nothing_can_be_given_back_by_a_click(self, invoice: Invoice) -> None:
        pay(invoice)
        pay(invoice, AMOUNT, "ZB-78")

        with pytest.raises(NotPossibleNow, match="transfer it back by hand"):
            late_winners.find_remedy(case=Case.objects.get())


class TestWriteOff:
    def test_gives_an_invoice_up_that_can_still_be_paid(self, invoice: Invoice) -> None:
        by_hand.write_off(invoice=invoice, cause=STAFF, now=clock.now())
        invoice.refresh_from_db()
        assert invoice.status == "uncollectible"

        pay(invoice)

        assert invoice.status == "paid"

    def test_leaves_what_is_paid(self, invoice: Invoice) -> None:
        pay(invoice)

        with pytest.raises(NotPossibleNow):
            by_hand.write_off(invoice=invoice, cause=STAFF, now=clock.now())
