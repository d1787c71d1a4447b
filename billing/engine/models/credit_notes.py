"""Credit notes: what was taken back of an invoice, on a paper with a number of its own."""

from django.db import models
from django.db.models import Q

from billing.engine.models.invoices import EngineInvoice, EngineRefund
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class EngineCreditNote(BaseModel):
    """A credit note for a refund that was given. Never changed, and never taken back."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    seller = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="+"
    )
    invoice = models.ForeignKey(EngineInvoice, models.PROTECT, related_name="credit_notes")
    refund = models.OneToOneField(EngineRefund, models.PROTECT, related_name="credit_note")
    external_id = models.CharField(max_length=255, unique=True)
    number = models.CharField(max_length=50)
    amount_minor = models.BigIntegerField(help_text="In minor units, tax included.")
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=50, blank=True)
    issued_at = models.DateTimeField()

    objects = TenantQuerySet["EngineCreditNote"].as_manager()

    class Meta:
        ordering = ["-issued_at"]
        verbose_name = "credit note"
        constraints = [
            models.UniqueConstraint(
                fields=["seller", "number"], nulls_distinct=False, name="engine_credit_note_number"
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="engine_credit_note_amount"
            ),
        ]

    def __str__(self) -> str:
        return self.number
