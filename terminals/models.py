"""Readers, and the payments that they take."""

from django.db import models
from django.db.models import F, Q

from billing.enums import Provider
from billing.models import MerchantAccount, Obligation
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization
from terminals.enums import OPEN_STATUSES, CaptureMethod, PaymentStatus


class Terminal(BaseModel):
    """A reader: `tmr_…` at Stripe, a hardware serial number at CardConnect.

    What it is doing is not kept here: a payment holds it (`TerminalPayment.holds_reader`).
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="terminals")
    provider = models.CharField(max_length=20, choices=Provider.choices)
    account = models.ForeignKey(
        MerchantAccount,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="terminals",
        help_text="Empty: the provider has one account for all.",
    )
    external_id = models.CharField(max_length=100, help_text="Reader id or serial number.")
    label = models.CharField(max_length=100)
    location = models.CharField(max_length=100, blank=True)
    device_type = models.CharField(max_length=50, blank=True)
    is_online = models.BooleanField(default=False)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(
        null=True, blank=True, help_text="When its provider was last asked."
    )
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet["Terminal"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "external_id"],
                condition=Q(removed_at=None),
                name="terminal_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "-created_at", "-id"],
                condition=Q(removed_at=None),
                name="terminal_list",
            ),
        ]

    def __str__(self) -> str:
        return self.label


class TerminalPayment(BaseModel):
    """One basket that is to be paid at a reader. Its debt and the tries at it are billing's rows.

    Amounts in minor units. `authorized_minor` is what the card was asked for, tip included.
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="terminal_payments")
    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="payments")
    obligation = models.OneToOneField(Obligation, models.PROTECT, related_name="terminal_payment")
    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255, blank=True, help_text="The provider's payment.")
    reference = models.CharField(
        max_length=100, blank=True, help_text="The till's own name of the basket."
    )
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    capture_method = models.CharField(
        max_length=10, choices=CaptureMethod.choices, default=CaptureMethod.AUTOMATIC
    )
    asks_for_tip = models.BooleanField(default=False)
    metadata = models.JSONField(default=dict, blank=True)
    started_by = models.CharField(
        max_length=150, blank=True, help_text="The till, by the name of its key, or who else."
    )
    status = models.CharField(
        max_length=20, choices=PaymentStatus.choices, default=PaymentStatus.REQUIRES_TERMINAL
    )
    holds_reader = models.BooleanField(
        default=False, help_text="Nobody else may start the reader meanwhile."
    )
    held_since = models.DateTimeField(null=True, blank=True)
    authorized_minor = models.BigIntegerField(default=0)
    tip_minor = models.BigIntegerField(default=0)
    captured_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    decline_code = models.CharField(max_length=100, blank=True)
    card = models.JSONField(
        default=dict, blank=True, help_text="What a receipt says of the card, listed fields only."
    )
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    authorized_at = models.DateTimeField(null=True, blank=True)
    capture_before = models.DateTimeField(null=True, blank=True)
    captured_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    snapshot_at = models.DateTimeField(
        null=True, blank=True, help_text="When the fetch began that was last applied."
    )

    objects = TenantQuerySet["TerminalPayment"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["terminal"],
                condition=Q(holds_reader=True),
                name="terminal_payment_one_at_a_reader",
            ),
            models.UniqueConstraint(
                fields=["provider", "external_id"],
                condition=~Q(external_id=""),
                name="terminal_payment_once",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="terminal_payment_amount"),
            models.CheckConstraint(
                condition=Q(captured_minor__lte=F("authorized_minor")),
                name="terminal_payment_captured",
            ),
            models.CheckConstraint(
                condition=Q(refunded_minor__lte=F("captured_minor")),
                name="terminal_payment_refunded",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "-created_at", "-id"], name="terminal_payment_list"
            ),
            models.Index(
                fields=["organization", "reference"],
                condition=~Q(reference=""),
                name="terminal_payment_reference",
            ),
            models.Index(
                fields=["terminal", "-created_at"],
                condition=Q(status__in=OPEN_STATUSES),
                name="terminal_payment_open",
            ),
            models.Index(
                fields=["capture_before"],
                condition=Q(status=PaymentStatus.REQUIRES_CAPTURE),
                name="terminal_payment_forgotten",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference or self.pk} ({self.status})"
