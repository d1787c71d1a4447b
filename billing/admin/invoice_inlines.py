"""What stands beside an invoice: its lines, its mails, and what was given back of it."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from billing.admin import display
from billing.models import CreditNote, Invoice, InvoiceDelivery, InvoiceLine, Refund
from orgs.backoffice import ReadOnlyInline


class LineInline(ReadOnlyInline[InvoiceLine, Invoice]):
    model = InvoiceLine
    fields = ("position", "description", "quantity", "amount", "period_start", "period_end")
    show_change_link = False

    @admin.display(description="Amount")
    def amount(self, line: InvoiceLine) -> str:
        """Show the amount with its currency."""
        return display.money(line.amount_minor, line.invoice.currency)


class DeliveryInline(ReadOnlyInline[InvoiceDelivery, Invoice]):
    model = InvoiceDelivery
    fields = ("kind", "number", "to", "state", "sent_at", "message")
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[InvoiceDelivery]:
        """Load each mail with its delivery."""
        return super().get_queryset(request).select_related("message")

    @admin.display(description="State")
    def state(self, delivery: InvoiceDelivery) -> str:
        """Show how far the mail has come."""
        return str(delivery.message.get_state_display())

    @admin.display(description="Sent at")
    def sent_at(self, delivery: InvoiceDelivery) -> object:
        """Show when it was sent."""
        return delivery.message.sent_at


class CreditNoteInline(ReadOnlyInline[CreditNote, Invoice]):
    model = CreditNote
    fields = ("number", "status", "amount", "reason", "issued_at")

    @admin.display(description="Amount")
    def amount(self, note: CreditNote) -> str:
        """Show the amount with its currency."""
        return display.money(note.amount_minor, note.currency)


class RefundInline(ReadOnlyInline[Refund, Invoice]):
    model = Refund
    fields = ("external_id", "status", "amount", "reason", "requested_at")

    @admin.display(description="Amount")
    def amount(self, refund: Refund) -> str:
        """Show the amount with its currency."""
        return display.money(refund.amount_minor, refund.currency)
