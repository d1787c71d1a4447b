"""Receipts of payments in person: as text, as a file, and by mail."""

import io
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from pypdf import PdfReader

from billing.models import BillingProfile
from notifications import services as notifications
from notifications.models import Message
from orgs.models import User
from terminals.models import Terminal, TerminalPayment
from terminals.services import receipt_mail, receipts
from tests.conftest import Api
from tests.terminals.api_steps import key_of, payment_at, refusal
from tests.terminals.till_steps import Till

pytestmark = pytest.mark.django_db

WIDTH = 42


def text_of(content: bytes) -> str:
    pages = PdfReader(io.BytesIO(content)).pages
    return " ".join("\n".join(page.extract_text() for page in pages).replace("\0", "").split())


def lines_of(till: Till, payment: TerminalPayment) -> list[tuple[str, ...]]:
    """The lines of a receipt, each cut where its words and its value part."""
    text = receipts.as_text(receipts.make(till.again(payment)))
    return [tuple(part for part in line.strip().split("  ") if part) for line in text.splitlines()]


class TestText:
    def test_says_what_was_paid_how_and_where(self, waiting: Till) -> None:
        Terminal.objects.update(location="12 Market Street, Springfield")
        waiting.bank.tip_minor = 200
        payment = waiting.sell(asks_for_tip=True, reference="Table 7")
        TerminalPayment.objects.filter(pk=payment.pk).update(
            card={**payment.card, "emv": {"account_type": "credit", "TSI": "E800"}}
        )

        lines = lines_of(waiting, payment)

        taken_at = payment.captured_at
        assert taken_at is not None
        assert lines[:2] == [("Acme",), ("12 Market Street, Springfield",)]
        assert (f"Receipt {payment.pk.hex[:10].upper()}",) in lines
        assert (f"{taken_at:%-d %B %Y, %H:%M} UTC",) in lines
        assert [tuple(p.strip() for p in line) for line in lines[6:]] == [
            ("-" * WIDTH,),
            ("Amount", "$12.50"),
            ("Tip", "$2.00"),
            ("Total paid", "$14.50"),
            ("-" * WIDTH,),
            ("Visa", "**** 4242"),
            ("Read by", "Chip"),
            ("Holder", "PIN verified"),
            ("Application", "VISA CREDIT"),
            ("AID", "A0000000031010"),
            ("Authorization", "123456"),
            ("TSI", "E800"),
            ("Account type", "credit"),
            ("Reference", "Table 7"),
            ("-" * WIDTH,),
            ("Customer copy",),
        ]

    def test_names_the_merchants_address_where_no_place_is_known(self, told: Till) -> None:
        BillingProfile.objects.create(
            organization=told.organization,
            line1="1 Long Harbour Promenade",
            city="Springfield",
            postal_code="62701",
            region="IL",
            country="US",
        )

        lines = lines_of(told, told.sell())

        assert lines[1:4] == [("1 Long Harbour Promenade, 62701",), ("Springfield IL, US",), ()]

    def test_fits_the_paper(self, waiting: Till) -> None:
        payment = waiting.sell(reference="x" * 100)

        text = receipts.as_text(receipts.make(payment))

        wide = [line for line in text.splitlines() if len(line) > WIDTH]
        assert wide == ["x" * 100]

    def test_says_what_went_back(self, till: Till) -> None:
        payment = till.sell()
        till.refund(payment, 250)
        till.refund(payment, 500)

        said = [" ".join(line).split() for line in lines_of(till, payment)]

        assert [line[-1] for line in said if line[:2] == ["Refund", "of"]] == ["-$2.50", "-$5.00"]
        assert ["Left", "of", "it", "$5.00"] in said

    def test_of_a_part_that_was_captured(self, till: Till) -> None:
        payment = till.sell(capture_method="manual")
        till.capture(payment, 1000)

        assert ("Total paid", "$10.00") in [
            tuple(part.strip() for part in line) for line in lines_of(till, payment)
        ]

    def test_leaves_out_what_only_stripe_understands(self, told: Till) -> None:
        Terminal.objects.update(location="tml_123")

        assert "tml_123" not in receipts.as_text(receipts.make(told.sell()))

    def test_there_is_none_while_nothing_is_paid(self, till: Till) -> None:
        for payment in (
            till.open(process=False),
            till.sell("decline"),
            till.sell(capture_method="manual"),
        ):
            assert not receipts.is_ready(payment)
            with pytest.raises(receipts.ReceiptNotReady):
                receipts.make(payment)


