"""Plans: their names at any time, their prices and features only while a version is a draft."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse

from billing.admin import display
from billing.engine import policies
from billing.enums import FeatureKind
from billing.models import ExternalPrice, Plan, PlanFeature, PlanVersion, Price
from billing.money import Money
from billing.selectors import plans
from billing.services import catalogue
from orgs import clock, confirm
from orgs.backoffice import DeskAdmin, ReadOnlyAdmin, ReadOnlyInline, TabularInline


class VersionInline(ReadOnlyInline[PlanVersion, Plan]):
    model = PlanVersion
    fields = ("version", "published_at")
    ordering = ("-version",)


class PlanForm(ModelForm[Plan]):
    """A plan, whose grace has to fit the policy for its unpaid invoices."""

    def clean_grace_days(self) -> int:
        """Refuse a grace that the plan's dunning policy contradicts."""
        days = int(self.cleaned_data["grace_days"])
        found = policies.complaints_about_grace(self.instance, days)
        if found:
            raise forms.ValidationError(found)
        return days


@admin.register(Plan)
class PlanAdmin(DeskAdmin[Plan]):
    """What a plan costs and gives is on the pages of its versions."""

    form = PlanForm
    list_display = ("name", "code", "rank", "is_active", "contact_sales", "grace_days")
    list_filter = ("is_active", "contact_sales")
    search_fields = ("code", "name")
    fields = ("code", "name", "description", "rank", "is_active", "contact_sales", "grace_days")
    inlines = (VersionInline,)
    actions = ("start_version",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """A plan is taken off sale, not deleted: somebody may have it."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002 - Django's signature
        """Fix the code once it is in addresses and in the price map."""
        return ("code",) if obj else ()

    @admin.action(description="Start a new version", permissions=["change"])
    def start_version(self, request: HttpRequest, queryset: QuerySet[Plan]) -> None:
        """Open a draft for the selected plans, as a copy of the version in force."""
        for plan in queryset:
            draft = catalogue.start_version(plan=plan)
            self.log_action(request, [plan], f"Opened version {draft.version} as a draft.")
            messages.success(request, f"{draft} is open for editing.")


class PriceForm(ModelForm[Price]):
    """A price of a draft."""

    def clean_currency(self) -> str:
        """Take any case, and only what is a currency."""
        currency = str(self.cleaned_data["currency"]).upper()
        try:
            Money(0, currency).display()
        except ValueError as error:
            raise forms.ValidationError("Not an ISO 4217 code.") from error
        return currency


class FeatureForm(ModelForm[PlanFeature]):
    """A feature of a draft; -1 as its limit means unlimited."""

    def clean(self) -> dict[str, Any]:
        """Keep the value where its kind looks for it."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("limit") == plans.UNLIMITED:
            cleaned["limit"], cleaned["unlimited"] = None, True
        has_limit = cleaned.get("unlimited") or cleaned.get("limit") is not None
        if cleaned.get("kind") in (FeatureKind.LIMIT, FeatureKind.METERED) and not has_limit:
            self.add_error("limit", "Give a limit, or -1 for none.")
        if (cleaned.get("limit") or 0) < 0:
            self.add_error("limit", "Give a number from 0 on, or -1 for no limit.")
        return cleaned


class _DraftInline(TabularInline[Any, PlanVersion]):
    """Rows that can be edited until their version is published."""

    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: PlanVersion | None = None) -> bool:
        """Say no once the version is published."""
        return _is_draft(obj) and super().has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: PlanVersion | None = None) -> bool:
        """Say no once the version is published."""
        return _is_draft(obj) and super().has_delete_permission(request, obj)


def _is_draft(version: Any) -> bool:
    return version is None or version.published_at is None


class PriceInline(_DraftInline):
    model = Price
    form = PriceForm
    fields = ("interval", "currency", "amount_minor", "trial_days", "is_active", "amount")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002 - Django's signature
        """Leave a published price only its place on sale."""
        if _is_draft(obj):
            return ("amount",)
        return ("interval", "currency", "amount_minor", "trial_days", "amount")

    @admin.display(description="Reads")
    def amount(self, price: Price) -> str:
        """Show the amount with its currency."""
        return display.money(price.amount_minor, price.currency) if price.currency else "-"


class FeatureInline(_DraftInline):
    model = PlanFeature
    form = FeatureForm
    fields = ("key", "kind", "enabled", "limit", "unlimited", "text", "rank")

    def has_change_permission(self, request: HttpRequest, obj: PlanVersion | None = None) -> bool:
        """Say no once the version is published."""
        return _is_draft(obj) and super().has_change_permission(request, obj)


@admin.register(PlanVersion)
class PlanVersionAdmin(DeskAdmin[PlanVersion]):
    """Drafts are edited here and then published; published versions are only looked at."""

    list_display = ("__str__", "published_at")
    list_filter = ("plan", ("published_at", admin.EmptyFieldListFilter))
    list_select_related = ("plan",)
    search_fields = ("plan__code", "plan__name")
    fields = ("plan", "version", "published_at")
    readonly_fields = fields
    inlines = (PriceInline, FeatureInline)
    actions = ("publish",)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        """Versions start on the page of their plan."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """Somebody may have it."""
        return False

    @admin.action(description="Publish selected drafts", permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[PlanVersion]) -> HttpResponse | None:
        """Put drafts in force, after a question: there is no way back."""
        drafts = list(queryset.filter(published_at=None).select_related("plan"))
        if drafts and not confirm.is_confirmed(request):
            return confirm.ask(
                self,
                request,
                rows=drafts,
                action="publish",
                question="Published versions are final, and new subscriptions get them at once. "
                "Prices still need a name at the provider (manage.py push_catalogue). Publish?",
                verb="Publish",
            )
        for draft in drafts:
            catalogue.publish_version(version=draft, now=clock.now())
        self.log_action(request, drafts, "Published.")
        messages.success(request, f"{len(drafts)} versions published.")
        return None


class ExternalPriceInline(ReadOnlyInline[ExternalPrice, Price]):
    model = ExternalPrice
    fields = ("provider", "external_id", "external_product_id")


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin[Price]):
    """Prices with what the providers call them."""

    list_display = ("__str__", "amount", "interval", "is_active", "trial_days")
    list_filter = ("is_active", "interval", "currency")
    list_select_related = ("plan_version__plan",)
    search_fields = ("plan_version__plan__code", "external_prices__external_id")
    fields = (
        "plan_version",
        "amount",
        "interval",
        "currency",
        "usage_type",
        "trial_days",
        "is_active",
    )
    inlines = (ExternalPriceInline,)

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, price: Price) -> str:
        """Show the amount with its currency."""
        return display.money(price.amount_minor, price.currency)
