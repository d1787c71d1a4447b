"""Charges whose answer was lost after they had been taken for absent, and others were tried."""

from django.db import models
from django.db.models import Q

from billing.engine.models.invoices import EngineInvoice
from billing.models import PaymentAttempt
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class LateCharge(BaseModel):
    """A charge to ask about that is not its invoice's current one any more.

    Its process stood still for so long that it was taken for dead. What it took is given back.
    `ask_at` is empty once that is decided.
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    invoice = models.ForeignKey(EngineInvoice, models.PROTECT, related_name="late_charges")
    attempt = models.OneToOneField(PaymentAttempt, models.PROTECT, related_name="+")
    method_id = models.CharField(max_length=255)
    by_payer = models.BooleanField(default=False)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    sent_at = models.DateTimeField()
    ask_at = models.DateTimeField(null=True, blank=True)
    asked = models.PositiveIntegerField(default=0)
    charge_external_id = models.CharField(
        max_length=255,
        blank=True,
        help_text="What the rail calls it, where it was taken and can't be taken back.",
    )

    objects = TenantQuerySet["LateCharge"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["ask_at"],
                condition=Q(ask_at__isnull=False),
                name="engine_late_charge_to_ask",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"
