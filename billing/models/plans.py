"""The catalogue: plans, their published versions, prices and features."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from billing.enums import FeatureKind, Interval, Provider, UsageType
from orgs.base import BaseModel
from orgs.models import Organization

DEFAULT_GRACE_DAYS = 7
MAX_GRACE_DAYS = 60


class Plan(BaseModel):
    """Something an organization can subscribe to."""

    code = models.SlugField(max_length=50, unique=True, help_text="Stable name, used in URLs.")
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    is_active = models.BooleanField(default=True, help_text="Shown and open to new subscriptions.")
    contact_sales = models.BooleanField(
        default=False, help_text="Priced individually: the page asks to get in touch."
    )
    rank = models.PositiveSmallIntegerField(default=0, help_text="Order on the pages.")
    grace_days = models.PositiveSmallIntegerField(
        default=DEFAULT_GRACE_DAYS,
        validators=[MaxValueValidator(MAX_GRACE_DAYS)],
        help_text="Days of full use after a payment failed, 0 to 60. Also counts for payments "
        "that are overdue now.",
    )

    class Meta:
        ordering = ["rank", "code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(grace_days__gte=0, grace_days__lte=MAX_GRACE_DAYS),
                name="plan_grace_in_range",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PlanVersion(BaseModel):
    """What a plan costs and gives. Immutable once published; subscriptions pin one."""

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["plan", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "version"], name="plan_version_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.plan} v{self.version}"


class Price(BaseModel):
    """What one seat of a plan version costs per interval."""

    plan_version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="prices")
    interval = models.CharField(max_length=5, choices=Interval.choices)
    currency = models.CharField(max_length=3, default="USD", help_text="ISO 4217, upper case.")
    amount_minor = models.BigIntegerField(help_text="Per seat and interval, in minor units.")
    usage_type = models.CharField(
        max_length=10, choices=UsageType.choices, default=UsageType.LICENSED
    )
    trial_days = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    organization = models.ForeignKey(
        Organization,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="agreed_prices",
        help_text="Agreed with it alone, and never on sale; empty for the catalogue.",
    )

    class Meta:
        ordering = ["plan_version", "interval", "currency"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan_version", "interval", "currency", "usage_type"],
                condition=Q(organization=None),
                name="price_once",
            ),
            models.CheckConstraint(
                condition=Q(organization=None) | Q(is_active=False),
                name="price_agreed_is_not_on_sale",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.plan_version} {self.amount_minor} {self.currency}/{self.interval}"

    @property
    def is_free(self) -> bool:
        """Say whether nothing is ever charged for it."""
        return self.amount_minor == 0 and self.usage_type == UsageType.LICENSED


class ExternalPrice(BaseModel):
    """What a price is called at a provider."""

    price = models.ForeignKey(Price, models.CASCADE, related_name="external_prices")
    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255)
    external_product_id = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["price", "provider"], name="external_price_once_per_provider"
            ),
            models.UniqueConstraint(
                fields=["provider", "external_id"], name="external_price_id_once"
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class PlanFeature(BaseModel):
    """One thing a plan version gives."""

    plan_version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="features")
    key = models.SlugField(max_length=50)
    kind = models.CharField(max_length=10, choices=FeatureKind.choices)
    enabled = models.BooleanField(default=False, help_text="For kind bool.")
    limit = models.BigIntegerField(null=True, blank=True, help_text="For limit and metered.")
    unlimited = models.BooleanField(default=False, help_text="Rendered as -1.")
    text = models.CharField(max_length=200, blank=True, help_text="For kind text.")
    rank = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["plan_version", "rank", "key"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan_version", "key"], name="feature_once_per_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"

    @property
    def value(self) -> bool | int | str | None:
        """Return the value as the catalogue shows it; -1 means unlimited."""
        if self.kind == FeatureKind.BOOL:
            return self.enabled
        if self.kind == FeatureKind.TEXT:
            return self.text
        return -1 if self.unlimited else self.limit
