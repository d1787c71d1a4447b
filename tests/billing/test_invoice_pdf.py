"""Our own PDF of an invoice: what stands in it, in every script, and always the same."""

import io
import itertools
from datetime import timedelta
from typing import Any

import pytest
from pypdf import PdfReader

from billing.enums import InvoiceStatus, RefundStatus
from billing.models import Invoice
from billing.selectors import invoices
from billing.services import invoice_pdf, pdf_fonts
from tests.factories import OrganizationFactory
from tests.factories_billing import NOW, SubscriptionFactory
from tests.factories_invoices import (
    CreditNoteFactory,
    InvoiceFactory,
    InvoiceLineFactory,
    RefundFactory,
)

pytestmark = pytest.mark.django_db

SELLER = {
    "name": "Till Payments Ltd",
    "address": "1 Main Street|12345 Springfield",
    "vat_id": "GB123456789",
    "note": "Registered in Springfield, no. 42",
}


@pytest.fixture(autouse=True)
def seller(settings: Any) -> None:
    settings.SELLER = SELLER
    settings.SUPPORT_EMAIL = "help@till.test"


def printed(invoice: Invoice) -> bytes:
    return invoice_pdf.render(invoices.paper_of(invoice))


def pages_of(invoice: Invoice) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(printed(invoice))).pages]


def rows_of(invoice: Invoice) -> list[str]:
    rows = "\n".join(pages_of(invoice)).splitlines()
    return [" ".join(row.split()) for row in rows]


def letters_of(invoice: Invoice) -> str:
    """Everything that is printed, without spaces and what readers put between letters."""
    text = "".join(pages_of(invoice))
    return "".join(letter for letter in text if letter.isprintable() and not letter.isspace())


