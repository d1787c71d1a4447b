"""Checkouts. The token that opens one is stored as a hash, and not even that is shown."""

from django.contrib import admin

from billing.models import CheckoutSession
from orgs.backoffice import ReadOnlyAdmin


@admin.register(CheckoutSession)
class CheckoutSessionAdmin(ReadOnlyAdmin[CheckoutSession]):
    list_display = ("organization", "mode", "provider", "price", "status", "created_at")
    list_filter = ("status", "mode", "provider")
    list_select_related = ("organization", "price__plan_version__plan")
    search_fields = ("external_id", "organization__name", "organization__slug")
    fields = (
        "organization",
        "customer",
        "mode",
        "provider",
        "price",
        "seats",
        "status",
        "external_id",
        "subscription",
        "error_code",
        "success_url",
        "cancel_url",
        "expires_at",
        "completed_at",
        "id",
        "created_at",
    )
