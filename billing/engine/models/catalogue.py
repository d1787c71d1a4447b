"""What is sold, what is taken off, and how it is taxed."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from billing.enums import CouponDuration, Interval, Provider
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class EnginePrice(BaseModel):
    """A price as the engine charges it: final, since invoices were written by it."""

    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255, unique=True)
    lookup_key = models.CharField(max_length=200)
    product = models.CharField(max_length=100, help_text="The plan's code.")
    name = models.CharField(max_length=200)
    interval = models.CharField(max_length=10, choices=Interval.choices)
    interval_count = models.PositiveSmallIntegerField(default=1)
    currency = models.CharField(max_length=3)
    unit_amount_minor = models.BigIntegerField()

    class Meta:
        ordering = ["lookup_key"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "lookup_key"], name="engine_price_lookup_key"
            ),
            models.CheckConstraint(
                condition=Q(unit_amount_minor__gte=0, interval_count__gte=1),
                name="engine_price_amount",
            ),
        ]

    def __str__(self) -> str:
        return self.lookup_key


class EngineCoupon(BaseModel):
    """A coupon of the catalogue, as the engine takes it off; final from the start."""

    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255, unique=True)
    code = models.CharField(max_length=40)
    name = models.CharField(max_length=40)
    percent_off = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    amount_off_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True)
    duration = models.CharField(max_length=10, choices=CouponDuration.choices)
    duration_months = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "code"], name="engine_coupon_code"),
            models.CheckConstraint(
                condition=Q(percent_off__isnull=False, amount_off_minor=0)
                | (Q(percent_off__isnull=True, amount_off_minor__gt=0) & ~Q(currency="")),
                name="engine_coupon_percent_or_amount",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class TaxEntry(BaseModel):
    """One rate of a seller's tax table, entered by staff; no organization means the platform."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=60, help_text="As it stands on invoices: VAT, GST.")
    percentage = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
    )
    is_inclusive = models.BooleanField(
        default=False, help_text="Prices include it; otherwise it is added."
    )
    country = models.CharField(
        max_length=2,
        validators=[RegexValidator(r"^[A-Z]{2}$", "Two capital letters.")],
        help_text="ISO 3166, upper case.",
    )
    region = models.CharField(
        max_length=10, blank=True, help_text="Replaces the country's rates for a part of it."
    )
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True, help_text="Exclusive.")

    objects = TenantQuerySet["TaxEntry"].as_manager()

    class Meta:
        ordering = ["country", "region", "name"]
        verbose_name = "tax rate"
        constraints = [
            models.CheckConstraint(
                condition=Q(percentage__gte=0, percentage__lte=100), name="engine_tax_percentage"
            ),
            models.CheckConstraint(
                condition=Q(country__regex=r"^[A-Z]{2}$"), name="engine_tax_country"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.percentage} % ({self.country} {self.region})".replace(" )", ")")
