"""dj-stripe's raw mirror, as far as staff needs it.

Its own pages are taken down: several crash on today's API versions, and some write to Stripe past
our services. In their place stand three lists that only read, and never show a whole object.
"""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.http import HttpRequest

from billing.admin import display
from orgs.backoffice import ReadOnlyAdmin

_MIRROR = "djstripe"

for _model in apps.get_app_config(_MIRROR).get_models():
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


class MirrorAdmin(ReadOnlyAdmin[Any]):
    """An object as Stripe had it when it was last copied."""

    from_object: tuple[str, ...] = ()
    ordering = ("-created",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Take single values out of the copy and leave the rest in the database."""
        values = {f"copied_{key}": KeyTextTransform(key, "stripe_data") for key in self.from_object}
        rows = super().get_queryset(request).defer("stripe_data", "metadata")
        annotated: QuerySet[Model] = rows.annotate(**values)
        return annotated

    @admin.display(description="Status")
    def status(self, row: Any) -> str:
        """Show Stripe's word."""
        return str(row.copied_status or "-")


@admin.register(apps.get_model(_MIRROR, "Customer"))
class MirroredCustomerAdmin(MirrorAdmin):
    list_display = ("id", "email", "livemode", "created", "djstripe_updated")
    list_filter = ("livemode",)
    search_fields = ("id", "email")
    fields = ("id", "email", "livemode", "created", "djstripe_updated")


@admin.register(apps.get_model(_MIRROR, "Subscription"))
class MirroredSubscriptionAdmin(MirrorAdmin):
    from_object = ("status",)
    list_display = ("id", "status", "customer_id", "livemode", "created", "djstripe_updated")
    list_filter = ("livemode",)
    search_fields = ("id", "customer__id")
    fields = ("id", "status", "customer_id", "livemode", "created", "djstripe_updated")


@admin.register(apps.get_model(_MIRROR, "Invoice"))
class MirroredInvoiceAdmin(MirrorAdmin):
    from_object = ("status", "number", "total", "currency")
    list_display = ("id", "number", "status", "total", "customer_id", "created")
    list_filter = ("livemode",)
    search_fields = ("id", "customer__id")
    fields = (
        "id",
        "number",
        "status",
        "total",
        "customer_id",
        "livemode",
        "created",
        "djstripe_updated",
    )

    @admin.display(description="Number")
    def number(self, row: Any) -> str:
        """Show the invoice's number."""
        return str(row.copied_number or "-")

    @admin.display(description="Total")
    def total(self, row: Any) -> str:
        """Show the total with its currency."""
        if row.copied_total is None or not row.copied_currency:
            return "-"
        return display.money(int(row.copied_total), str(row.copied_currency))
