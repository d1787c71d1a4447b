"""Where a provider and our rows disagree, and what can be done about it.

The vocabularies stand beside the facts they belong to; `docs/runbooks/reconciliation.md` says of
each kind what it means and what to do.
"""

import dataclasses
from typing import Any
from uuid import UUID

from django.db.models import TextChoices


class DifferenceKind(TextChoices):
    """What differs."""

    SUBSCRIPTION_UNKNOWN = "subscription_unknown", "Subscription unknown here"
    SUBSCRIPTION_MISSING = "subscription_missing", "Subscription missing at the provider"
    STATUS = "status", "Status"
    PERIOD = "period", "Period"
    PRICE = "price", "Price"
    SEATS = "seats", "Seats"
    CANCELLATION = "cancellation", "Planned end"
    SCHEDULED_CHANGE = "scheduled_change", "Planned change"
    DISCOUNT = "discount", "Discount"
    DEFAULT_METHOD = "default_method", "Default payment method"
    PAYMENT_METHODS = "payment_methods", "Payment methods"
    CUSTOMER_EMAIL = "customer_email", "Customer's e-mail"
    CUSTOMER_MISSING = "customer_missing", "Customer missing at the provider"
    INVOICE_UNKNOWN = "invoice_unknown", "Invoice unknown here"
    INVOICE_MISSING = "invoice_missing", "Invoice missing at the provider"
    INVOICE_STATUS = "invoice_status", "Invoice's status"
    INVOICE_AMOUNT = "invoice_amount", "Invoice's amount"
    AMOUNT_PAID = "amount_paid", "Amount paid"
    REFUND_UNKNOWN = "refund_unknown", "Refund unknown here"
    REFUND = "refund", "Refund's status or amount"
    EVENT_MISSED = "event_missed", "Event never received"
    ATTEMPT_UNDECIDED = "attempt_undecided", "Payment attempt undecided for long"
    NOT_SETTLED = "not_settled", "Captured, and not settled in time"
    SETTLEMENT_REJECTED = "settlement_rejected", "Settlement rejected"
    SETTLED_AMOUNT = "settled_amount", "Settled amount"
    TRANSACTION_UNKNOWN = "transaction_unknown", "Transaction unknown here"


class DifferenceState(TextChoices):
    """Open until it is gone; ignored while it stays exactly as it is."""

    OPEN = "open", "Open"
    IGNORED = "ignored", "Ignored"
    RESOLVED = "resolved", "Resolved"


class Remedy(TextChoices):
    """What would end a difference."""

    ADOPT = "adopt", "Adopt the provider's"
    PUSH = "push", "Push ours to the provider"
    LOOK = "look", "A person has to look"


class Resolution(TextChoices):
    """How a difference ended."""

    GONE = "gone", "It was gone"
    ADOPTED = "adopted", "The provider's was adopted"
    PUSHED = "pushed", "Ours was pushed"


class Scope(TextChoices):
    """How much a reconciliation compares."""

    RECENT = "recent", "What happened lately"
    FULL = "full", "Everything"


class RunState(TextChoices):
    """How far a reconciliation has come."""

    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    LOST = "lost", "Lost: its process died"


Shown = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """One difference. `ours` and `theirs` are fit to be shown: ids, words, amounts, times."""

    kind: DifferenceKind
    ours: Shown
    theirs: Shown
    remedy: Remedy = Remedy.ADOPT


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What a comparison of one object came to; nothing found is news as well.

    `external_id` is the provider's id, or ours for what has none there. `organization_id` is None
    for what is nobody's of ours.
    """

    organization_id: UUID | None
    provider: str
    object_type: str
    external_id: str
    object_id: str = ""
    found: tuple[Found, ...] = ()
