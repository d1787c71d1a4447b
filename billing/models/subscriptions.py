"""What an organization (or one of its end customers) is subscribed to."""

from datetime import timedelta

from django.db import models
from django.db.models import Q

from billing.enums import FINAL_STATUSES, LIVE_STATUSES, Provider, SubscriptionStatus
from billing.models.customers import Customer
from billing.models.plans import PlanVersion, Price
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class SubscriptionQuerySet(TenantQuerySet["Subscription"]):
    """Reads of subscriptions."""

    def live(self) -> "SubscriptionQuerySet":
        """Keep what is paid for, or was until a moment ago (never the free plan)."""
        return self.filter(status__in=LIVE_STATUSES, is_free=False)

    def of_payer(self) -> "SubscriptionQuerySet":
        """Keep the organization's own, not its end customers'."""
        return self.filter(customer__reference=None)


class Subscription(BaseModel):
    """The local, webhook-driven state of one subscription."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="subscriptions")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="subscriptions")
    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255, blank=True)
    status = models.CharField(
        max_length=20, choices=SubscriptionStatus.choices, default=SubscriptionStatus.INCOMPLETE
    )
    is_free = models.BooleanField(default=False, help_text="The local free plan: never charged.")
    plan_version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="subscriptions")
    price = models.ForeignKey(Price, models.PROTECT, related_name="subscriptions")
    seats = models.PositiveIntegerField(default=1)
    current_period_start = models.DateTimeField(null=True, blank=True)
    current_period_end = models.DateTimeField(null=True, blank=True, help_text="Exclusive, UTC.")
    cancel_at_period_end = models.BooleanField(default=False)
    cancel_at = models.DateTimeField(null=True, blank=True)
    canceled_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    trial_days = models.PositiveSmallIntegerField(
        default=0, help_text="The trial it was started with."
    )
    trial_end = models.DateTimeField(null=True, blank=True)
    activated_at = models.DateTimeField(
        null=True, blank=True, help_text="First moment it gave access."
    )
    past_due_since = models.DateTimeField(
        null=True, blank=True, help_text="When its payment became overdue: grace counts from here."
    )
    grace_extension = models.DurationField(
        default=timedelta,
        help_text="Added to grace: while the provider was failing, nobody's time ran out.",
    )
    pending_change = models.JSONField(null=True, blank=True)
    discount = models.JSONField(
        null=True, blank=True, help_text="The coupon that lies on it, as the API shows it."
    )
    resumes_at = models.DateTimeField(
        null=True, blank=True, help_text="When a pause ends by itself."
    )
    cancel_reason = models.CharField(max_length=100, blank=True, help_text="Why they leave.")
    cancel_comment = models.TextField(blank=True)
    billing_email = models.EmailField(blank=True)
    reminded_for = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="The end of the period before which its payer was told of the renewal.",
    )
    payment_method_external_id = models.CharField(
        max_length=255,
        blank=True,
        help_text="The provider's id of what it is charged to; empty: the payer's default.",
    )
    latest_invoice_external_id = models.CharField(max_length=255, blank=True)
    # NULL: nothing was applied yet. Database time, so that every process means the same clock.
    snapshot_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the fetch last applied began."
    )
    request_key = models.CharField(
        max_length=255, blank=True, help_text="Idempotency-Key that started it."
    )

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["customer"],
                condition=Q(status__in=LIVE_STATUSES, is_free=False),
                name="subscription_one_live_per_customer",
            ),
            models.UniqueConstraint(
                fields=["customer"],
                condition=Q(status=SubscriptionStatus.ACTIVE, is_free=True),
                name="subscription_one_free_per_customer",
            ),
            models.UniqueConstraint(
                fields=["provider", "external_id"],
                condition=~Q(external_id=""),
                name="subscription_external_id_once",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at"], name="subscription_by_org"),
            models.Index(
                fields=["current_period_end"],
                condition=Q(status__in=LIVE_STATUSES),
                name="subscription_due",
            ),
            models.Index(
                fields=["organization"],
                condition=Q(status=SubscriptionStatus.INCOMPLETE),
                name="subscription_unfinished",
            ),
            models.Index(
                fields=["past_due_since"],
                condition=Q(status=SubscriptionStatus.PAST_DUE),
                name="subscription_in_grace",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_version} ({self.status})"

    @property
    def is_live(self) -> bool:
        """Say whether it is paid for, or was until a moment ago."""
        return self.status in LIVE_STATUSES and not self.is_free

    @property
    def is_final(self) -> bool:
        """Say whether nothing can happen to it any more."""
        return self.status in FINAL_STATUSES

    @property
    def auto_renew(self) -> bool:
        """Say whether it goes on after the current period."""
        return not (self.cancel_at_period_end or self.cancel_at or self.is_final)
