"""Who pays, and what of theirs we keep."""

from django.db import models
from django.db.models import Q

from billing.enums import Provider
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class Payer(BaseModel):
    """A payer as the engine knows it. `our_id` is the customer of billing it stands for."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    seller = models.ForeignKey(
        Organization,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who sells to it; empty for the platform.",
    )
    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255, unique=True)
    our_id = models.CharField(max_length=64)
    email = models.EmailField(blank=True)
    name = models.CharField(max_length=200, blank=True)
    address = models.JSONField(default=list, blank=True, help_text="Lines, as on invoices.")
    tax_ids = models.JSONField(default=list, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="Where it is taxed.")
    region = models.CharField(max_length=10, blank=True)
    is_tax_exempt = models.BooleanField(default=False)
    zone = models.CharField(max_length=50, default="UTC", help_text="Whose calendar counts.")
    default_method_id = models.CharField(max_length=255, blank=True)

    objects = TenantQuerySet["Payer"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "our_id"], name="engine_payer_our_id"),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id


class CreditEntry(BaseModel):
    """One movement of a payer's credit with us; the newest one says how much there is."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    payer = models.ForeignKey(Payer, models.PROTECT, related_name="credit_entries")
    number = models.PositiveIntegerField(help_text="Without gaps, per payer and currency.")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField(help_text="Above 0: the payer has more.")
    balance_minor = models.BigIntegerField(help_text="What there is from then on.")
    invoice = models.ForeignKey(
        "engine.EngineInvoice",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="credit_entries",
    )
    reason = models.CharField(max_length=100)

    objects = TenantQuerySet["CreditEntry"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "credit entries"
        constraints = [
            models.UniqueConstraint(
                fields=["payer", "currency", "number"], name="engine_credit_number"
            ),
            models.CheckConstraint(condition=Q(balance_minor__gte=0), name="engine_credit_no_debt"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor:+} {self.currency}"
