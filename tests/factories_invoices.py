"""Factories of invoices, over one month of Starter, and of money on its way back."""

from datetime import timedelta
from typing import Any

import factory
from factory.django import DjangoModelFactory

from billing.enums import CreditNoteStatus, DeliveryKind, InvoiceStatus, Provider, RefundStatus
from billing.models import (
    CreditNote,
    Dispute,
    Invoice,
    InvoiceDelivery,
    InvoiceLine,
    Refund,
)
from tests.factories_billing import NOW, SubscriptionFactory
from tests.factories_messages import MessageFactory

INVOICE_MAIL: dict[str, Any] = {
    "organization": "Acme",
    "number": "ACME-0001",
    "amount": "$29.00",
    "is_paid": True,
    "paid_on": "1 March 2026",
    "due": "",
    "manage_url": "http://127.0.0.1:8000/settings/billing",
    "support_email": "support@till.example",
}


class InvoiceFactory(DjangoModelFactory[Invoice]):
    """Paid, with one line; `open=True`: to be paid within thirty days."""

    class Meta:
        model = Invoice
        skip_postgeneration_save = True

    class Params:
        open = factory.Trait(
            status=InvoiceStatus.OPEN,
            paid_at=None,
            due_at=NOW + timedelta(days=30),
            amount_paid_minor=0,
            amount_remaining_minor=2900,
            hosted_url="https://stripe.example/i/in_open",
        )
        draft = factory.Trait(
            status=InvoiceStatus.DRAFT,
            number="",
            finalized_at=None,
            paid_at=None,
            amount_paid_minor=0,
            amount_remaining_minor=2900,
        )

    subscription = factory.SubFactory(SubscriptionFactory)
    organization = factory.SelfAttribute("subscription.organization")
    customer = factory.SelfAttribute("subscription.customer")
    provider = Provider.STRIPE
    external_id = factory.Sequence(lambda n: f"in_{n}")
    number = factory.Sequence(lambda n: f"ACME-{n:04d}")
    status = InvoiceStatus.PAID
    billing_reason = "subscription_cycle"
    currency = "USD"
    subtotal_minor = 2900
    total_minor = 2900
    amount_due_minor = 2900
    amount_paid_minor = 2900
    issued_at = NOW
    finalized_at = NOW
    paid_at = NOW
    external_payment_id = factory.Sequence(lambda n: f"pi_{n}")
    payer_name = "Acme"
    snapshot_at = NOW

    @factory.post_generation  # type: ignore[untyped-decorator] # factory_boy's
    def lines(self, create: bool, extracted: Any, **_more: Any) -> None:  # noqa: FBT001 - its API
        if create and extracted is None:
            InvoiceLineFactory.create(invoice=self)


class InvoiceLineFactory(DjangoModelFactory[InvoiceLine]):
    class Meta:
        model = InvoiceLine

    invoice = factory.SubFactory(InvoiceFactory, lines=False)
    organization = factory.SelfAttribute("invoice.organization")
    position = 1
    external_id = factory.Sequence(lambda n: f"il_{n}")
    description = "1 × Starter (at $29.00 / month)"  # noqa: RUF001 - as Stripe writes it
    amount_minor = 2900
    period_start = NOW
    period_end = NOW + timedelta(days=31)


class InvoiceDeliveryFactory(DjangoModelFactory[InvoiceDelivery]):
    """A receipt that waits to be sent."""

    class Meta:
        model = InvoiceDelivery

    invoice = factory.SubFactory(InvoiceFactory)
    organization = factory.SelfAttribute("invoice.organization")
    kind = DeliveryKind.PAID
    to = factory.SelfAttribute("invoice.organization.email")
    message = factory.SubFactory(
        MessageFactory,
        organization=factory.SelfAttribute("..organization"),
        kind="invoice",
        to=factory.SelfAttribute("..to"),
        context=factory.LazyFunction(lambda: dict(INVOICE_MAIL)),
    )


class CreditNoteFactory(DjangoModelFactory[CreditNote]):
    class Meta:
        model = CreditNote

    invoice = factory.SubFactory(InvoiceFactory)
    organization = factory.SelfAttribute("invoice.organization")
    provider = Provider.STRIPE
    external_id = factory.Sequence(lambda n: f"cn_{n}")
    number = factory.Sequence(lambda n: f"ACME-0001-CN-{n:02d}")
    status = CreditNoteStatus.ISSUED
    amount_minor = 1000
    currency = "USD"
    issued_at = NOW
    snapshot_at = NOW


class RefundFactory(DjangoModelFactory[Refund]):
    class Meta:
        model = Refund

    invoice = factory.SubFactory(InvoiceFactory)
    organization = factory.SelfAttribute("invoice.organization")
    provider = Provider.STRIPE
    external_id = factory.Sequence(lambda n: f"re_{n}")
    external_payment_id = factory.SelfAttribute("invoice.external_payment_id")
    status = RefundStatus.SUCCEEDED
    amount_minor = 500
    currency = "USD"
    requested_at = NOW
    snapshot_at = NOW


class DisputeFactory(DjangoModelFactory[Dispute]):
    class Meta:
        model = Dispute

    invoice = factory.SubFactory(InvoiceFactory)
    organization = factory.SelfAttribute("invoice.organization")
    provider = Provider.STRIPE
    external_id = factory.Sequence(lambda n: f"dp_{n}")
    status = "needs_response"
    amount_minor = 2900
    currency = "USD"
    reason = "fraudulent"
    evidence_due_at = NOW + timedelta(days=7)
    opened_at = NOW
    snapshot_at = NOW
