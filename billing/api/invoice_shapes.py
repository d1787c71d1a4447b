"""Invoices as the API shows them."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from billing.api.change_serializers import PeriodOut
from billing.api.representations import moment
from billing.enums import DeliveryKind, InvoiceStatus
from billing.models import Invoice, InvoiceDelivery, InvoiceLine
from billing.money import as_decimal
from notifications.models import MessageState

_MINOR = "Minor units."


class InvoiceLineOut(serializers.Serializer[Any]):
    """One line of an invoice."""

    description = serializers.CharField()
    quantity = serializers.IntegerField()
    amount = serializers.IntegerField(help_text="Minor units; negative for a credit.")
    amount_decimal = serializers.CharField()
    discount = serializers.IntegerField(help_text=_MINOR)
    proration = serializers.BooleanField()
    period = PeriodOut()


class InvoiceDeliveryOut(serializers.Serializer[Any]):
    """A mail with the invoice."""

    kind = serializers.ChoiceField(DeliveryKind.choices)
    to = serializers.EmailField()
    sent_at = serializers.DateTimeField(allow_null=True)
    status = serializers.ChoiceField(MessageState.choices)


class InvoiceOut(serializers.Serializer[Any]):
    """An invoice; all amounts in minor units of `currency`."""

    id = serializers.UUIDField()
    number = serializers.CharField(allow_null=True, help_text="null while it is a draft.")
    status = serializers.ChoiceField(InvoiceStatus.choices)
    currency = serializers.CharField()
    subtotal = serializers.IntegerField()
    discount = serializers.IntegerField()
    tax = serializers.IntegerField()
    total = serializers.IntegerField()
    amount_decimal = serializers.CharField(help_text="`total`, for people.")
    amount_due = serializers.IntegerField(help_text="After the credit balance.")
    amount_paid = serializers.IntegerField()
    amount_remaining = serializers.IntegerField()
    amount_refunded = serializers.IntegerField()
    amount_credited = serializers.IntegerField(help_text="Taken back by credit notes.")
    billing_reason = serializers.CharField(allow_null=True)
    provider = serializers.CharField()
    external_id = serializers.CharField()
    subscription = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    finalized_at = serializers.DateTimeField(allow_null=True)
    due_date = serializers.DateTimeField(allow_null=True, help_text="null: charged automatically.")
    paid_at = serializers.DateTimeField(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    period = PeriodOut()
    lines = InvoiceLineOut(many=True)
    hosted_url = serializers.URLField(allow_null=True, help_text="The provider's page, to pay it.")
    pdf_url = serializers.URLField(allow_null=True, help_text="Ours; needs your credential.")
    deliveries = InvoiceDeliveryOut(many=True)


def invoices(rows: Iterable[Invoice]) -> list[dict[str, Any]]:
    """Show a page of invoices."""
    return [invoice(row) for row in rows]


def invoice(row: Invoice) -> dict[str, Any]:
    """Show an invoice whose lines and deliveries were loaded with it."""
    lines = sorted(row.lines.all(), key=lambda line: line.position)
    deliveries = sorted(row.deliveries.all(), key=lambda one: (one.created_at, one.pk))
    return {
        "id": str(row.pk),
        "number": row.number or None,
        "status": row.status,
        "currency": row.currency,
        "subtotal": row.subtotal_minor,
        "discount": row.discount_minor,
        "tax": row.tax_minor,
        "total": row.total_minor,
        "amount_decimal": as_decimal(row.total_minor, row.currency),
        "amount_due": row.amount_due_minor,
        "amount_paid": row.amount_paid_minor + row.paid_elsewhere_minor,
        "amount_remaining": row.amount_remaining_minor,
        "amount_refunded": row.refunded_minor,
        "amount_credited": row.credited_minor,
        "billing_reason": row.billing_reason or None,
        "provider": row.provider,
        "external_id": row.external_id,
        "subscription": str(row.subscription_id) if row.subscription_id else None,
        "created_at": moment(row.issued_at),
        "finalized_at": moment(row.finalized_at),
        "due_date": moment(row.due_at),
        "paid_at": moment(row.paid_at),
        "next_attempt_at": moment(row.next_attempt_at),
        "period": _period(row, lines),
        "lines": [_line(line, row.currency) for line in lines],
        "hosted_url": row.hosted_url or None,
        "pdf_url": _pdf_url(row),
        "deliveries": [delivery(one) for one in deliveries],
    }


def delivery(row: InvoiceDelivery) -> dict[str, Any]:
    """Show a mail with an invoice."""
    return {
        "kind": row.kind,
        "to": row.to,
        "sent_at": moment(row.message.sent_at),
        "status": row.message.state,
    }


def _line(line: InvoiceLine, currency: str) -> dict[str, Any]:
    return {
        "description": line.description,
        "quantity": line.quantity,
        "amount": line.amount_minor,
        "amount_decimal": as_decimal(line.amount_minor, currency),
        "discount": line.discount_minor,
        "proration": line.is_proration,
        "period": {"start": moment(line.period_start), "end": moment(line.period_end)},
    }


def _period(row: Invoice, lines: list[InvoiceLine]) -> dict[str, str | None]:
    """Return what the lines are for; the provider's own period is when it collected them."""
    starts = [line.period_start for line in lines if line.period_start]
    ends = [line.period_end for line in lines if line.period_end]
    return {
        "start": moment(min(starts, default=row.period_start)),
        "end": moment(max(ends, default=row.period_end)),
    }


def _pdf_url(row: Invoice) -> str | None:
    if not row.is_finalized:
        return None
    return f"{settings.PUBLIC_URL}{reverse('invoice-pdf', args=[row.pk])}"
