"""Waiting for a payment to be decided, with no database connection held meanwhile."""

import time
from collections.abc import Iterator
from uuid import UUID

from django.db import connection

from orgs.models import Organization
from terminals.enums import PaymentStatus
from terminals.models import TerminalPayment
from terminals.selectors import payments

LONGEST_WAIT_S = 25
# A till waits for a person with a card: a look every half second is soon enough.
_PAUSE_S = 0.5
_UNDECIDED = (PaymentStatus.IN_PROGRESS, PaymentStatus.UNKNOWN)


def wait_for_payment(
    *, organization: Organization, payment_id: UUID, seconds: float
) -> TerminalPayment:
    """Return a payment once a reader is no longer at it, or as it is when the time is over.

    It sleeps in the thread of its request; an ASGI server gives each request one.

    Raises:
        NotFound: no such payment of this organization.
    """
    payment = payments.get_payment(organization, payment_id)
    for pause in _pauses(payment, seconds):
        _let_go()
        time.sleep(pause)
        payment = payments.get_payment(organization, payment_id)
        if not is_undecided(payment):
            break
    return payment


def is_undecided(payment: TerminalPayment) -> bool:
    """Say whether waiting may bring something new."""
    return payment.status in _UNDECIDED


def _pauses(payment: TerminalPayment, seconds: float) -> Iterator[float]:
    """Yield how long to sleep until the next look, while there is time and it is worth it."""
    until = time.monotonic() + min(seconds, LONGEST_WAIT_S)
    while is_undecided(payment) and (left := until - time.monotonic()) > 0:
        yield min(_PAUSE_S, left)


def _let_go() -> None:
    """Give the connection back, unless a transaction of the caller's runs on it."""
    if not connection.in_atomic_block:
        connection.close()