class TestHttp:
    def test_is_text_unless_asked_for_as_a_file(self, counter: Any, till: Till) -> None:
        payment = till.sell()
        path = payment_at(payment, "/receipt")

        def got(query: Any = None, **headers: str) -> tuple[str, bool]:
            answer = counter.get(path, query or {}, **headers)
            assert answer.status_code == 200, answer.content
            return answer["Content-Type"], answer.content.startswith(b"%PDF")

        text, pdf = ("text/plain; charset=utf-8", False), ("application/pdf", True)
        assert got() == got(HTTP_ACCEPT="*/*") == got(HTTP_ACCEPT="text/plain") == text
        assert got(HTTP_ACCEPT="application/pdf") == pdf
        assert got({"format": "pdf"}) == got({"format": "pdf"}, HTTP_ACCEPT="text/plain") == pdf
        assert got({"format": "text"}, HTTP_ACCEPT="application/pdf") == text
        answer = counter.get(path, {"format": "docx"})
        assert refusal(answer) == (400, "INVALID_REQUEST", {"format"})

    def test_is_never_stored_on_the_way(self, counter: Any, till: Till) -> None:
        answer = counter.get(payment_at(till.sell(), "/receipt"))

        assert answer["Cache-Control"] == "private, no-store"

    @pytest.mark.parametrize("accept", ["application/pdf", "text/plain", "*/*"])
    def test_of_what_is_not_paid_is_a_conflict(self, counter: Any, till: Till, accept: str) -> None:
        path = payment_at(till.sell(capture_method="manual"), "/receipt")

        answer = counter.get(path, HTTP_ACCEPT=accept)

        assert answer["Content-Type"] == "application/json"
        assert refusal(answer)[:2] == (409, "CONFLICT")

    def test_is_an_object_of_its_payment(self, counter: Any, till: Till) -> None:
        till.bank.tip_minor = 200
        payment = till.sell(asks_for_tip=True)
        till.refund(payment, 450)

        shown = counter.get(payment_at(payment)).json()["receipt"]

        assert {name: shown[name] for name in ("amount", "tip", "total", "refunded")} == {
            "amount": 1250,
            "tip": 200,
            "total": 1450,
            "refunded": 450,
        }
        assert shown["card"]["aid"] == "A0000000031010"
        assert shown["card"]["last4"] == "4242"
        assert shown["amount_decimal"] == "14.50"
        for name, start in (("pdf_url", b"%PDF"), ("text_url", b" ")):
            path = shown[name].removeprefix(settings.PUBLIC_URL)
            assert counter.get(path).content.startswith(start)


class TestPdf:
    def test_says_the_same_in_the_same_bytes(self, api: Api, waiting: Till, bob: User) -> None:
        payment = waiting.sell(reference="Table 7")
        waiting.refund(payment, 250)
        path = payment_at(payment, "/receipt?format=pdf")

        first, again = api(bob).get(path), api(bob).get(path)

        assert first.content == again.content
        text = text_of(first.content)
        for words in ("Acme", "$12.50", "-$2.50", "A0000000031010", "Table 7", "PIN verified"):
            assert words in text
        assert f"receipt-{receipts.number_of(payment)}.pdf" in first["Content-Disposition"]

    def test_in_every_script(self, api: Api, waiting: Till, bob: User) -> None:
        waiting.organization.name = "寿司バー Ωμέγα"
        waiting.organization.save()
        Terminal.objects.update(label="入口", location="Straße 7")

        text = text_of(api(bob).get(payment_at(waiting.sell(), "/receipt?format=pdf")).content)

        assert "寿司バー" in text
        assert "Ωμέγα" in text
        assert "入口" in text


class TestMail:
    def test_brings_the_receipt_with_its_file(self, counter: Any, till: Till) -> None:
        payment = till.sell(reference="Table 7")

        answer = counter.post(
            payment_at(payment, "/receipt/send"), {"email": "guest@example.com"}, format="json"
        )

        assert answer.status_code == 201
        assert answer.json() == {"to": "guest@example.com", "sent_at": None, "status": "queued"}
        message = Message.objects.get()
        assert message.organization == till.organization
        assert notifications.deliver_message(message_id=message.pk, now=message.next_attempt_at)
        (sent,) = mail.outbox
        assert sent.to == ["guest@example.com"]
        assert sent.subject == "Your receipt from Acme"
        assert "$12.50" in sent.body
        assert "A0000000031010" in sent.body
        ((name, content, kind),) = sent.attachments
        assert (name, kind) == (f"receipt-{receipts.number_of(payment)}.pdf", "application/pdf")
        assert isinstance(content, bytes)
        assert "Table 7" in text_of(content)

    def test_is_sent_again_when_asked_for_again(self, till: Till) -> None:
        payment = till.sell()

        for _ in range(2):
            receipt_mail.send(payment=payment, to="guest@example.com", now=till.now)

        assert len(receipt_mail.sent(payment)) == 2
        assert receipt_mail.sent(till.sell()) == []

    def test_is_sent_once_for_one_key(self, counter: Any, till: Till) -> None:
        path = payment_at(till.sell(), "/receipt/send")
        body = {"email": "guest@example.com"}

        for _ in range(2):
            counter.post(path, body, format="json", HTTP_IDEMPOTENCY_KEY="m1")

        assert Message.objects.count() == 1

    @pytest.mark.parametrize(
        ("body", "field"),
        [({}, "email"), ({"email": "nobody"}, "email"), ({"email": "a@b.ch", "cc": "x"}, "cc")],
        ids=["none", "word", "more"],
    )
    def test_goes_to_somebody(
        self, counter: Any, till: Till, body: dict[str, str], field: str
    ) -> None:
        answer = counter.post(payment_at(till.sell(), "/receipt/send"), body, format="json")

        assert refusal(answer) == (400, "INVALID_REQUEST", {field})
        assert not Message.objects.exists()

    def test_not_before_it_is_paid(self, api: Api, till: Till) -> None:
        path = payment_at(till.open(process=False), "/receipt/send")

        answer = api(key_of(till)).post(path, {"email": "guest@example.com"}, format="json")

        assert refusal(answer)[:2] == (409, "CONFLICT")
        assert not Message.objects.exists()
