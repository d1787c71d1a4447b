"""Refunds, credit notes and disputes: to look at; what is done about them is done elsewhere."""

from typing import Any

from django.contrib import admin

from billing.admin import display
from billing.models import CreditNote, Dispute, Refund
from orgs.backoffice import ReadOnlyAdmin

_FOUND_BY = (
    "external_id",
    "invoice__number",
    "invoice__external_id",
    "organization__name",
    "organization__slug",
)
_PAYMENT = ("external_payment_id", "external_charge_id")


class _ReversalAdmin(ReadOnlyAdmin[Any]):
    """What refunds, credit notes and disputes have in common."""

    list_select_related = ("organization", "invoice")
    list_filter = ("status", "provider")

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, row: CreditNote | Refund | Dispute) -> str:
        """Show the amount with its currency."""
        return display.money(row.amount_minor, row.currency)


@admin.register(CreditNote)
class CreditNoteAdmin(_ReversalAdmin):
    list_display = ("__str__", "organization", "invoice", "status", "amount", "issued_at")
    search_fields = ("number", *_FOUND_BY)
    fields = (
        "organization",
        "invoice",
        "number",
        "status",
        "amount",
        "reason",
        "memo",
        "issued_at",
        "voided_at",
        "provider",
        "external_id",
        "id",
    )


@admin.register(Refund)
class RefundAdmin(_ReversalAdmin):
    list_display = ("external_id", "organization", "invoice", "status", "amount", "requested_at")
    search_fields = (*_FOUND_BY, *_PAYMENT)
    fields = (
        "organization",
        "invoice",
        "status",
        "amount",
        "reason",
        "failure_reason",
        "requested_at",
        "provider",
        "external_id",
        "external_payment_id",
        "external_charge_id",
        "id",
    )


@admin.register(Dispute)
class DisputeAdmin(_ReversalAdmin):
    list_display = (
        "external_id",
        "organization",
        "invoice",
        "status",
        "amount",
        "reason",
        "evidence_due_at",
    )
    search_fields = (*_FOUND_BY, *_PAYMENT)
    fields = (
        "organization",
        "invoice",
        "status",
        "amount",
        "reason",
        "evidence_due_at",
        "opened_at",
        "provider",
        "external_id",
        "external_payment_id",
        "external_charge_id",
        "id",
    )
