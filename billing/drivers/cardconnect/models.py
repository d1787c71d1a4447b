"""What we keep of the gateway: cards, the profiles behind them, and what became of each call.

Never a card number, and of an answer only the fields that are listed here.
"""

from django.db import models
from django.db.models import Q

from billing.models import MerchantAccount
from orgs.base import BaseModel, EncryptedTextField, TenantQuerySet
from orgs.models import Organization


class AccountState(BaseModel):
    """How a merchant account is doing at the gateway, and what the gateway says of it."""

    account = models.OneToOneField(
        MerchantAccount, models.PROTECT, related_name="cardconnect_state"
    )
    broken_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when its credentials are refused."
    )
    checked_at = models.DateTimeField(null=True, blank=True)
    polled_at = models.DateTimeField(null=True, blank=True)
    funding_read_until = models.DateField(
        null=True, blank=True, help_text="The last day whose funding report was read."
    )
    updates_read_at = models.DateTimeField(
        null=True, blank=True, help_text="When the account updater was last asked."
    )
    facts = models.JSONField(
        default=dict, blank=True, help_text="The gateway's word on it: processor, AVS, fees …"
    )

    def __str__(self) -> str:
        return f"{self.account} ({'broken' if self.broken_at else 'fine'})"


class GatewayProfile(BaseModel):
    """A card as the gateway keeps it. Customers with the same card may share one.

    It belongs to the merchant account alone, and is deleted there once nobody uses it.
    """

    account = models.ForeignKey(MerchantAccount, models.PROTECT, related_name="+")
    digest = models.CharField(
        max_length=64, editable=False, help_text="Tells the profile without naming it."
    )
    profile = EncryptedTextField(help_text="The gateway's profile and account id.")
    token = EncryptedTextField()
    fingerprint = models.CharField(
        max_length=64, editable=False, help_text="The same for the same card of a site."
    )
    brand = models.CharField(max_length=20, blank=True)
    last4 = models.CharField(max_length=4)
    exp_month = models.PositiveSmallIntegerField()
    exp_year = models.PositiveSmallIntegerField()
    data_changed_at = models.DateTimeField(
        null=True, blank=True, help_text="When the updater brought another number or expiry."
    )
    unused_since = models.DateTimeField(
        null=True, blank=True, help_text="When the last card that used it was removed."
    )
    gone_at = models.DateTimeField(null=True, blank=True, help_text="Deleted at the gateway.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "digest"], name="cardconnect_profile_once"),
        ]
        indexes = [
            models.Index(
                fields=["unused_since"],
                condition=Q(unused_since__isnull=False, gone_at=None),
                name="cardconnect_profile_unused",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand or 'card'} {self.last4}"


class StoredCard(BaseModel):
    """A payer's card: what the rest of Till knows by `cc_pm_…`."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    payer_id = models.CharField(max_length=255, help_text="The payer, as cc_cus_….")
    external_id = models.CharField(max_length=64, unique=True)
    profile = models.ForeignKey(GatewayProfile, models.PROTECT, related_name="cards")
    idempotency_key = models.CharField(max_length=255, editable=False)
    detached_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet["StoredCard"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "idempotency_key"],
                condition=Q(detached_at=None),
                name="cardconnect_card_once_per_key",
            ),
            models.UniqueConstraint(
                fields=["payer_id", "profile"],
                condition=Q(detached_at=None),
                name="cardconnect_card_once_per_payer",
            ),
        ]
        indexes = [models.Index(fields=["payer_id"], name="cardconnect_card_payer")]

    def __str__(self) -> str:
        return self.external_id


class TransactionKind(models.TextChoices):
    """What a transaction at the gateway is."""

    CHARGE = "charge", "Charge"
    REFUND = "refund", "Refund"
    HOSTED = "hosted", "Hosted payment page"
    SALE = "sale", "Card at a reader"


class TransactionState(models.TextChoices):
    """What became of it.

    `begun`: a refund about to be tried for the first time. `queued`: one that waits for its charge
    to settle. `authorized`: a sale that holds money of which nothing was taken yet.
    """

    BEGUN = "begun", "Begun"
    QUEUED = "queued", "Queued"
    SENT = "sent", "Sent"
    AUTHORIZED = "authorized", "Authorized"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"
    VOIDED = "voided", "Voided"
    ABSENT = "absent", "Not processed"
    SETTLED = "settled", "Settled"
    REJECTED = "rejected", "Rejected at settlement"


class GatewayTransaction(BaseModel):
    """A transaction as the gateway last showed it: the listed fields of its answers, no others.

    It is no write-ahead row (that is `PaymentAttempt`): it is written when there is an answer, when
    a refund has to wait, or right before a reader is asked, whose answer takes minutes.

    `amount_minor` is what is settled in the end: of a sale, its tip included, what was asked for
    and, once it was captured, what was captured.
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    account = models.ForeignKey(MerchantAccount, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=TransactionKind.choices)
    state = models.CharField(max_length=10, choices=TransactionState.choices)
    reference = models.CharField(max_length=19, help_text="Our order id.")
    retref = models.CharField(max_length=14, blank=True)
    parent_retref = models.CharField(max_length=14, blank=True, help_text="What is refunded.")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    authorized_minor = models.BigIntegerField(
        default=0, help_text="Of a sale: what its card was approved for."
    )
    tip_minor = models.BigIntegerField(default=0, help_text="Of a sale: the tip in it.")
    sent_at = models.DateTimeField(
        null=True, blank=True, help_text="Of a sale: when its reader was asked."
    )
    looked_again_at = models.DateTimeField(
        null=True, blank=True, help_text="Of a sale: when nothing more could come of it."
    )
    respstat = models.CharField(max_length=1, blank=True)
    respproc = models.CharField(max_length=4, blank=True)
    respcode = models.CharField(max_length=4, blank=True)
    authcode = models.CharField(max_length=6, blank=True)
    avsresp = models.CharField(max_length=2, blank=True)
    cvvresp = models.CharField(max_length=1, blank=True)
    setlstat = models.CharField(max_length=30, blank=True)
    batchid = models.CharField(max_length=20, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    paid_out_on = models.DateField(
        null=True, blank=True, help_text="When it reached, or left, the merchant's bank account."
    )
    is_told = models.BooleanField(
        default=False, editable=False, help_text="Whether its settlement was told of."
    )
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When the gateway was last asked about it."
    )

    objects = TenantQuerySet["GatewayTransaction"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "reference"], name="cardconnect_transaction_once"
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gte=0), name="cardconnect_transaction_amount"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "retref"], name="cardconnect_transaction_retref"),
            models.Index(
                fields=["account", "decided_at"],
                condition=Q(state="approved"),
                name="cardconnect_unsettled",
            ),
            models.Index(
                fields=["account", "updated_at"],
                condition=Q(is_told=False, state__in=["settled", "rejected"]),
                name="cardconnect_untold",
            ),
            models.Index(
                fields=["asked_at"],
                condition=Q(state="queued"),
                name="cardconnect_queued",
            ),
            models.Index(
                fields=["sent_at"],
                condition=Q(kind="sale", looked_again_at=None),
                name="cardconnect_second_look",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class FundingReport(BaseModel):
    """What the gateway says was paid out to a merchant account on a day.

    Its sums are shown as the gateway wrote them and never reckoned with: cents or whole units?
    """

    account = models.ForeignKey(MerchantAccount, models.PROTECT, related_name="+")
    day = models.DateField()
    external_id = models.CharField(max_length=64, blank=True, help_text="The gateway's name of it.")
    net_sales = models.CharField(max_length=30, blank=True, help_text="In the gateway's words.")
    transactions = models.PositiveIntegerField(default=0)
    reversals = models.PositiveIntegerField(
        default=0, help_text="Chargebacks and returns in it, their ends included."
    )
    unknown = models.PositiveIntegerField(
        default=0, help_text="Those among them of charges that are not ours."
    )
    read_at = models.DateTimeField()

    class Meta:
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(fields=["account", "day"], name="cardconnect_funding_once"),
        ]

    def __str__(self) -> str:
        return f"{self.account}, {self.day}"


class ReversalKind(models.TextChoices):
    """How a bank took a charge back."""

    CHARGEBACK = "chargeback", "Chargeback"
    RETURN = "return", "Returned by the bank"


class GatewayReversal(BaseModel):
    """A charge that a bank took back, as funding reports tell it: `cc_dp_…` for the rest of Till.

    A chargeback may be won; what a bank returned is gone.
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    account = models.ForeignKey(MerchantAccount, models.PROTECT, related_name="+")
    charge = models.ForeignKey(GatewayTransaction, models.PROTECT, related_name="reversals")
    kind = models.CharField(max_length=10, choices=ReversalKind.choices)
    external_id = models.CharField(max_length=64, unique=True)
    number = models.CharField(max_length=50, help_text="The case, or the return's reference.")
    reason_code = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=100, blank=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    opened_on = models.DateField()
    won_on = models.DateField(null=True, blank=True, help_text="When the money came back.")

    objects = TenantQuerySet["GatewayReversal"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "number"], name="cardconnect_reversal_once"
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="cardconnect_reversal_amount"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"
