"""Invoices: what they say, and whether they were delivered."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from billing.admin import display
from billing.admin.invoice_inlines import (
    CreditNoteInline,
    DeliveryInline,
    LineInline,
    RefundInline,
)
from billing.admin.marking import ManualPaymentInline, MarkPaidPages
from billing.admin.refunding import Payment, payment_of_invoice
from billing.models import BillingEvent, Invoice
from billing.selectors import invoices
from billing.services import causes, invoice_files, invoice_mail, invoice_refresh
from orgs import clock, downloads
from orgs.errors import DomainError

_REPORTED = timedelta(days=30)
_SHOWN_MISSING = 20


class DeliveryFilter(admin.SimpleListFilter):
    """Whether an invoice that had to be mailed was."""

    title = "delivery"
    parameter_name = "delivery"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002 - Django's signature
        """Name the choices."""
        return [("missing", "Not sent yet"), ("sent", "Sent")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> QuerySet[Invoice]:  # noqa: ARG002 - Django's signature
        """Keep what was chosen."""
        if self.value() == "missing":
            return queryset.filter(invoices.due_for_delivery()).exclude(invoices.was_sent())
        return queryset.filter(invoices.was_sent()) if self.value() == "sent" else queryset


@admin.register(Invoice)
class InvoiceAdmin(MarkPaidPages):
    list_display = (
        "label",
        "organization",
        "status",
        "total",
        "delivered",
        "issued_at",
        "due_at",
        "paid_at",
    )
    list_display_links = ("label",)
    list_filter = ("status", DeliveryFilter, "provider", "billing_reason")
    list_select_related = ("organization",)
    list_before_template = "admin/billing/delivery_report.html"
    search_fields = (
        "number",
        "external_id",
        "external_payment_id",
        "customer__external_id",
        "organization__name",
        "organization__slug",
    )
    ordering = ("-issued_at",)
    fields = (
        "organization",
        "customer",
        "subscription",
        "number",
        "status",
        "total",
        "due",
        "paid",
        "remaining",
        "credited",
        "refunded",
        "refund",
        "marks",
        "billing_reason",
        "issued_at",
        "finalized_at",
        "due_at",
        "paid_at",
        "voided_at",
        "written_off_at",
        "attempt_count",
        "next_attempt_at",
        "provider",
        "external_id",
        "external_payment_id",
        "pages",
        "payer_name",
        "payer_email",
        "has_all_lines",
        "snapshot_at",
        "id",
        "timeline",
    )
    inlines = (LineInline, ManualPaymentInline, DeliveryInline, CreditNoteInline, RefundInline)
    actions = ("send_again", "ask_again")

    def payment_of(self, row: Invoice) -> Payment | None:
        """Return what it was paid with."""
        return payment_of_invoice(row)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invoice]:
        """Load whether each was sent."""
        return super().get_queryset(request).annotate(was_sent=invoices.was_sent())

    def get_urls(self) -> list[URLPattern]:
        """Add the file."""
        page = self.admin_site.admin_view(self.pdf)
        return [path("<uuid:key>/pdf/", page, name="billing_invoice_pdf"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show above the list how many of the last thirty days' invoices were delivered."""
        now = clock.now()
        report = invoices.delivery_report(now - _REPORTED, now)
        shown = {"report": report, "missing": report.missing[:_SHOWN_MISSING]}
        return super().changelist_view(request, {**(extra_context or {}), **shown})

    def pdf(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """Return the file."""
        invoice = self.get_object(request, str(key))
        if not self.has_view_permission(request, invoice):
            raise PermissionDenied
        if invoice is None or not invoice.is_finalized:
            raise Http404
        file = invoice_files.print_invoice(
            invoice=invoice,
            cause=causes.of_staff(request.user),
            now=clock.now(invoice.organization),
        )
        return downloads.pdf(file.content, file.name, is_shown=True)

    # --- Columns and fields -------------------------------------------------------------------

    @admin.display(description="Number", ordering="number")
    def label(self, invoice: Invoice) -> str:
        """Show the number; a draft has none."""
        return str(invoice)

    @admin.display(description="Delivered", boolean=True)
    def delivered(self, invoice: Invoice) -> bool:
        """Say whether a mail with it was sent."""
        return bool(getattr(invoice, "was_sent", False))

    @admin.display(description="Total", ordering="total_minor")
    def total(self, invoice: Invoice) -> str:
        """Show the total."""
        return display.money(invoice.total_minor, invoice.currency)

    @admin.display(description="To be paid")
    def due(self, invoice: Invoice) -> str:
        """Show what was to be paid, after the payer's credit."""
        return display.money(invoice.amount_due_minor, invoice.currency)

    @admin.display(description="Paid")
    def paid(self, invoice: Invoice) -> str:
        """Show what was paid, and how much of it elsewhere."""
        elsewhere = invoice.paid_elsewhere_minor
        paid = display.money(invoice.amount_paid_minor + elsewhere, invoice.currency)
        more = f" ({display.money(elsewhere, invoice.currency)} elsewhere)" if elsewhere else ""
        return f"{paid}{more}"

    @admin.display(description="Still to be paid")
    def remaining(self, invoice: Invoice) -> str:
        """Show what is left to pay."""
        return display.money(invoice.amount_remaining_minor, invoice.currency)

    @admin.display(description="Credited")
    def credited(self, invoice: Invoice) -> str:
        """Show what credit notes took back."""
        return display.money(invoice.credited_minor, invoice.currency)

    @admin.display(description="Refunded")
    def refunded(self, invoice: Invoice) -> str:
        """Show what was given back."""
        return display.money(invoice.refunded_minor, invoice.currency)

    @admin.display(description="Look at it")
    def pages(self, invoice: Invoice) -> str:
        """Link to our file and to the provider's page."""
        if not invoice.is_finalized:
            return "-"
        ours = reverse("admin:billing_invoice_pdf", args=[invoice.pk])
        if not invoice.hosted_url:
            return format_html('<a href="{}">PDF</a>', ours)
        return format_html(
            '<a href="{}">PDF</a> · <a href="{}" rel="noreferrer">Hosted page</a>',
            ours,
            invoice.hosted_url,
        )

    @admin.display(description="What happened, and why")
    def timeline(self, invoice: Invoice) -> str:
        """Show the lines of the timeline that are about this invoice."""
        events = BillingEvent.objects.for_org(invoice.organization)
        return display.timeline(events.filter(object_type="invoice", object_id=str(invoice.pk)))

    # --- Actions ------------------------------------------------------------------------------

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Guard the actions."""
        return self.may_act(request)

    @admin.action(description="Send selected invoices again", permissions=["act"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        """Mail invoices to where they go."""
        self._each(
            request,
            queryset,
            "Sent again.",
            lambda row: invoice_mail.send_copy(invoice=row, now=clock.now(row.organization)),
        )

    @admin.action(description="Ask the provider again", permissions=["act"])
    def ask_again(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        """Take over what the provider says now."""
        self._each(
            request,
            queryset,
            "Asked the provider again.",
            lambda row: invoice_refresh.refresh_invoice(
                invoice=row, cause=causes.of_staff(request.user), now=clock.now(row.organization)
            ),
        )

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Invoice],
        done: str,
        step: Callable[[Invoice], object],
    ) -> None:
        finished: list[Invoice] = []
        related = ("organization", "customer", "subscription__plan_version__plan")
        for row in queryset.select_related(*related):
            try:
                step(row)
            except DomainError as error:
                messages.error(request, f"{row}: {error}")
                continue
            finished.append(row)
        self.log_action(request, finished, done)
        messages.success(request, f"{len(finished)} invoices: {done}")
