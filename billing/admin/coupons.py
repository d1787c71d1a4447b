"""Coupons: made here, final once a provider knows them or somebody used them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse

from billing.drivers.base import DriverError
from billing.enums import Provider
from billing.models import Coupon, CouponRedemption, ExternalCoupon
from billing.money import Money
from billing.selectors import coupons
from billing.services import coupon_links
from orgs import clock, confirm
from orgs.backoffice import DeskAdmin, ReadOnlyAdmin, ReadOnlyInline

_ALWAYS_OPEN = ("is_active", "redeem_by")
_TERMS = (
    "code",
    "name",
    "percent_off",
    "amount_off_minor",
    "currency",
    "duration",
    "duration_months",
    "max_redemptions",
    "plans",
)


class CouponForm(ModelForm[Coupon]):
    """A coupon; codes and currencies are taken in any case."""

    def clean_code(self) -> str:
        """Bring the code into the case it is stored in, before it is compared with others."""
        return str(self.cleaned_data["code"]).strip().upper()

    def clean_currency(self) -> str:
        """Take any case, and only what is a currency."""
        currency = str(self.cleaned_data["currency"]).upper()
        try:
            return Money(0, currency).currency if currency else ""
        except ValueError as error:
            raise forms.ValidationError("Not an ISO 4217 code.") from error


class ExternalCouponInline(ReadOnlyInline[ExternalCoupon, Coupon]):
    model = ExternalCoupon
    fields = ("provider", "external_id")
    show_change_link = False


@admin.register(Coupon)
class CouponAdmin(DeskAdmin[Coupon]):
    """What is promised can be edited until somebody may have relied on it."""

    form = CouponForm
    list_display = ("code", "name", "off", "duration", "used", "redeem_by", "is_active")
    list_filter = ("is_active", "duration", ("final_at", admin.EmptyFieldListFilter))
    search_fields = ("code", "name", "external_coupons__external_id")
    fields = (*_TERMS, "redeem_by", "is_active", "used", "final_at")
    filter_horizontal = ("plans",)
    inlines = (ExternalCouponInline,)
    actions = ("push", "deactivate")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Coupon]:
        """Count the uses along."""
        return coupons.with_uses(super().get_queryset(request))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002 - Django's signature
        """Leave a final coupon only what stays open; the database refuses the rest too."""
        is_final = obj is not None and obj.final_at is not None
        return (*(_TERMS if is_final else ()), "used", "final_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """A coupon is taken out of use, not deleted: somebody may have it."""
        return False

    @admin.display(description="Takes off")
    def off(self, coupon: Coupon) -> str:
        """Show percentage or amount."""
        return coupon.off

    @admin.display(description="Used")
    def used(self, coupon: Coupon) -> str:
        """Show how often it was used, of how often it can be."""
        count = getattr(coupon, "used", 0)
        return f"{count} of {coupon.max_redemptions}" if coupon.max_redemptions else str(count)

    @admin.action(description="Push selected coupons to Stripe", permissions=["change"])
    def push(self, request: HttpRequest, queryset: QuerySet[Coupon]) -> HttpResponse | None:
        """Make the provider know them, after a question: from then on they are final."""
        rows = list(queryset.filter(is_active=True))
        if rows and not confirm.is_confirmed(request):
            return confirm.ask(
                self,
                request,
                rows=rows,
                action="push",
                question="Coupons that a provider knows are final. Push them?",
                verb="Push",
            )
        pushed = []
        for coupon in rows:
            try:
                coupon_links.push_coupon(coupon=coupon, provider=Provider.STRIPE, now=clock.now())
            except DriverError as error:
                messages.error(request, f"{coupon} was not pushed: {error}.")
            else:
                pushed.append(coupon)
        self.log_action(request, pushed, "Pushed to Stripe.")
        messages.success(request, f"{len(pushed)} coupons pushed.")
        return None

    @admin.action(description="Take selected coupons out of use", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Coupon]) -> None:
        """Let nobody use them any more; whoever has one keeps it."""
        rows = [
            coupon
            for coupon in queryset
            if coupon_links.deactivate_coupon(coupon=coupon, now=clock.now())
        ]
        self.log_action(request, rows, "Taken out of use.")
        messages.success(request, f"{len(rows)} coupons taken out of use.")


@admin.register(CouponRedemption)
class CouponRedemptionAdmin(ReadOnlyAdmin[CouponRedemption]):
    list_display = ("code", "organization", "subscription", "external_coupon_id", "redeemed_at")
    list_filter = (("coupon", admin.EmptyFieldListFilter),)
    list_select_related = ("organization", "subscription__plan_version__plan")
    search_fields = ("code", "external_coupon_id", "organization__name", "organization__slug")
    fields = (
        "organization",
        "subscription",
        "coupon",
        "code",
        "external_coupon_id",
        "external_code_id",
        "redeemed_at",
        "id",
    )