class TestRender:
    def test_prints_a_paid_invoice_line_by_line(self) -> None:
        invoice = InvoiceFactory.create(
            number="ACME-0042",
            payer_name="Acme GmbH",
            payer_email="bills@acme.test",
            payer_address=["Hauptstraße 1", "10115 Berlin", "DE"],
            payer_tax_ids=["DE123456789"],
        )

        assert rows_of(invoice) == [
            "Till Payments Ltd",
            "Invoice ACME-0042",
            "Issued 1 March 2026",
            "Paid 1 March 2026",
            "PAID",
            "From",
            "Till Payments Ltd",
            "1 Main Street",
            "12345 Springfield",
            "VAT ID GB123456789",
            "help@till.test",
            "Bill to",
            "Acme GmbH",
            "Hauptstraße 1",
            "10115 Berlin",
            "DE",
            "Tax ID DE123456789",
            "bills@acme.test",
            "Description Quantity Amount",
            "1 $29.001 × Starter (at $29.00 / month)",  # noqa: RUF001 - as Stripe writes it
            "1 March 2026 to 1 April 2026",
            "Subtotal $29.00",
            "Total $29.00",
            "Paid -$29.00",
            "Registered in Springfield, no. 42 Page 1 of 1",
        ]

    def test_prints_what_is_to_be_paid_and_until_when(self) -> None:
        rows = rows_of(InvoiceFactory.create(open=True))

        assert "Due 31 March 2026" in rows
        assert "Amount due $29.00" in rows
        assert "PAID" not in rows
        assert not any(row.startswith("Paid") for row in rows)

    def test_prints_discount_tax_credit_and_what_was_paid(self) -> None:
        invoice = InvoiceFactory.create(
            currency="EUR",
            subtotal_minor=10000,
            discount_minor=2000,
            tax_minor=1520,
            total_minor=9520,
            amount_due_minor=9000,
            amount_paid_minor=8000,
            paid_elsewhere_minor=1000,
        )

        rows = rows_of(invoice)
        sums = rows[rows.index("Subtotal €100.00") : -1]
        assert sums == [
            "Subtotal €100.00",
            "Discount -€20.00",
            "Tax €15.20",
            "Total €95.20",
            "Credit applied -€5.20",
            "Paid -€90.00",
        ]

    def test_says_that_tax_was_in_the_prices(self) -> None:
        invoice = InvoiceFactory.create(tax_minor=463)

        assert "Tax (included) $4.63" in rows_of(invoice)

    def test_prints_what_was_credited_and_given_back(self) -> None:
        invoice = InvoiceFactory.create()
        CreditNoteFactory.create(invoice=invoice, number="CN-1", memo="One day of outage")
        CreditNoteFactory.create(invoice=invoice, number="CN-2", status="void")
        RefundFactory.create(invoice=invoice, requested_at=NOW + timedelta(days=2))
        RefundFactory.create(invoice=invoice, status=RefundStatus.FAILED, amount_minor=77)

        rows = rows_of(invoice)
        assert rows[rows.index("Credits and refunds") : -1] == [
            "Credits and refunds",
            "-$10.00Credit note CN-1 of 1 March 2026: One day of outage",
            "-$5.00Refund of 3 March 2026",
        ]

    def test_stamps_a_void_one(self) -> None:
        invoice = InvoiceFactory.create(status=InvoiceStatus.VOID, paid_at=None)

        assert "VOID" in rows_of(invoice)

    def test_prints_yen_without_decimals(self) -> None:
        assert "Total ¥2,900" in rows_of(InvoiceFactory.create(currency="JPY"))

    @pytest.mark.parametrize(
        "name",
        [
            "Łódź Żółw",
            "Ελληνικά Καφές",
            "Кафе Привет",
            "東京カフェ株式会社",
            "서울 카페",
            "北京咖啡馆",
            "ไทย ร้านกาแฟ",
            "ქართული",
        ],
    )
    def test_prints_names_in_their_own_script(self, name: str) -> None:
        invoice = InvoiceFactory.create(payer_name=name)

        assert "".join(name.split()) in letters_of(invoice)

    @pytest.mark.parametrize("name", ["مقهى القاهرة", "שלום עולם", "हिन्दी कैफ़े"])
    def test_prints_every_letter_of_scripts_that_are_shaped(self, name: str) -> None:
        """Readers extract these in another order: what counts is that no letter is missing."""
        invoice = InvoiceFactory.create(payer_name=name)

        assert set("".join(name.split())) <= set(letters_of(invoice))

    @pytest.mark.parametrize(
        ("text", "fonts"),
        [
            ("Łódź Καφές Кафе", []),
            ("مقهى", ["NotoSansArabic[wght].ttf"]),
            ("東京 서울", ["NotoSansCJKjp-Regular.otf"]),
            ("ไทย שלום", ["NotoSansHebrew[wght].ttf", "NotoSansThai[wght].ttf"]),
        ],
    )
    def test_loads_only_the_fonts_it_needs(self, text: str, fonts: list[str]) -> None:
        assert [path.name for path in pdf_fonts.fallbacks_for(text)] == fonts

    def test_is_the_same_file_each_time(self) -> None:
        invoice = InvoiceFactory.create(payer_name="東京 Łódź")

        assert printed(invoice) == printed(Invoice.objects.get())

    def test_names_the_payer_as_it_was_when_the_invoice_was_made(self) -> None:
        organization = OrganizationFactory.create(name="New Name")
        subscription = SubscriptionFactory.create(organization=organization)
        invoice = InvoiceFactory.create(subscription=subscription, payer_name="Old Name")

        rows = rows_of(invoice)

        assert "Old Name" in rows
        assert "New Name" not in rows

    def test_goes_on_to_further_pages(self) -> None:
        invoice = InvoiceFactory.create(lines=False)
        for position in range(1, 61):
            InvoiceLineFactory.create(
                invoice=invoice,
                position=position,
                description=f"Line number {position}",
                amount_minor=position,
            )

        pages = pages_of(invoice)

        assert len(pages) == 4
        rows = [" ".join(row.split()) for row in "\n".join(pages).splitlines()]
        numbered = [row.partition("Line")[2] for row in rows if "Line number" in row]
        assert numbered == [f" number {position}" for position in range(1, 61)]
        # Each amount stands on the page of its line.
        for page, position in itertools.product(pages, range(1, 61)):
            assert (f"$0.{position:02d}Line number {position}\n" in page) == (
                f"Line number {position}\n" in page
            )
        assert pages[0].rstrip().endswith("Page 1 of 4")

    def test_a_long_description_takes_the_lines_it_needs(self) -> None:
        invoice = InvoiceFactory.create(lines=False)
        InvoiceLineFactory.create(invoice=invoice, description="Consulting and more. " * 30)

        text = " ".join(rows_of(invoice))

        assert text.count("Consulting and more.") == 30

    def test_control_characters_do_not_reach_the_page(self) -> None:
        invoice = InvoiceFactory.create(payer_name="Bad\x07\nName")

        assert "Bad Name" in rows_of(invoice)


class TestFilename:
    @pytest.mark.parametrize(
        ("number", "name"),
        [
            ("ACME-0001", "invoice-ACME-0001.pdf"),
            ('..//"\r\nX', "invoice-X.pdf"),
            ("№ 7", "invoice-7.pdf"),
        ],
    )
    def test_is_harmless_in_a_header(self, number: str, name: str) -> None:
        assert invoice_pdf.filename(Invoice(number=number)) == name
