"""The engine's own rows: looked at where something has to be understood, never edited."""

from django.contrib import admin

from billing.admin import display
from billing.engine.models import (
    CreditEntry,
    EngineCreditNote,
    EngineDiscount,
    EngineInvoice,
    EngineInvoiceLine,
    EngineRefund,
    EngineSubscription,
    Payer,
    PendingLine,
)
from orgs.backoffice import ReadOnlyAdmin, ReadOnlyInline


class CreditInline(ReadOnlyInline[CreditEntry, Payer]):
    model = CreditEntry
    show_change_link = False
    ordering = ("-number",)
    fields = ("number", "amount", "balance", "invoice", "reason", "created_at")

    @admin.display(description="Amount")
    def amount(self, row: CreditEntry) -> str:
        """Show what was given (or taken) with its currency."""
        return display.money(row.amount_minor, row.currency)

    @admin.display(description="Balance")
    def balance(self, row: CreditEntry) -> str:
        """Show what there was from then on."""
        return display.money(row.balance_minor, row.currency)


@admin.register(Payer)
class PayerAdmin(ReadOnlyAdmin[Payer]):
    list_display = ("name", "organization", "provider", "email", "country", "created_at")
    list_filter = ("provider", "country")
    list_select_related = ("organization",)
    search_fields = ("external_id", "our_id", "name", "email", "organization__name")
    fields = (
        "organization",
        "seller",
        "provider",
        "external_id",
        "our_id",
        "name",
        "email",
        "address",
        "country",
        "region",
        "is_tax_exempt",
        "zone",
        "default_method_id",
        "created_at",
    )
    inlines = (CreditInline,)


class DiscountInline(ReadOnlyInline[EngineDiscount, EngineSubscription]):
    model = EngineDiscount
    show_change_link = False
    fields = ("coupon", "starts_at", "ends_at", "used_by", "removed_at")


class PendingLineInline(ReadOnlyInline[PendingLine, EngineSubscription]):
    model = PendingLine
    show_change_link = False
    verbose_name_plural = "lines for the next invoice"
    fields = ("description", "quantity", "amount", "invoice")

    @admin.display(description="Amount")
    def amount(self, row: PendingLine) -> str:
        """Show the amount in the subscription's currency."""
        return display.money(row.amount_minor, row.subscription.price.currency)


@admin.register(EngineSubscription)
class EngineSubscriptionAdmin(ReadOnlyAdmin[EngineSubscription]):
    list_display = (
        "external_id",
        "organization",
        "provider",
        "status",
        "price",
        "seats",
        "current_period_end",
        "next_action_at",
    )
    list_filter = ("provider", "status", "collection")
    list_select_related = ("organization", "price")
    search_fields = ("external_id", "our_id", "organization__name", "organization__slug")
    ordering = ("-created_at",)
    fields = (
        "organization",
        "payer",
        "provider",
        "external_id",
        "our_id",
        "status",
        "price",
        "seats",
        "anchor_at",
        "zone",
        "current_period_start",
        "current_period_end",
        "trial_end",
        "last_charge",
        "next_price",
        "next_seats",
        "pending_change",
        "cancel_at_period_end",
        "canceled_at",
        "ended_at",
        "cancel_reason",
        "resumes_at",
        "collection",
        "days_until_due",
        "default_method_id",
        "latest_invoice",
        "next_action_at",
        "claimed_at",
    )
    inlines = (DiscountInline, PendingLineInline)

    @admin.display(description="Last charge")
    def last_charge(self, row: EngineSubscription) -> str:
        """Show what would be credited if it were changed at its beginning."""
        if row.debit_start is None or row.debit_end is None:
            return "-"
        amount = display.money(row.debit_minor, row.price.currency)
        return f"{amount} for {row.debit_start:%Y-%m-%d %H:%M} to {row.debit_end:%Y-%m-%d %H:%M}"


class EngineLineInline(ReadOnlyInline[EngineInvoiceLine, EngineInvoice]):
    model = EngineInvoiceLine
    show_change_link = False
    fields = ("description", "quantity", "amount", "discount", "period_start", "period_end")

    @admin.display(description="Amount")
    def amount(self, row: EngineInvoiceLine) -> str:
        """Show the amount in the invoice's currency."""
        return display.money(row.amount_minor, row.invoice.currency)

    @admin.display(description="Discount")
    def discount(self, row: EngineInvoiceLine) -> str:
        """Show what was taken off."""
        return display.money(row.discount_minor, row.invoice.currency)


class EngineRefundInline(ReadOnlyInline[EngineRefund, EngineInvoice]):
    model = EngineRefund
    show_change_link = False
    fields = ("external_id", "amount", "status", "is_undecided", "failure_reason", "sent_at")

    @admin.display(description="Amount")
    def amount(self, row: EngineRefund) -> str:
        """Show the amount in the invoice's currency."""
        return display.money(row.amount_minor, row.invoice.currency)


class EngineCreditNoteInline(ReadOnlyInline[EngineCreditNote, EngineInvoice]):
    model = EngineCreditNote
    show_change_link = False
    fields = ("number", "amount", "reason", "issued_at", "external_id")

    @admin.display(description="Amount")
    def amount(self, row: EngineCreditNote) -> str:
        """Show the amount with its currency."""
        return display.money(row.amount_minor, row.currency)


@admin.register(EngineInvoice)
class EngineInvoiceAdmin(ReadOnlyAdmin[EngineInvoice]):
    list_display = (
        "number",
        "organization",
        "provider",
        "status",
        "total",
        "charge_state",
        "attempt_count",
        "issued_at",
        "next_attempt_at",
    )
    list_filter = ("provider", "status", "charge_state", "billing_reason")
    list_select_related = ("organization",)
    search_fields = ("number", "external_id", "attempt__our_reference", "organization__name")
    ordering = ("-issued_at",)
    fields = (
        "organization",
        "seller",
        "payer",
        "subscription",
        "provider",
        "external_id",
        "number",
        "status",
        "billing_reason",
        "collection",
        "total",
        "due",
        "paid",
        "credit",
        "taxes",
        "period_start",
        "period_end",
        "issued_at",
        "due_at",
        "paid_at",
        "voided_at",
        "written_off_at",
        "charge_state",
        "attempt",
        "charge_sent_at",
        "decline_code",
        "decline_kind",
        "retry_not_before",
        "attempt_count",
        "first_failed_at",
        "last_failed_at",
        "next_attempt_at",
    )
    inlines = (EngineLineInline, EngineRefundInline, EngineCreditNoteInline)

    @admin.display(description="Total", ordering="total_minor")
    def total(self, row: EngineInvoice) -> str:
        """Show the total with its currency."""
        return display.money(row.total_minor, row.currency)

    @admin.display(description="Due")
    def due(self, row: EngineInvoice) -> str:
        """Show what was to be paid after credit."""
        return display.money(row.amount_due_minor, row.currency)

    @admin.display(description="Paid")
    def paid(self, row: EngineInvoice) -> str:
        """Show what was paid, and how much of it past the rail."""
        paid = display.money(row.amount_paid_minor, row.currency)
        if not row.paid_by_hand_minor:
            return paid
        return f"{paid} ({display.money(row.paid_by_hand_minor, row.currency)} marked by staff)"

    @admin.display(description="Credit used")
    def credit(self, row: EngineInvoice) -> str:
        """Show what of the payer's credit went into it; below 0 it became credit."""
        return display.money(row.credit_minor, row.currency)
