"""Invoices with their lines, the charge behind each, and what was given back."""

from django.db import models
from django.db.models import Q

from billing.engine import ids
from billing.engine.models.payers import Payer
from billing.engine.models.subscriptions import Collection, EngineSubscription
from billing.enums import InvoiceStatus, Provider, RefundStatus
from billing.models import PaymentAttempt
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class ChargeState(models.TextChoices):
    """How the latest charge of an invoice is doing.

    `sent`: the rail is being called (or the process that called it died); `unknown`: it had no
    usable answer. In both nobody may charge it again before the rail was asked.
    """

    NONE = "none", "Not charged"
    SENT = "sent", "Sent"
    UNKNOWN = "unknown", "Unknown"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    NOT_PROCESSED = "not_processed", "Not processed"


UNDECIDED = (ChargeState.SENT, ChargeState.UNKNOWN)


class BillingReason(models.TextChoices):
    """Why there is an invoice: Stripe's words, and one of ours for what waited until the end."""

    CREATE = "subscription_create", "Start"
    CYCLE = "subscription_cycle", "Renewal"
    UPDATE = "subscription_update", "Change"
    END = "subscription_end", "End"
    MANUAL = "manual", "By hand"


class EngineInvoice(BaseModel):
    """One invoice; amounts in minor units of `currency`. Its sums never change once it is open."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    seller = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="+"
    )
    payer = models.ForeignKey(Payer, models.PROTECT, related_name="invoices")
    subscription = models.ForeignKey(
        EngineSubscription, models.PROTECT, null=True, blank=True, related_name="invoices"
    )
    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255, unique=True)
    number = models.CharField(max_length=50)
    status = models.CharField(
        max_length=15, choices=InvoiceStatus.choices, default=InvoiceStatus.OPEN
    )
    billing_reason = models.CharField(max_length=30, choices=BillingReason.choices)
    collection = models.CharField(max_length=20, choices=Collection.choices)
    currency = models.CharField(max_length=3)
    subtotal_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField(default=0)
    total_minor = models.BigIntegerField()
    credit_minor = models.BigIntegerField(
        default=0, help_text="Above 0: paid with the payer's credit. Below 0: became credit."
    )
    amount_due_minor = models.BigIntegerField()
    amount_paid_minor = models.BigIntegerField(default=0)
    paid_by_hand_minor = models.BigIntegerField(default=0, help_text="Of it: marked by staff.")
    taxes = models.JSONField(default=list, blank=True, help_text="One sum per rate.")
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    issued_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    written_off_at = models.DateTimeField(null=True, blank=True)
    payer_name = models.CharField(max_length=200, blank=True)
    payer_email = models.EmailField(blank=True)
    payer_address = models.JSONField(default=list, blank=True)
    payer_tax_ids = models.JSONField(default=list, blank=True)

    charge_state = models.CharField(
        max_length=15, choices=ChargeState.choices, default=ChargeState.NONE
    )
    attempt = models.ForeignKey(
        PaymentAttempt, models.PROTECT, null=True, blank=True, related_name="+"
    )
    charge_key = models.CharField(max_length=255, blank=True, help_text="What asked for it.")
    charge_sent_at = models.DateTimeField(null=True, blank=True)
    charge_method_id = models.CharField(max_length=255, blank=True)
    charge_by_payer = models.BooleanField(default=False)
    charge_external_id = models.CharField(max_length=255, blank=True)
    decline_code = models.CharField(max_length=100, blank=True)
    decline_kind = models.CharField(max_length=20, blank=True)
    retry_not_before = models.DateTimeField(null=True, blank=True)
    attempt_count = models.PositiveIntegerField(default=0, help_text="Charges that were decided.")
    first_failed_at = models.DateTimeField(null=True, blank=True)
    last_failed_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(
        null=True, blank=True, help_text="When the dunning policy has it looked at again."
    )

    objects = TenantQuerySet["EngineInvoice"].as_manager()

    class Meta:
        ordering = ["-issued_at"]
        verbose_name = "invoice"
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "period_start"],
                condition=Q(billing_reason=BillingReason.CYCLE),
                name="engine_invoice_one_per_period",
            ),
            models.UniqueConstraint(
                fields=["seller", "number"], nulls_distinct=False, name="engine_invoice_number"
            ),
            models.CheckConstraint(
                condition=Q(
                    amount_due_minor__gte=0,
                    amount_paid_minor__gte=0,
                    amount_paid_minor__lte=models.F("amount_due_minor"),
                ),
                name="engine_invoice_amounts",
            ),
        ]
        indexes = [
            models.Index(
                fields=["subscription"],
                condition=Q(status=InvoiceStatus.OPEN),
                name="engine_invoice_open",
            ),
            models.Index(
                fields=["charge_sent_at"],
                condition=Q(charge_state__in=UNDECIDED),
                name="engine_invoice_undecided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} ({self.status})"

    @property
    def remaining_minor(self) -> int:
        """Return what is still to be paid."""
        is_owed = self.status in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)
        return self.amount_due_minor - self.amount_paid_minor if is_owed else 0

    @property
    def is_undecided(self) -> bool:
        """Say whether a charge may have taken the money without our knowing."""
        return self.charge_state in UNDECIDED

    @property
    def holds_end(self) -> bool:
        """Say whether its subscription goes on until this was charged: what it ends with."""
        is_due = self.status == InvoiceStatus.OPEN and self.next_attempt_at is not None
        return self.billing_reason == BillingReason.END and (is_due or self.is_undecided)

    @property
    def payment_id(self) -> str:
        """Return what its payment is called: known before the rail is called."""
        return ids.payment_id(self.provider, self.attempt.our_reference) if self.attempt else ""


class EngineInvoiceLine(BaseModel):
    """One line; `amount_minor` is for the whole quantity, before discounts."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    invoice = models.ForeignKey(EngineInvoice, models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    description = models.CharField(max_length=500)
    quantity = models.IntegerField()
    amount_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    external_price_id = models.CharField(max_length=255, blank=True)
    is_proration = models.BooleanField(default=False)

    objects = TenantQuerySet["EngineInvoiceLine"].as_manager()

    class Meta:
        ordering = ["position"]
        verbose_name = "invoice line"
        constraints = [
            models.UniqueConstraint(
                fields=["invoice", "position"], name="engine_invoice_line_position"
            ),
        ]

    def __str__(self) -> str:
        return self.description


class EngineRefund(BaseModel):
    """Money that went back through the rail. Written before the rail is called."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    invoice = models.ForeignKey(EngineInvoice, models.PROTECT, related_name="refunds")
    late_charge = models.ForeignKey(
        "engine.LateCharge",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="refunds",
        help_text="The charge one too many that it gives back, not the invoice's own.",
    )
    external_id = models.CharField(max_length=255, unique=True)
    key = models.CharField(max_length=255, unique=True)
    reference = models.CharField(max_length=64, unique=True)
    amount_minor = models.BigIntegerField()
    reason = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=20, choices=RefundStatus.choices)
    is_undecided = models.BooleanField(default=False, help_text="Sent, no usable answer yet.")
    sent_at = models.DateTimeField()
    rail_id = models.CharField(max_length=255, blank=True)
    failure_reason = models.CharField(max_length=100, blank=True)

    objects = TenantQuerySet["EngineRefund"].as_manager()

    class Meta:
        ordering = ["created_at"]
        verbose_name = "refund"
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="engine_refund_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} ({self.status})"
