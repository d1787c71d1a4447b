"""What the engine sells and how: its prices, tax rates, and how invoices are numbered."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from billing.admin import display
from billing.engine.models import (
    EngineCoupon,
    EnginePrice,
    NumberSeries,
    SellerNumbers,
    TaxEntry,
)
from orgs.backoffice import DeskAdmin, ReadOnlyAdmin


@admin.register(EnginePrice)
class EnginePriceAdmin(ReadOnlyAdmin[EnginePrice]):
    list_display = ("lookup_key", "provider", "name", "amount", "interval", "created_at")
    list_filter = ("provider", "interval")
    search_fields = ("lookup_key", "external_id", "product")
    fields = (
        "provider",
        "external_id",
        "lookup_key",
        "product",
        "name",
        "amount",
        "interval",
        "interval_count",
        "created_at",
    )

    @admin.display(description="Amount", ordering="unit_amount_minor")
    def amount(self, row: EnginePrice) -> str:
        """Show what one costs."""
        return display.money(row.unit_amount_minor, row.currency)


@admin.register(EngineCoupon)
class EngineCouponAdmin(ReadOnlyAdmin[EngineCoupon]):
    list_display = ("code", "provider", "name", "percent_off", "amount", "duration")
    list_filter = ("provider", "duration")
    search_fields = ("code", "external_id")
    fields = (
        "provider",
        "external_id",
        "code",
        "name",
        "percent_off",
        "amount",
        "duration",
        "duration_months",
        "created_at",
    )

    @admin.display(description="Amount")
    def amount(self, row: EngineCoupon) -> str:
        """Show the amount it takes off each invoice."""
        return display.money(row.amount_off_minor or None, row.currency)


@admin.register(TaxEntry)
class TaxEntryAdmin(DeskAdmin[TaxEntry]):
    list_display = (
        "name",
        "percentage",
        "is_inclusive",
        "country",
        "region",
        "organization",
        "valid_from",
        "valid_until",
    )
    list_filter = ("country", "is_inclusive")
    list_select_related = ("organization",)
    search_fields = ("name", "country", "region")
    autocomplete_fields = ("organization",)
    fields = (
        "organization",
        "name",
        "percentage",
        "is_inclusive",
        "country",
        "region",
        "valid_from",
        "valid_until",
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """Nobody forgets a rate: it ends."""
        return False


@admin.register(SellerNumbers)
class SellerNumbersAdmin(DeskAdmin[SellerNumbers]):
    list_display = ("prefix", "organization", "digits", "restarts", "zone")
    list_select_related = ("organization",)
    search_fields = ("prefix", "organization__name")
    autocomplete_fields = ("organization",)
    fields = ("organization", "prefix", "digits", "restarts", "zone")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """Nobody forgets how a seller counts."""
        return False


@admin.register(NumberSeries)
class NumberSeriesAdmin(ReadOnlyAdmin[NumberSeries]):
    list_display = ("series", "organization", "last", "updated_at")
    list_select_related = ("organization",)
    search_fields = ("series", "organization__name")
    fields = ("organization", "series", "last", "created_at", "updated_at")
