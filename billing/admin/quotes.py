"""Quotes: what was promised, and whether it was used."""

from django.contrib import admin

from billing.admin import display
from billing.models import Quote
from orgs.backoffice import ReadOnlyAdmin


@admin.register(Quote)
class QuoteAdmin(ReadOnlyAdmin[Quote]):
    list_display = (
        "organization",
        "kind",
        "price",
        "seats",
        "due",
        "effective",
        "expires_at",
        "used_at",
    )
    list_filter = ("kind", "effective", "proration", ("used_at", admin.EmptyFieldListFilter))
    list_select_related = ("organization", "price__plan_version__plan")
    search_fields = (
        "organization__name",
        "organization__slug",
        "subscription__external_id",
        "coupon",
    )
    fields = (
        "organization",
        "kind",
        "subscription",
        "price",
        "seats",
        "effective",
        "proration",
        "coupon",
        "total",
        "due",
        "charged_at_once",
        "lines",
        "proration_date",
        "expires_at",
        "used_at",
        "id",
        "created_at",
    )

    @admin.display(description="Total")
    def total(self, quote: Quote) -> str:
        """Show the total; below 0 it becomes credit."""
        return display.money(quote.total_minor, quote.currency)

    @admin.display(description="Charged", ordering="amount_due_minor")
    def due(self, quote: Quote) -> str:
        """Show what is charged, after credit."""
        return display.money(quote.amount_due_minor, quote.currency)
