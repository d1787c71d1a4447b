"""What a payer can pay with. Never a card number: a provider's reference, and four digits."""

from django.db import models
from django.db.models import Q

from billing.enums import Provider
from billing.models.customers import Customer
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization

_BRANDS = {
    "": "Card",
    "unknown": "Card",
    "amex": "American Express",
    "diners": "Diners Club",
    "eftpos_au": "Eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
}
_KINDS = {
    "acss_debit": "Bank account",
    "au_becs_debit": "Bank account",
    "bacs_debit": "Bank account",
    "paypal": "PayPal",
    "sepa_debit": "Bank account",
    "us_bank_account": "Bank account",
}


class DeclinedCard(BaseModel):
    """That a card was declined when it was to be kept: no debt and no try stand behind it.

    Nothing of the card is kept. It counts against whoever tries cards out.
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    provider = models.CharField(max_length=20, choices=Provider.choices)
    declined_at = models.DateTimeField()

    objects = TenantQuerySet["DeclinedCard"].as_manager()

    class Meta:
        ordering = ["-declined_at"]
        indexes = [
            models.Index(fields=["organization", "declined_at"], name="declined_card_by_org"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}, {self.declined_at:%Y-%m-%d %H:%M}"


class PaymentMethodQuerySet(TenantQuerySet["PaymentMethod"]):
    """Reads of payment methods."""

    def attached(self) -> "PaymentMethodQuerySet":
        """Keep what can still be charged."""
        return self.filter(detached_at=None)

    def of_payer(self) -> "PaymentMethodQuerySet":
        """Keep the organization's own, not its end customers'."""
        return self.filter(customer__reference=None)


class PaymentMethod(BaseModel):
    """A card, a bank account or the like, as the provider last showed it."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="payment_methods")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="payment_methods")
    provider = models.CharField(max_length=20, choices=Provider.choices)
    external_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=50, help_text="The provider's word for it, as: card.")
    brand = models.CharField(max_length=100, blank=True)
    last4 = models.CharField(max_length=4, blank=True)
    exp_month = models.PositiveSmallIntegerField(null=True, blank=True)
    exp_year = models.PositiveSmallIntegerField(null=True, blank=True)
    fingerprint = models.CharField(
        max_length=255, blank=True, editable=False, help_text="The same for the same card."
    )
    is_default = models.BooleanField(
        default=False, help_text="What the next invoice is charged to."
    )
    detached_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was found to be taken off."
    )
    # So that of two methods that are removed at the same moment, one stays.
    removing_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="A removal is under way until then."
    )

    objects = PaymentMethodQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_id"], name="payment_method_once"),
            models.UniqueConstraint(
                fields=["customer"],
                condition=Q(is_default=True),
                name="payment_method_one_default_per_customer",
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(detached_at=None),
                name="payment_method_default_is_attached",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at"], name="payment_method_by_org"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def is_card(self) -> bool:
        """Say whether it is a card, which expires."""
        return self.kind == "card"

    @property
    def label(self) -> str:
        """Return what people call it: "Visa ending in 4242"."""
        if self.is_card:
            name = _BRANDS.get(self.brand, self.brand.replace("_", " ").title())
        else:
            name = _KINDS.get(self.kind, self.kind.replace("_", " ").capitalize())
        return f"{name} ending in {self.last4}" if self.last4 else name

    @property
    def expiry(self) -> str:
        """Return its last month as printed on it, "12/2034"; empty for what does not expire."""
        return f"{self.exp_month:02}/{self.exp_year}" if self.exp_month and self.exp_year else ""
