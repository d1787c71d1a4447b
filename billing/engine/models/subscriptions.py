"""Subscriptions, and what lies on them."""

from django.db import models
from django.db.models import Q

from billing.engine.holdings import Held
from billing.engine.models.catalogue import EngineCoupon, EnginePrice
from billing.engine.models.payers import Payer
from billing.enums import Provider, SubscriptionStatus
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class Collection(models.TextChoices):
    """How an invoice becomes paid; Stripe's words."""

    CHARGE_AUTOMATICALLY = "charge_automatically", "Charged to a saved method"
    SEND_INVOICE = "send_invoice", "Sent, and paid by the payer"


class EngineSubscription(BaseModel):
    """What is sold to a payer, what it was last charged for, and when something is due.

    `debit_*` is the last charge: what would be credited if it were changed now. `anchor_at` is what
    periods are counted from.
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    payer = models.ForeignKey(Payer, models.PROTECT, related_name="subscriptions")
    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255, unique=True)
    our_id = models.CharField(max_length=64, help_text="The subscription of billing it is for.")
    status = models.CharField(
        max_length=20, choices=SubscriptionStatus.choices, default=SubscriptionStatus.INCOMPLETE
    )
    price = models.ForeignKey(EnginePrice, models.PROTECT, related_name="+")
    seats = models.PositiveIntegerField()

    anchor_at = models.DateTimeField()
    zone = models.CharField(max_length=50, default="UTC")
    current_period_start = models.DateTimeField()
    current_period_end = models.DateTimeField(help_text="Exclusive, UTC.")
    is_trial = models.BooleanField(default=False, help_text="The running period is free.")
    trial_end = models.DateTimeField(null=True, blank=True)
    trial_announced_at = models.DateTimeField(null=True, blank=True)
    debit_price = models.ForeignKey(
        EnginePrice, models.PROTECT, null=True, blank=True, related_name="+"
    )
    debit_seats = models.PositiveIntegerField(default=0)
    debit_minor = models.BigIntegerField(default=0)
    debit_start = models.DateTimeField(null=True, blank=True)
    debit_end = models.DateTimeField(null=True, blank=True)

    next_price = models.ForeignKey(
        EnginePrice,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="What it becomes with its next period.",
    )
    next_seats = models.PositiveIntegerField(default=0)
    schedule_id = models.CharField(max_length=255, blank=True)
    pending_change = models.JSONField(
        null=True, blank=True, help_text="A change that happens once its invoice is paid."
    )

    cancel_at_period_end = models.BooleanField(default=False)
    canceled_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    cancel_reason = models.CharField(max_length=100, blank=True)
    cancel_comment = models.TextField(blank=True)
    resumes_at = models.DateTimeField(null=True, blank=True)

    collection = models.CharField(max_length=20, choices=Collection.choices)
    days_until_due = models.PositiveSmallIntegerField(default=0)
    default_method_id = models.CharField(max_length=255, blank=True)
    latest_invoice = models.ForeignKey(
        "engine.EngineInvoice", models.PROTECT, null=True, blank=True, related_name="+"
    )

    next_action_at = models.DateTimeField(
        null=True, blank=True, help_text="When somebody has to look at it again."
    )
    claimed_at = models.DateTimeField(null=True, blank=True, help_text="By a runner, until then.")

    # No column: what whoever has it locked found none of, so that nobody looks for it again.
    lacks: frozenset[Held] = frozenset()
    # No column either: whoever had it claimed before has not said that it was done with it.
    is_left_over: bool = False

    objects = TenantQuerySet["EngineSubscription"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "subscription"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "our_id"], name="engine_subscription_our_id"
            ),
            models.CheckConstraint(
                condition=Q(current_period_end__gt=models.F("current_period_start")),
                name="engine_subscription_period",
            ),
        ]
        indexes = [
            # The one question that is asked each minute: what it costs follows what is due.
            models.Index(
                fields=["next_action_at"],
                condition=Q(next_action_at__isnull=False),
                name="engine_subscription_due",
            ),
            # What a runner did that died before it could say so.
            models.Index(
                fields=["claimed_at"],
                condition=Q(claimed_at__isnull=False),
                name="engine_subscription_claimed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.external_id} ({self.status})"


class EngineDiscount(BaseModel):
    """A coupon that lies on a subscription. One that holds once ends with the invoice it is in."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    subscription = models.ForeignKey(EngineSubscription, models.PROTECT, related_name="discounts")
    coupon = models.ForeignKey(EngineCoupon, models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(
        "engine.EngineInvoice", models.PROTECT, null=True, blank=True, related_name="+"
    )
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet["EngineDiscount"].as_manager()

    class Meta:
        ordering = ["created_at"]
        verbose_name = "discount"

    def __str__(self) -> str:
        return str(self.coupon)


class PendingLine(BaseModel):
    """A line that waits for the next invoice: a difference that is not invoiced by itself."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    subscription = models.ForeignKey(
        EngineSubscription, models.PROTECT, related_name="pending_lines"
    )
    position = models.PositiveIntegerField()
    description = models.CharField(max_length=500)
    quantity = models.IntegerField()
    amount_minor = models.BigIntegerField()
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    external_price_id = models.CharField(max_length=255, blank=True)
    product = models.CharField(max_length=100, blank=True)
    invoice = models.ForeignKey(
        "engine.EngineInvoice", models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = TenantQuerySet["PendingLine"].as_manager()

    class Meta:
        ordering = ["position"]
        indexes = [
            models.Index(
                fields=["subscription"],
                condition=Q(invoice__isnull=True),
                name="engine_line_waiting",
            ),
        ]

    def __str__(self) -> str:
        return self.description


class HandledKey(BaseModel):
    """A write that was done: the same idempotency key gets its result, and does nothing."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    key = models.CharField(max_length=255, unique=True)
    subscription = models.ForeignKey(EngineSubscription, models.PROTECT, related_name="+")

    objects = TenantQuerySet["HandledKey"].as_manager()

    def __str__(self) -> str:
        return self.key
