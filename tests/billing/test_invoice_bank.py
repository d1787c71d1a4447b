"""Where an invoice that is sent is transferred to: on our PDF, and only while it is owed."""

import io

import pytest
from pypdf import PdfReader

from billing.models import BankAccount, Invoice
from billing.selectors import invoices
from billing.services import invoice_pdf
from orgs.models import Organization
from tests.billing.enterprise_steps import AMOUNT, agree, invoice_of, pay
from tests.billing.invoice_event_steps import Shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]


@pytest.fixture(autouse=True)
def accounts(db: None) -> None:
    BankAccount.objects.create(
        currency="EUR",
        holder="Till Payments Ltd",
        number="DE02 1203 0000 0000 2020 51",
        code="BYLADEM1001",
        bank="DKB Berlin",
    )
    BankAccount.objects.create(currency="USD", holder="Till Inc", number="000123456789")


@pytest.fixture
def invoice(organization: Organization) -> Invoice:
    return invoice_of(agree(organization))


def rows_of(invoice: Invoice) -> list[str]:
    file = invoice_pdf.render(invoices.paper_of(invoice))
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(file)).pages)
    return [" ".join(row.split()) for row in text.splitlines()]


def test_stands_on_what_is_to_be_transferred(invoice: Invoice) -> None:
    rows = rows_of(invoice)

    assert invoice.due_at is not None
    due = f"{invoice.due_at:%-d %B %Y}"
    first = rows.index(f"Please transfer €1,200.00 by {due}")
    assert " ".join(rows[first + 1 :]).startswith(
        "Account holder Till Payments Ltd "
        "IBAN / account DE02 1203 0000 0000 2020 51 "
        "BIC / routing code BYLADEM1001 "
        "Bank DKB Berlin "
        f"Reference {invoice.number}"
    )


def test_asks_for_what_is_left(invoice: Invoice) -> None:
    pay(invoice, 20_000)

    rows = rows_of(invoice)
    assert any(row.startswith("Please transfer €1,000.00 by ") for row in rows)
    assert "Paid -€200.00" in rows


def test_is_left_out_once_it_is_paid(invoice: Invoice) -> None:
    pay(invoice, AMOUNT)

    assert not any("DE02" in row or "Please transfer" in row for row in rows_of(invoice))


def test_is_left_out_without_an_account_in_the_currency(invoice: Invoice) -> None:
    BankAccount.objects.filter(currency="EUR").delete()

    assert not any("Please transfer" in row for row in rows_of(invoice))


def test_is_left_out_where_a_card_is_charged(shop: Shop) -> None:
    assert not any("Please transfer" in row for row in rows_of(shop.invoice))


def test_is_the_same_file_each_time(invoice: Invoice) -> None:
    paper = invoices.paper_of(invoice)

    assert invoice_pdf.render(paper) == invoice_pdf.render(invoices.paper_of(invoice))
