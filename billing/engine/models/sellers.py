"""Who sells, and how their invoices are numbered."""

from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


def validate_zone(value: str) -> None:
    """Refuse a time zone that does not exist."""
    if value not in available_timezones():
        raise ValidationError("There is no such time zone.")


class SellerNumbers(BaseModel):
    """How a seller's invoice numbers look; no organization means the platform.

    A change begins another series: numbers that were given stay as they are.
    """

    organization = models.OneToOneField(
        Organization, models.PROTECT, null=True, blank=True, related_name="+"
    )
    prefix = models.CharField(
        max_length=12,
        validators=[RegexValidator(r"^[A-Z0-9]{1,12}$", "Capital letters and digits only.")],
    )
    digits = models.PositiveSmallIntegerField(
        default=6, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )
    restarts = models.CharField(
        max_length=6, choices=[("never", "Never"), ("yearly", "Each year")], default="never"
    )
    zone = models.CharField(max_length=50, default="UTC", validators=[validate_zone])

    objects = TenantQuerySet["SellerNumbers"].as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "invoice numbering"
        constraints = [
            models.UniqueConstraint(
                fields=["organization"], nulls_distinct=False, name="engine_numbers_one_per_seller"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix} ({self.organization or 'platform'})"


class NumberSeries(BaseModel):
    """How far a seller has counted. Locked by whoever finalizes an invoice, up to its commit."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="+"
    )
    series = models.CharField(max_length=30)
    last = models.PositiveBigIntegerField(default=0)

    objects = TenantQuerySet["NumberSeries"].as_manager()

    class Meta:
        verbose_name_plural = "number series"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "series"],
                nulls_distinct=False,
                name="engine_series_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.series}: {self.last}"
