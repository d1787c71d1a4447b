"""What goes with a locked subscription, asked at once: most have none of it, and need no more."""

import enum
from uuid import UUID

from django.db import connection


class Held(enum.StrEnum):
    """What a subscription, or its payer, may have."""

    UNDECIDED = "undecided"
    """A charge whose outcome is not known."""
    OPEN_INVOICES = "open_invoices"
    DISCOUNTS = "discounts"
    WAITING_LINES = "waiting_lines"
    CREDIT = "credit"
    """Movements of the payer's credit, in any currency."""


# As plain text: it is asked for each renewal, and reckoning it costs more than answering.
_ASK = """
    SELECT EXISTS (SELECT FROM engine_engineinvoice
                   WHERE subscription_id = %(subscription)s
                     AND charge_state IN ('sent', 'unknown')),
           EXISTS (SELECT FROM engine_engineinvoice
                   WHERE subscription_id = %(subscription)s AND status = 'open'),
           EXISTS (SELECT FROM engine_enginediscount
                   WHERE subscription_id = %(subscription)s AND removed_at IS NULL),
           EXISTS (SELECT FROM engine_pendingline
                   WHERE subscription_id = %(subscription)s AND invoice_id IS NULL),
           EXISTS (SELECT FROM engine_creditentry WHERE payer_id = %(payer)s)
"""


def missing(*, subscription_id: UUID, payer_id: UUID) -> frozenset[Held]:
    """Return what there is none of. The caller has locked payer and subscription.

    Whoever writes any of it has the payer locked, so the answer holds until the transaction ends,
    or writes some itself.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ASK, {"subscription": subscription_id, "payer": payer_id})
        found = cursor.fetchone()
    return frozenset(what for what, is_there in zip(Held, found, strict=True) if not is_there)
