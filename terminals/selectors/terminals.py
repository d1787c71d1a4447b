"""Reads of readers."""

import contextlib
from collections.abc import Sequence
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from orgs.errors import NotFound
from orgs.models import Organization
from terminals.enums import OPEN_STATUSES, TerminalStatus
from terminals.models import Terminal, TerminalPayment

_OPEN = Prefetch(
    "payments",
    queryset=TerminalPayment.objects.filter(status__in=OPEN_STATUSES).order_by(
        "-holds_reader", "-created_at"
    ),
    to_attr="open_payments",
)


def list_terminals(organization: Organization) -> QuerySet[Terminal]:
    """Return an organization's readers with their open payments, in no order."""
    return with_open_payments(Terminal.objects.for_org(organization).filter(removed_at=None))


def with_open_payments(rows: QuerySet[Terminal]) -> QuerySet[Terminal]:
    """Have open payments read with their readers, in one query for all."""
    return rows.prefetch_related(_OPEN)


def get_terminal(
    organization: Organization, terminal_id: UUID, *, removed_too: bool = False
) -> Terminal:
    """Return one reader with its open payments; with `removed_too` also one that was taken away.

    Raises:
        NotFound: there is none, or it is another organization's, or was removed.
    """
    rows = with_open_payments(Terminal.objects.for_org(organization))
    if not removed_too:
        rows = rows.filter(removed_at=None)
    with contextlib.suppress(Terminal.DoesNotExist):
        return rows.get(pk=terminal_id)
    raise NotFound


def open_payment(terminal: Terminal) -> TerminalPayment | None:
    """Return the payment that holds a reader, else the newest open one made for it."""
    return next(iter(_open_payments(terminal)), None)


def status(terminal: Terminal) -> TerminalStatus:
    """Return whether a reader can take a payment now; taken from what is already read."""
    if any(payment.holds_reader for payment in _open_payments(terminal)):
        return TerminalStatus.BUSY
    return TerminalStatus.ONLINE if terminal.is_online else TerminalStatus.OFFLINE


def _open_payments(terminal: Terminal) -> Sequence[TerminalPayment]:
    found: Sequence[TerminalPayment] | None = getattr(terminal, "open_payments", None)
    if found is not None:
        return found
    payments = TerminalPayment.objects.filter(
        organization=terminal.organization_id, terminal=terminal, status__in=OPEN_STATUSES
    )
    return list(payments.order_by("-holds_reader", "-created_at"))
