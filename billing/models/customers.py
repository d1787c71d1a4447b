"""Who pays, and on which provider account."""

from django.db import models
from django.db.models import Q

from billing.enums import Provider
from orgs.base import BaseModel, EncryptedTextField, TenantQuerySet
from orgs.models import KeyMode, Organization


class MerchantAccount(BaseModel):
    """A provider account that payments run on; no organization means the platform's own.

    Its id is the `endpoint_id` of its webhook address.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="merchant_accounts"
    )
    provider = models.CharField(max_length=20, choices=Provider.choices)
    mode = models.CharField(max_length=4, choices=KeyMode.choices, default=KeyMode.TEST)
    label = models.CharField(max_length=100)
    external_id = models.CharField(max_length=255, blank=True)
    credentials = EncryptedTextField(blank=True, default=b"", help_text="JSON, encrypted.")
    webhook_secret = EncryptedTextField(blank=True, default=b"")
    is_active = models.BooleanField(default=True)

    objects = TenantQuerySet["MerchantAccount"].as_manager()

    def __str__(self) -> str:
        return self.label


class BillingProfile(BaseModel):
    """What an organization set up for its own billing."""

    organization = models.OneToOneField(
        Organization, models.PROTECT, related_name="billing_profile"
    )
    allowed_return_hosts = models.JSONField(
        default=list,
        blank=True,
        help_text='Hosts (as "shop.example" or "localhost:3000") a checkout may lead back to.',
    )

    line1 = models.CharField("address", max_length=200, blank=True)
    line2 = models.CharField("address, second line", max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    region = models.CharField(
        max_length=10, blank=True, help_text="State or province, by its code."
    )
    country = models.CharField(
        max_length=2, blank=True, help_text="Two letters; where it is taxed."
    )
    tax_id = models.CharField("tax ID", max_length=50, blank=True)

    objects = TenantQuerySet["BillingProfile"].as_manager()

    def __str__(self) -> str:
        return str(self.organization)


class Customer(BaseModel):
    """A payer. No reference: the organization itself; else one of its own end customers."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="customers")
    reference = models.CharField(  # noqa: DJ001 - NULL is the organization itself
        max_length=255, null=True, blank=True
    )
    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(
        max_length=255, blank=True, help_text="Empty until the provider was first needed."
    )
    email = models.EmailField(blank=True)
    name = models.CharField(max_length=200, blank=True)
    requested_at = models.DateTimeField(
        null=True, blank=True, help_text="When the provider was first asked to create it."
    )
    trial_redeemed_at = models.DateTimeField(
        null=True, blank=True, help_text="When its one trial began."
    )
    default_method_external_id = models.CharField(
        max_length=255,
        blank=True,
        help_text="The provider's id of what it charges unless a subscription names another.",
    )
    deleted_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When it was found deleted at the provider: the next need creates it anew.",
    )
    # NULL: never looked at. Database time, as `Subscription.snapshot_at`.
    snapshot_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the fetch last applied began."
    )

    objects = TenantQuerySet["Customer"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "reference", "provider"],
                nulls_distinct=False,
                name="customer_once_per_provider",
            ),
            models.UniqueConstraint(
                fields=["provider", "external_id"],
                condition=~Q(external_id=""),
                name="customer_external_id_once",
            ),
        ]

    def __str__(self) -> str:
        return self.external_id or self.email or str(self.pk)
