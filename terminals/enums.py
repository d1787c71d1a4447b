"""The closed vocabularies of payments in person."""

from django.db.models import TextChoices


class TerminalStatus(TextChoices):
    """Whether a reader can take a payment now."""

    ONLINE = "online", "Online"
    OFFLINE = "offline", "Offline"
    BUSY = "busy", "Busy"


class CaptureMethod(TextChoices):
    """When an approved payment is taken; Stripe's words."""

    AUTOMATIC = "automatic", "At once"
    MANUAL = "manual", "When we say so"


class PaymentStatus(TextChoices):
    """The life of a payment in person.

    `unknown`: the reader was asked, and nobody can say yet what it did. It is never declined and
    never paid, and ends by asking.
    """

    REQUIRES_TERMINAL = "requires_terminal", "Waits for a reader"
    IN_PROGRESS = "in_progress", "At the reader"
    REQUIRES_CAPTURE = "requires_capture", "Authorized"
    SUCCEEDED = "succeeded", "Paid"
    DECLINED = "declined", "Declined"
    CANCELED = "canceled", "Canceled"
    UNKNOWN = "unknown", "Not known yet"


# What is not over yet: something may still be taken, or has to be decided.
OPEN_STATUSES = (
    PaymentStatus.REQUIRES_TERMINAL,
    PaymentStatus.IN_PROGRESS,
    PaymentStatus.REQUIRES_CAPTURE,
    PaymentStatus.UNKNOWN,
)
# A declined one may be tried again; these are final.
FINAL_STATUSES = (PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED)
