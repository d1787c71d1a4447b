"""The closed vocabularies of billing (Stripe's words where Stripe has one)."""

from django.db.models import TextChoices


class Provider(TextChoices):
    """Who moves the money."""

    STRIPE = "stripe", "Stripe"
    CARDCONNECT = "cardconnect", "CardConnect"
    CUSTOM = "custom", "Invoiced by hand"


class Interval(TextChoices):
    """How often a price is charged."""

    MONTH = "month", "Monthly"
    YEAR = "year", "Yearly"


class UsageType(TextChoices):
    """Charged for being there, or for what was used."""

    LICENSED = "licensed", "Licensed"
    METERED = "metered", "Metered"


class FeatureKind(TextChoices):
    """How a feature's value is read."""

    BOOL = "bool", "On or off"
    LIMIT = "limit", "Limit"
    METERED = "metered", "Metered"
    TEXT = "text", "Text"


class SubscriptionStatus(TextChoices):
    """The life of a subscription; the same eight words as Stripe's."""

    INCOMPLETE = "incomplete", "Incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired", "Incomplete, expired"
    TRIALING = "trialing", "Trialing"
    ACTIVE = "active", "Active"
    PAST_DUE = "past_due", "Past due"
    UNPAID = "unpaid", "Unpaid"
    PAUSED = "paused", "Paused"
    CANCELED = "canceled", "Canceled"


class AccessLevel(TextChoices):
    """What an organization may do right now."""

    FULL = "full", "Full"
    GRACE = "grace", "Grace"
    RESTRICTED = "restricted", "Restricted"
    NONE = "none", "None"


class ObligationKind(TextChoices):
    """What a debt is for."""

    SUBSCRIPTION_START = "subscription_start", "First invoice"
    RENEWAL = "renewal", "Renewal"
    CHANGE = "change", "Plan change"
    CHECKOUT = "checkout", "Checkout"
    TERMINAL = "terminal", "Terminal basket"
    INVOICE = "invoice", "Manual invoice"
    REFUND = "refund", "Money back"


class ObligationState(TextChoices):
    """Open until somebody paid it or it no longer has to be paid."""

    OPEN = "open", "Open"
    SETTLED = "settled", "Settled"
    VOID = "void", "Void"


class AttemptKind(TextChoices):
    """Which rail an attempt runs on."""

    CARD = "card", "Card"
    HOSTED_CHECKOUT = "hosted_checkout", "Provider's checkout page"
    TERMINAL = "terminal", "Terminal"
    CAPTURE = "capture", "Capture of an authorization"
    MANUAL = "manual", "Marked paid"
    FREE = "free", "Nothing to pay"
    REFUND = "refund", "Money back"


class AttemptState(TextChoices):
    """One try at settling an obligation.

    `created`: written, nothing sent. `sent`: the call is under way (or its process died: it then
    counts as unknown once `resolve_after` has passed). `unknown`: sent, no usable answer.
    """

    CREATED = "created", "Created"
    SENT = "sent", "Sent"
    UNKNOWN = "unknown", "Unknown"
    REQUIRES_ACTION = "requires_action", "The payer must act"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    NOT_PROCESSED = "not_processed", "Not processed"
    CANCELED = "canceled", "Canceled"


class InboxState(TextChoices):
    """How far a provider's event has come."""

    PENDING = "pending", "Pending"
    PROCESSING = "processing", "Processing"
    DONE = "done", "Done"
    FAILED = "failed", "Failed, will be tried again"
    DEAD = "dead", "Dead"


class Proration(TextChoices):
    """How the difference is charged when a subscription changes within a period."""

    INVOICE = "invoice", "Invoice it now"
    NEXT_INVOICE = "next_invoice", "Put it on the next invoice"
    NONE = "none", "Charge nothing for this period"


class Effective(TextChoices):
    """When a change takes place."""

    NOW = "now", "Now"
    PERIOD_END = "period_end", "At the end of the period"


class QuoteKind(TextChoices):
    """What a quote is for."""

    START = "start", "A first subscription"
    CHANGE = "change", "A change"
    RENEWAL = "renewal", "The next regular invoice"
    CANCEL = "cancel", "An end"


class InvoiceStatus(TextChoices):
    """The life of an invoice; Stripe's words."""

    DRAFT = "draft", "Draft"
    OPEN = "open", "Open"
    PAID = "paid", "Paid"
    VOID = "void", "Void"
    UNCOLLECTIBLE = "uncollectible", "Uncollectible"


