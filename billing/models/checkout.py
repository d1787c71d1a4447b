"""A payer's way through one checkout, on our page or the provider's."""

from django.db import models
from django.db.models import Q

from billing.enums import CheckoutMode, CheckoutStatus, Provider
from billing.models.customers import Customer
from billing.models.plans import Price
from billing.models.subscriptions import Subscription
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class CheckoutSession(BaseModel):
    """Open for an hour; follows the local state of the subscription it started."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="checkouts")
    customer = models.ForeignKey(
        Customer, models.PROTECT, null=True, blank=True, related_name="checkouts"
    )
    mode = models.CharField(max_length=20, choices=CheckoutMode.choices)
    provider = models.CharField(max_length=20, choices=Provider.choices)
    price = models.ForeignKey(
        Price,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="checkouts",
        help_text="Empty until the payer picked one.",
    )
    seats = models.PositiveIntegerField(default=1)
    coupon_code = models.CharField(max_length=100, blank=True, help_text="As it was entered.")
    discount = models.JSONField(
        null=True, blank=True, help_text="What the coupon takes off the chosen price."
    )
    status = models.CharField(
        max_length=10, choices=CheckoutStatus.choices, default=CheckoutStatus.OPEN
    )
    token_hash = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the token in the page's address."
    )
    external_id = models.CharField(max_length=255, blank=True)
    success_url = models.URLField(max_length=2000, blank=True)
    cancel_url = models.URLField(max_length=2000, blank=True)
    subscription = models.ForeignKey(
        Subscription, models.PROTECT, null=True, blank=True, related_name="checkouts"
    )
    error_code = models.CharField(max_length=100, blank=True)
    expires_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet["CheckoutSession"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["token_hash"], condition=~Q(token_hash=""), name="checkout_token_once"
            ),
            models.UniqueConstraint(
                fields=["provider", "external_id"],
                condition=~Q(external_id=""),
                name="checkout_external_id_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(status=CheckoutStatus.OPEN),
                name="checkout_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mode} ({self.status})"
