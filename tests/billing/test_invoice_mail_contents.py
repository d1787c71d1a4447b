"""What stands in the mails about invoices."""

import io
from datetime import timedelta
from typing import Any

import pytest
from pypdf import PdfReader

from billing.models import Subscription
from notifications.models import Message, MessageState
from tests.billing.builders import NOW, make_subscription
from tests.billing.invoice_mail_steps import deliver, renewal_failed
from tests.billing.invoice_steps import converge, paid, snapshot_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscription() -> Subscription:
    return make_subscription(status="active")


@pytest.fixture(autouse=True)
def addresses(settings: Any) -> None:
    settings.PUBLIC_URL = "https://till.test"
    settings.SUPPORT_EMAIL = "help@till.test"


class TestReceipt:
    def test_reads_as_a_receipt_with_the_file(self, subscription: Subscription) -> None:
        converge(subscription, paid())

        (sent,) = deliver()

        assert sent.subject == "Your receipt for invoice ACME-0001"
        assert sent.to == [subscription.organization.email]
        assert sent.body == (
            "Hello Acme,\n"
            "\n"
            "thank you for your payment. Your invoice is attached.\n"
            "\n"
            "Invoice:  ACME-0001\n"
            "Amount:   $29.00\n"
            "Paid on:  1 March 2026\n"
            "\n"
            "All your invoices: https://till.test/settings/billing/invoices\n"
            "\n"
            "Questions? Write to help@till.test, or answer this mail.\n"
        )
        assert "Pay" not in sent.alternatives[0].content.replace("payment", "")
        (file,) = sent.attachments
        assert (file.filename, file.mimetype) == ("invoice-ACME-0001.pdf", "application/pdf")
        text = PdfReader(io.BytesIO(file.content)).pages[0].extract_text()
        assert "Invoice ACME-0001" in text
        assert "PAID" in text

    def test_the_file_is_as_the_invoice_is_when_it_is_sent(
        self, subscription: Subscription
    ) -> None:
        converge(subscription, paid())
        converge(subscription, paid(payer_name="Acme Renamed"), at=1)

        (sent,) = deliver()

        text = PdfReader(io.BytesIO(sent.attachments[0].content)).pages[0].extract_text()
        assert "Acme Renamed" in text

    def test_a_file_that_can_not_be_made_has_the_mail_tried_again(
        self, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(_paper: Any) -> bytes:
            raise OSError

        converge(subscription, paid())
        monkeypatch.setattr("billing.services.invoice_pdf.render", broken)
        assert deliver() == []
        assert Message.objects.get().state == MessageState.FAILED

        monkeypatch.undo()

        assert len(deliver(NOW + timedelta(hours=1))) == 1


class TestInvoiceToBePaid:
    def test_says_until_when_and_where(self, subscription: Subscription) -> None:
        converge(subscription, snapshot_of(due_at=NOW + timedelta(days=30)))
        message = Message.objects.get()
        assert "pay_url" not in message.context

        (sent,) = deliver()

        assert sent.subject == "Invoice ACME-0001: $29.00 due on 31 March 2026"
        assert sent.body == (
            "Hello Acme,\n"
            "\n"
            "your invoice is attached. Please pay it by 31 March 2026.\n"
            "\n"
            "Invoice:  ACME-0001\n"
            "Amount:   $29.00\n"
            "Due on:   31 March 2026\n"
            "\n"
            "Pay here: https://stripe.example/i/in_1\n"
            "\n"
            "All your invoices: https://till.test/settings/billing/invoices\n"
            "\n"
            "Questions? Write to help@till.test, or answer this mail.\n"
        )
        assert 'href="https://stripe.example/i/in_1"' in sent.alternatives[0].content


class TestPaymentFailed:
    def test_says_what_happens_next(self, subscription: Subscription) -> None:
        subscription.status = "past_due"
        subscription.past_due_since = NOW
        converge(subscription, renewal_failed())

        (sent,) = deliver()

        assert sent.subject == "Your payment of $29.00 for Bistro failed"
        assert sent.body == (
            "Hello Acme,\n"
            "\n"
            "we could not charge $29.00 for Bistro (invoice ACME-0001, attached).\n"
            "\n"
            "What happens next:\n"
            "- We will try again on 4 March 2026.\n"
            "- You can go on working until 8 March 2026. After that, access is restricted until "
            "the invoice is paid.\n"
            "\n"
            "Update your card: https://till.test/settings/billing/payment-methods\n"
            "Pay this invoice: https://stripe.example/i/in_1\n"
            "\n"
            "Questions? Write to help@till.test, or answer this mail.\n"
        )
        html = sent.alternatives[0].content
        assert "We will try again on 4 March 2026." in html
        assert 'href="https://till.test/settings/billing/payment-methods"' in html
        assert len(sent.attachments) == 1

    def test_says_that_nobody_will_try_again(self, subscription: Subscription) -> None:
        converge(subscription, renewal_failed(attempt_count=4, next_attempt_at=None))

        (sent,) = deliver()

        assert "- We will not try again by ourselves.\n" in sent.body
        assert "You can go on working" not in sent.body
