"""Money on its way back: refunds, credit notes, disputes."""

from django.db import models
from django.db.models import Q

from billing.enums import CreditNoteStatus, DisputeStatus, Provider, RefundStatus
from billing.models.invoices import Invoice
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class CreditNote(BaseModel):
    """What was taken back of an invoice, before or after it was paid."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="credit_notes")
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="credit_notes")
    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255)
    number = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=10, choices=CreditNoteStatus.choices)
    amount_minor = models.BigIntegerField(help_text="In minor units, tax included.")
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=50, blank=True)
    memo = models.TextField(blank=True)
    issued_at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True, blank=True)
    snapshot_at = models.DateTimeField(editable=False)

    objects = TenantQuerySet["CreditNote"].as_manager()

    class Meta:
        ordering = ["-issued_at"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_id"], name="credit_note_once"),
        ]

    def __str__(self) -> str:
        return self.number or self.external_id


class Refund(BaseModel):
    """What was given back of a payment; the invoice is the one that was paid with it, if any."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="refunds")
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, null=True, blank=True, related_name="refunds"
    )
    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255)
    external_payment_id = models.CharField(max_length=255, blank=True)
    external_charge_id = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=20, choices=RefundStatus.choices)
    amount_minor = models.BigIntegerField(help_text="In minor units.")
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=50, blank=True)
    failure_reason = models.CharField(max_length=50, blank=True)
    requested_at = models.DateTimeField()
    snapshot_at = models.DateTimeField(editable=False)

    objects = TenantQuerySet["Refund"].as_manager()

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_id"], name="refund_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_amount"),
        ]
        indexes = [
            models.Index(fields=["provider", "external_payment_id"], name="refund_by_payment"),
        ]

    def __str__(self) -> str:
        return self.external_id


class Dispute(BaseModel):
    """A payment that its payer disputes at the bank: recorded, and answered by staff there."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="disputes")
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, null=True, blank=True, related_name="disputes"
    )
    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255)
    external_payment_id = models.CharField(max_length=255, blank=True)
    external_charge_id = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=30, choices=DisputeStatus.choices)
    amount_minor = models.BigIntegerField(help_text="In minor units.")
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=50, blank=True)
    evidence_due_at = models.DateTimeField(
        null=True, blank=True, help_text="When the answer must be in at the provider."
    )
    opened_at = models.DateTimeField()
    snapshot_at = models.DateTimeField(editable=False)

    objects = TenantQuerySet["Dispute"].as_manager()

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_id"], name="dispute_once"),
        ]
        indexes = [
            models.Index(fields=["provider", "external_payment_id"], name="dispute_by_payment"),
        ]

    def __str__(self) -> str:
        return self.external_id
