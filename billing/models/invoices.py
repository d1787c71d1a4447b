"""Invoices as their provider last showed them, and the mails that brought them to their payer.

The order of locks asks for none of its own here: whoever writes one of these rows has locked its
organization before.
"""

from django.db import models
from django.db.models import Q

from billing.enums import DeliveryKind, InvoiceStatus, Provider
from billing.models.customers import Customer
from billing.models.subscriptions import Subscription
from notifications.models import Message
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class Invoice(BaseModel):
    """What a payer owes or has paid; all amounts in minor units of `currency`.

    Payer and address are kept as they stood on the invoice: a document does not change when its
    payer moves.
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="invoices")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="invoices")
    subscription = models.ForeignKey(
        Subscription, models.PROTECT, null=True, blank=True, related_name="invoices"
    )
    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255)
    number = models.CharField(
        max_length=100, blank=True, help_text="The provider's; empty while it is a draft."
    )
    status = models.CharField(max_length=20, choices=InvoiceStatus.choices)
    billing_reason = models.CharField(max_length=50, blank=True)
    currency = models.CharField(max_length=3)
    subtotal_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField(default=0)
    total_minor = models.BigIntegerField(help_text="After discounts and tax.")
    amount_due_minor = models.BigIntegerField(help_text="After the payer's credit balance.")
    amount_paid_minor = models.BigIntegerField(default=0)
    amount_remaining_minor = models.BigIntegerField(default=0)
    paid_elsewhere_minor = models.BigIntegerField(default=0, help_text="Paid without the provider.")
    credited_minor = models.BigIntegerField(default=0, help_text="Taken back by credit notes.")
    refunded_minor = models.BigIntegerField(default=0, help_text="Given back of what was paid.")
    issued_at = models.DateTimeField(help_text="When the provider made it, as a draft or not.")
    finalized_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty where it is charged automatically."
    )
    paid_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    written_off_at = models.DateTimeField(null=True, blank=True)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    attempt_count = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    external_payment_id = models.CharField(max_length=255, blank=True)
    hosted_url = models.URLField(max_length=2000, blank=True)
    provider_pdf_url = models.URLField(max_length=2000, blank=True)
    payer_name = models.CharField(max_length=500, blank=True)
    payer_email = models.CharField(max_length=500, blank=True)
    payer_address = models.JSONField(default=list, blank=True, help_text="Line by line.")
    payer_tax_ids = models.JSONField(default=list, blank=True)
    has_all_lines = models.BooleanField(
        default=True, help_text="False until the lines that were left out were asked for."
    )
    lines_digest = models.CharField(max_length=64, blank=True, editable=False)
    snapshot_at = models.DateTimeField(
        editable=False, help_text="Database time at which the fetch last applied began."
    )

    objects = TenantQuerySet["Invoice"].as_manager()

    class Meta:
        ordering = ["-issued_at"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_id"], name="invoice_once"),
            models.UniqueConstraint(
                fields=["organization", "provider", "number"],
                condition=~Q(number=""),
                name="invoice_number_once",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-issued_at", "-id"], name="invoice_by_org"),
            models.Index(
                fields=["provider", "external_payment_id"],
                condition=~Q(external_payment_id=""),
                name="invoice_by_payment",
            ),
            models.Index(fields=["finalized_at"], name="invoice_finalized"),
        ]

    def __str__(self) -> str:
        return self.number or self.external_id

    @property
    def is_finalized(self) -> bool:
        """Say whether it is a document: numbered, its lines final."""
        return self.finalized_at is not None


class InvoiceLine(BaseModel):
    """One line of an invoice; replaced with its siblings while the invoice is a draft."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    external_id = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    quantity = models.PositiveIntegerField(default=1)
    amount_minor = models.BigIntegerField(
        help_text="For the whole quantity, before discounts; negative for a credit."
    )
    discount_minor = models.BigIntegerField(default=0)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True, help_text="Exclusive, UTC.")
    external_price_id = models.CharField(max_length=255, blank=True)
    is_proration = models.BooleanField(default=False)

    objects = TenantQuerySet["InvoiceLine"].as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_once"),
        ]

    def __str__(self) -> str:
        return self.description


class InvoiceDelivery(BaseModel):
    """One mail with one invoice to one address; the message says how far it has come."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="deliveries")
    kind = models.CharField(max_length=20, choices=DeliveryKind.choices)
    number = models.PositiveIntegerField(
        default=1, help_text="Which failed payment it is about, or which copy it is."
    )
    to = models.EmailField()
    message = models.OneToOneField(Message, models.PROTECT, related_name="+")

    objects = TenantQuerySet["InvoiceDelivery"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "invoice deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["invoice", "kind", "number", "to"], name="invoice_delivery_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to}"
