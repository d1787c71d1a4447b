"""Coupons: the catalogue's own, what providers call them, and who used one."""

from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from billing.enums import CouponDuration, Provider
from billing.models.plans import Plan
from billing.models.subscriptions import Subscription
from billing.money import Money, percent_text
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization

CODE_PATTERN = r"^[A-Z0-9_-]{1,40}$"
_PERCENT = Q(percent_off__isnull=False, amount_off_minor__isnull=True, currency="")
_AMOUNT = Q(percent_off__isnull=True, amount_off_minor__isnull=False) & ~Q(currency="")
# "NULL is at least 1" is unknown, which a check lets pass: so both are said.
_MONTHS = Q(
    duration=CouponDuration.REPEATING, duration_months__isnull=False, duration_months__gte=1
)
_NO_MONTHS = ~Q(duration=CouponDuration.REPEATING) & Q(duration_months__isnull=True)


class Coupon(BaseModel):
    """Something off, for whoever has the code. Final once a provider knows it or somebody used it.

    From then on only `is_active` and `redeem_by` may change: what was promised stays.
    """

    code = models.CharField(
        max_length=40,
        unique=True,
        validators=[RegexValidator(CODE_PATTERN, "Letters, digits, - and _ only.")],
        help_text="What a payer enters, in any case.",
    )
    name = models.CharField(max_length=40, help_text="Shown on invoices.")
    percent_off = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(Decimal(100))],
        help_text="Either this or an amount.",
    )
    amount_off_minor = models.BigIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Off each invoice, in minor units.",
    )
    currency = models.CharField(
        max_length=3, blank=True, help_text="Of the amount: ISO 4217, upper case."
    )
    duration = models.CharField(
        max_length=10, choices=CouponDuration.choices, default=CouponDuration.ONCE
    )
    duration_months = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="For coupons that last some months."
    )
    redeem_by = models.DateTimeField(
        null=True, blank=True, help_text="From this moment on it can't be used any more."
    )
    max_redemptions = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Over all payers."
    )
    is_active = models.BooleanField(default=True)
    plans = models.ManyToManyField(
        Plan, blank=True, related_name="coupons", help_text="None chosen: for every plan."
    )
    final_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When it was first pushed or used."
    )

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=Q(code__regex=CODE_PATTERN), name="coupon_code"),
            models.CheckConstraint(
                condition=_PERCENT | _AMOUNT,
                name="coupon_percent_or_amount",
                violation_error_message="Give either a percentage, or an amount and its currency.",
            ),
            models.CheckConstraint(
                condition=Q(percent_off__isnull=True) | Q(percent_off__gt=0, percent_off__lte=100),
                name="coupon_percent",
                violation_error_message="A percentage is above 0 and at most 100.",
            ),
            models.CheckConstraint(
                condition=Q(amount_off_minor__isnull=True) | Q(amount_off_minor__gt=0),
                name="coupon_amount",
                violation_error_message="An amount is above 0.",
            ),
            models.CheckConstraint(
                condition=_MONTHS | _NO_MONTHS,
                name="coupon_months",
                violation_error_message="Months belong to coupons that last some months.",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store codes in one case, so that one code is one coupon."""
        self.code = self.code.strip().upper()
        super().save(*args, **kwargs)

    @property
    def off(self) -> str:
        """Return what it takes off, as a person reads it: `20 %`, `$5.00`."""
        if self.percent_off is not None:
            return f"{percent_text(self.percent_off)} %"
        return Money(self.amount_off_minor or 0, self.currency).display()


class ExternalCoupon(BaseModel):
    """What a coupon is called at a provider."""

    coupon = models.ForeignKey(Coupon, models.PROTECT, related_name="external_coupons")
    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["coupon", "provider"], name="external_coupon_once_per_provider"
            ),
            models.UniqueConstraint(
                fields=["provider", "external_id"], name="external_coupon_id_once"
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class CouponRedemption(BaseModel):
    """One use of a coupon; without `coupon` it is one that only the provider has.

    Uses by starts that came to nothing are kept, and not counted.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="coupon_redemptions"
    )
    subscription = models.ForeignKey(
        Subscription, models.PROTECT, related_name="coupon_redemptions"
    )
    coupon = models.ForeignKey(
        Coupon, models.PROTECT, null=True, blank=True, related_name="redemptions"
    )
    code = models.CharField(max_length=100, help_text="As it was entered.")
    external_coupon_id = models.CharField(max_length=255)
    external_code_id = models.CharField(
        max_length=255, blank=True, help_text="The provider's promotion code, if it was one."
    )
    redeemed_at = models.DateTimeField()

    objects = TenantQuerySet["CouponRedemption"].as_manager()

    class Meta:
        ordering = ["-redeemed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "external_coupon_id"], name="redemption_once"
            ),
            models.UniqueConstraint(
                fields=["subscription", "coupon"],
                condition=Q(coupon__isnull=False),
                name="redemption_of_ours_once",
            ),
        ]

    def __str__(self) -> str:
        return self.code
