"""What something would cost, promised for a quarter of an hour."""

from django.db import models

from billing.enums import Effective, Proration, QuoteKind
from billing.models.plans import Price
from billing.models.subscriptions import Subscription
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class Quote(BaseModel):
    """A preview that binds: what is done with it is charged exactly so, or not done at all."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="quotes")
    kind = models.CharField(max_length=10, choices=QuoteKind.choices)
    subscription = models.ForeignKey(
        Subscription,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="quotes",
        help_text="What would change; empty for a first subscription.",
    )
    price = models.ForeignKey(Price, models.PROTECT, related_name="quotes")
    seats = models.PositiveIntegerField()
    effective = models.CharField(
        max_length=10, choices=Effective.choices, default=Effective.NOW, help_text="When."
    )
    proration = models.CharField(
        max_length=12, choices=Proration.choices, default=Proration.INVOICE
    )
    coupon = models.CharField(max_length=100, blank=True, help_text="The code that was given.")
    coupon_external_id = models.CharField(
        max_length=255, blank=True, help_text="The provider's coupon behind the code."
    )
    trial_days = models.PositiveSmallIntegerField(default=0)
    currency = models.CharField(max_length=3)
    subtotal_minor = models.BigIntegerField(help_text="Before discounts and tax, minor units.")
    discount_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField(default=0)
    total_minor = models.BigIntegerField(help_text="Below 0: becomes credit.")
    amount_due_minor = models.BigIntegerField(help_text="What would be charged.")
    lines = models.JSONField(default=list)
    proration_date = models.DateTimeField(help_text="What the difference is reckoned from.")
    charged_at_once = models.BooleanField(
        default=True, help_text="No: it is what the next regular invoice would come to."
    )
    basis = models.CharField(
        max_length=64, help_text="What the subscription was like: if that changes, it is stale."
    )
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet["Quote"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["expires_at"], name="quote_expiry")]

    def __str__(self) -> str:
        return f"{self.kind} {self.total_minor} {self.currency}"
