"""Debts, the tries at settling them, and what happened on the way."""

from django.db import models
from django.db.models import Q

from billing.enums import (
    LIVE_ATTEMPTS,
    AttemptKind,
    AttemptState,
    CaseKind,
    CaseState,
    FactKind,
    ObligationKind,
    ObligationState,
    Provider,
    RefundReason,
)
from billing.models.quotes import Quote
from billing.models.subscriptions import Subscription
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class Obligation(BaseModel):
    """One debt. Whoever settles it, it is settled once.

    Money back is what we owe a payer: it belongs to a payment, not to a subscription, whose end
    writes off what the payer owes.
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="obligations")
    kind = models.CharField(max_length=20, choices=ObligationKind.choices)
    subscription = models.ForeignKey(
        Subscription, models.PROTECT, null=True, blank=True, related_name="obligations"
    )
    quote = models.ForeignKey(
        Quote,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="obligations",
        help_text="What was promised, for a change.",
    )
    invoice_external_id = models.CharField(
        max_length=255, blank=True, help_text="The provider's invoice, for a renewal."
    )
    external_payment_id = models.CharField(
        max_length=255, blank=True, help_text="The provider's payment, for money back."
    )
    reason = models.CharField(max_length=50, choices=RefundReason.choices, blank=True)
    note = models.CharField(
        max_length=500, blank=True, help_text="Why, in the words of whoever asked for it."
    )
    request_key = models.CharField(
        max_length=64, blank=True, help_text="What was asked for once is done once."
    )
    amount_minor = models.BigIntegerField(help_text="What is owed, in minor units.")
    currency = models.CharField(max_length=3)
    state = models.CharField(
        max_length=10, choices=ObligationState.choices, default=ObligationState.OPEN
    )
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet["Obligation"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="obligation_amount"),
            models.UniqueConstraint(
                fields=["subscription"],
                condition=Q(kind=ObligationKind.SUBSCRIPTION_START),
                name="obligation_one_start_per_subscription",
            ),
            models.UniqueConstraint(
                fields=["subscription"],
                condition=Q(kind=ObligationKind.CHANGE, state=ObligationState.OPEN),
                name="obligation_one_open_change_per_subscription",
            ),
            models.UniqueConstraint(
                fields=["subscription", "invoice_external_id"],
                condition=Q(kind=ObligationKind.RENEWAL),
                name="obligation_one_per_renewal",
            ),
            models.UniqueConstraint(
                fields=["organization", "request_key"],
                condition=~Q(request_key=""),
                name="obligation_one_per_request",
            ),
            models.CheckConstraint(
                condition=~Q(kind=ObligationKind.REFUND) | ~Q(external_payment_id=""),
                name="obligation_refund_of_a_payment",
            ),
        ]
        indexes = [
            models.Index(
                fields=["external_payment_id"],
                condition=Q(kind=ObligationKind.REFUND),
                name="obligation_refunds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor} {self.currency} ({self.state})"


class PaymentAttempt(BaseModel):
    """One try, written and committed before the provider is called.

    The provider's idempotency key is `{obligation}:{number}`; a provider without such keys gets
    `our_reference` and is asked by it.
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="attempts")
    obligation = models.ForeignKey(Obligation, models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField(help_text="1 for the first try at this obligation.")
    kind = models.CharField(max_length=20, choices=AttemptKind.choices)
    provider = models.CharField(max_length=20, choices=Provider.choices)
    state = models.CharField(
        max_length=20, choices=AttemptState.choices, default=AttemptState.CREATED
    )
    our_reference = models.CharField(max_length=64, unique=True)
    external_id = models.CharField(max_length=255, blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    decline_code = models.CharField(max_length=100, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    resolve_after = models.DateTimeField(
        null=True, blank=True, help_text="When the provider is asked (again)."
    )
    asked = models.PositiveIntegerField(default=0, help_text="How often the provider was asked.")
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet["PaymentAttempt"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["obligation", "number"], name="attempt_number_once"),
            models.UniqueConstraint(
                fields=["obligation"],
                condition=Q(state__in=LIVE_ATTEMPTS),
                name="attempt_one_live_per_obligation",
            ),
        ]
        indexes = [
            models.Index(
                fields=["resolve_after"],
                condition=Q(state__in=[AttemptState.SENT, AttemptState.UNKNOWN]),
                name="attempt_to_resolve",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.number} ({self.state})"

    @property
    def idempotency_key(self) -> str:
        """Return the stem of the provider's idempotency keys for this try."""
        return f"{self.obligation_id}:{self.number}"


class PaymentFact(BaseModel):
    """Something that happened once at the provider, unique by the provider's own id."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="payment_facts")
    subscription = models.ForeignKey(
        Subscription, models.PROTECT, null=True, blank=True, related_name="payment_facts"
    )
    provider = models.CharField(max_length=20, choices=Provider.choices)
    kind = models.CharField(max_length=20, choices=FactKind.choices)
    external_id = models.CharField(max_length=255, help_text="Unique per provider and kind.")
    amount_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    occurred_at = models.DateTimeField()
    detail = models.JSONField(default=dict, help_text="Codes and ids; never a payload.")

    objects = TenantQuerySet["PaymentFact"].as_manager()

    class Meta:
        ordering = ["-occurred_at"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "kind", "external_id"], name="fact_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"


class Case(BaseModel):
    """Something a person has to decide; never resolved in silence."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="cases")
    kind = models.CharField(max_length=20, choices=CaseKind.choices)
    state = models.CharField(max_length=10, choices=CaseState.choices, default=CaseState.OPEN)
    subscription = models.ForeignKey(
        Subscription, models.PROTECT, null=True, blank=True, related_name="cases"
    )
    external_id = models.CharField(max_length=255, help_text="The provider's object in question.")
    external_payment_id = models.CharField(
        max_length=255, blank=True, help_text="The payment that is one too many, where it is known."
    )
    refund = models.ForeignKey(
        Obligation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="cases",
        help_text="The money back that resolves it.",
    )
    summary = models.CharField(max_length=500)
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet["Case"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "external_id"], name="case_once"
            ),
        ]

    def __str__(self) -> str:
        return self.summary
