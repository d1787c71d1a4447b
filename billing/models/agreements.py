"""What staff run by hand: agreements with organizations, and payments seen on a bank account."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from billing.enums import AgreementState
from billing.models.invoices import Invoice
from billing.models.plans import Price
from billing.models.subscriptions import Subscription
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization

LONGEST_TERM_DAYS = 180


class Agreement(BaseModel):
    """A subscription agreed with an organization: invoiced by hand, started on its day."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="agreements")
    price = models.ForeignKey(Price, models.PROTECT, related_name="agreements")
    seats = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    starts_on = models.DateField(help_text="The day, UTC, from which periods are counted.")
    days_until_due = models.PositiveSmallIntegerField(
        default=30,
        validators=[MaxValueValidator(LONGEST_TERM_DAYS)],
        help_text="Days from an invoice to its due date.",
    )
    billing_email = models.EmailField(help_text="Where invoices go.")
    reference = models.CharField(
        max_length=100, blank=True, help_text="Contract or purchase order."
    )
    note = models.TextField(blank=True, help_text="For staff only.")
    state = models.CharField(
        max_length=10, choices=AgreementState.choices, default=AgreementState.PLANNED
    )
    subscription = models.OneToOneField(
        Subscription, models.PROTECT, null=True, blank=True, related_name="agreement"
    )
    error = models.CharField(
        max_length=300, blank=True, help_text="Why it has not started, although it should have."
    )
    request_key = models.CharField(max_length=64, help_text="A form sent twice is one agreement.")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = TenantQuerySet["Agreement"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "request_key"], name="agreement_once"),
            models.UniqueConstraint(
                fields=["organization"],
                condition=Q(state=AgreementState.PLANNED),
                name="agreement_one_planned",
            ),
            models.CheckConstraint(condition=Q(seats__gte=1), name="agreement_seats"),
        ]
        indexes = [
            models.Index(
                fields=["starts_on"],
                condition=Q(state=AgreementState.PLANNED),
                name="agreement_to_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.price.plan_version.plan} for {self.organization}"


class ManualPayment(BaseModel):
    """A payment of an invoice that staff saw on an account, in full or in part."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="manual_payments")
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="manual_payments")
    amount_minor = models.BigIntegerField(help_text="In minor units.")
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=100, help_text="As it stands on the bank statement.")
    received_on = models.DateField()
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    is_too_much = models.BooleanField(
        default=False, help_text="The invoice was paid already: somebody has to give it back."
    )

    objects = TenantQuerySet["ManualPayment"].as_manager()

    class Meta:
        ordering = ["received_on", "created_at"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "reference"], name="manual_payment_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="manual_payment_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.reference} ({self.received_on})"


class BankAccount(BaseModel):
    """Where payers transfer money to, one account a currency; printed on invoices to be paid."""

    currency = models.CharField(max_length=3, unique=True, help_text="ISO 4217, upper case.")
    holder = models.CharField(max_length=100)
    number = models.CharField(max_length=50, help_text="IBAN, or the account number.")
    code = models.CharField(
        max_length=50, blank=True, help_text="BIC, routing number or sort code."
    )
    bank = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["currency"]
        constraints = [
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="bank_account_currency"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.currency}: {self.holder}"
