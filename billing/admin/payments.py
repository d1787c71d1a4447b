"""Debts, the tries at settling them, and what happened on the way."""

from django.contrib import admin

from billing.admin import display
from billing.admin.refunding import Payment, RefundPages, payment_of_attempt
from billing.models import DeclinedCard, Obligation, PaymentAttempt, PaymentFact
from orgs.backoffice import ReadOnlyAdmin, ReadOnlyInline


class AttemptInline(ReadOnlyInline[PaymentAttempt, Obligation]):
    model = PaymentAttempt
    fields = ("number", "kind", "provider", "state", "error_code", "sent_at", "resolved_at")
    ordering = ("number",)


@admin.register(Obligation)
class ObligationAdmin(ReadOnlyAdmin[Obligation]):
    list_display = ("organization", "kind", "amount", "state", "settled_at", "created_at")
    list_filter = ("state", "kind")
    list_select_related = ("organization",)
    search_fields = (
        "organization__name",
        "organization__slug",
        "subscription__external_id",
        "external_payment_id",
        "attempts__external_id",
        "attempts__our_reference",
    )
    fields = (
        "organization",
        "kind",
        "subscription",
        "amount",
        "state",
        "settled_at",
        "external_payment_id",
        "reason",
        "note",
        "id",
        "created_at",
    )
    inlines = (AttemptInline,)

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, obligation: Obligation) -> str:
        """Show the amount with its currency."""
        return display.money(obligation.amount_minor, obligation.currency)


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(RefundPages[PaymentAttempt]):
    list_display = (
        "our_reference",
        "organization",
        "kind",
        "provider",
        "amount",
        "state",
        "error_code",
        "decline_code",
        "created_at",
    )
    list_filter = ("state", "kind", "provider")
    list_select_related = ("organization", "obligation")
    search_fields = ("external_id", "our_reference", "organization__name", "organization__slug")
    fields = (
        "organization",
        "obligation",
        "number",
        "kind",
        "provider",
        "amount",
        "state",
        "our_reference",
        "external_id",
        "refund",
        "error_code",
        "decline_code",
        "sent_at",
        "resolve_after",
        "asked",
        "resolved_at",
        "id",
        "created_at",
    )

    def payment_of(self, row: PaymentAttempt) -> Payment | None:
        """Return the payment it came to."""
        return payment_of_attempt(row)

    @admin.display(description="Amount")
    def amount(self, attempt: PaymentAttempt) -> str:
        """Show what it was to settle."""
        return display.money(attempt.obligation.amount_minor, attempt.obligation.currency)


@admin.register(PaymentFact)
class PaymentFactAdmin(ReadOnlyAdmin[PaymentFact]):
    list_display = ("external_id", "organization", "kind", "amount", "provider", "occurred_at")
    list_filter = ("kind", "provider")
    list_select_related = ("organization",)
    search_fields = ("external_id", "organization__name", "organization__slug")
    fields = (
        "organization",
        "subscription",
        "kind",
        "amount",
        "provider",
        "external_id",
        "occurred_at",
        "detail",
    )

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, fact: PaymentFact) -> str:
        """Show the amount with its currency."""
        return display.money(fact.amount_minor, fact.currency)


@admin.register(DeclinedCard)
class DeclinedCardAdmin(ReadOnlyAdmin[DeclinedCard]):
    list_display = ("organization", "provider", "declined_at")
    list_filter = ("provider",)
    list_select_related = ("organization",)
    search_fields = ("organization__name", "organization__slug")
    fields = ("organization", "provider", "declined_at", "id", "created_at")
    ordering = ("-declined_at",)