class DeliveryKind(TextChoices):
    """Why an invoice was mailed."""

    DUE = "due", "To be paid"
    PAID = "paid", "Paid"
    PAYMENT_FAILED = "payment_failed", "Its payment failed"
    COPY = "copy", "Sent again"


class CreditNoteStatus(TextChoices):
    """The life of a credit note; Stripe's words."""

    ISSUED = "issued", "Issued"
    VOID = "void", "Void"


class RefundStatus(TextChoices):
    """The life of a refund; Stripe's words."""

    PENDING = "pending", "Pending"
    REQUIRES_ACTION = "requires_action", "The payer must act"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"


class RefundReason(TextChoices):
    """Why money is given back; Stripe's words, and one for everything else."""

    REQUESTED_BY_CUSTOMER = "requested_by_customer", "The customer asked for it"
    DUPLICATE = "duplicate", "Paid twice"
    FRAUDULENT = "fraudulent", "Fraud"
    OTHER = "other", "Something else"


class DisputeStatus(TextChoices):
    """The life of a dispute; Stripe's words. A warning takes no money (yet)."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response", "Inquiry, needs an answer"
    WARNING_UNDER_REVIEW = "warning_under_review", "Inquiry, under review"
    WARNING_CLOSED = "warning_closed", "Inquiry, closed"
    NEEDS_RESPONSE = "needs_response", "Needs an answer"
    UNDER_REVIEW = "under_review", "Under review"
    WON = "won", "Won"
    LOST = "lost", "Lost"
    PREVENTED = "prevented", "Prevented"


class CouponDuration(TextChoices):
    """How long a coupon takes something off; Stripe's words."""

    ONCE = "once", "The first invoice"
    REPEATING = "repeating", "Some months"
    FOREVER = "forever", "As long as the subscription"


class CheckoutMode(TextChoices):
    """Where the payer enters the card."""

    HOSTED_PAGE = "hosted_page", "Our page"
    HOSTED_PROVIDER = "hosted_provider", "The provider's page"
    EMBEDDED = "embedded", "Embedded"


class CheckoutStatus(TextChoices):
    """What a checkout has come to."""

    OPEN = "open", "Open"
    COMPLETE = "complete", "Complete"
    EXPIRED = "expired", "Expired"


class FactKind(TextChoices):
    """Things that happened once and that a later snapshot would no longer show."""

    PAYMENT_FAILED = "payment_failed", "Payment failed"
    PAYMENT_SUCCEEDED = "payment_succeeded", "Payment succeeded"
    ACTION_REQUIRED = "action_required", "Payer must act"
    REFUNDED = "refunded", "Refunded"
    DISPUTED = "disputed", "Disputed"
    TRIAL_ENDING = "trial_ending", "Trial about to end"


class CaseKind(TextChoices):
    """Why somebody has to look."""

    LATE_WINNER = "late_winner", "A payment arrived although the debt was already settled"
    OTHER_AMOUNT = "other_amount", "The provider charged another amount than was quoted"
    DISPUTE = "dispute", "A payer disputes a payment"
    REFUND_FAILED = "refund_failed", "The bank sent a refund back"
    UNKNOWN_OUTCOME = "unknown_outcome", "What became of a payment can't be learned"
    NOT_SETTLED = "not_settled", "An approved payment was rejected at settlement"


class CaseState(TextChoices):
    """Whether it was dealt with."""

    OPEN = "open", "Open"
    RESOLVED = "resolved", "Resolved"


class SalesState(TextChoices):
    """How far staff have come with somebody who wants a plan that is agreed individually."""

    NEW = "new", "New"
    CONTACTED = "contacted", "Contacted"
    WON = "won", "Won"
    LOST = "lost", "Lost"


class AgreementState(TextChoices):
    """Where something agreed with an organization stands."""

    PLANNED = "planned", "Starts on its day"
    STARTED = "started", "Started"
    WITHDRAWN = "withdrawn", "Withdrawn"


# Statuses in which a subscription gives (or has given and may again give) something: one of these
# per customer.
LIVE_STATUSES = (
    SubscriptionStatus.TRIALING,
    SubscriptionStatus.ACTIVE,
    SubscriptionStatus.PAST_DUE,
    SubscriptionStatus.UNPAID,
    SubscriptionStatus.PAUSED,
)
FINAL_STATUSES = (SubscriptionStatus.INCOMPLETE_EXPIRED, SubscriptionStatus.CANCELED)

# An attempt in one of these may still take the money: one of these per obligation.
LIVE_ATTEMPTS = (
    AttemptState.CREATED,
    AttemptState.SENT,
    AttemptState.UNKNOWN,
    AttemptState.REQUIRES_ACTION,
)
