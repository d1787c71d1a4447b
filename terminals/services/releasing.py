"""The way out of a stale lock: a reader that a payment holds although nothing is under way."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.enums import AttemptState
from billing.services import abandon, settlement
from billing.types import Cause
from orgs.models import Organization
from terminals.enums import PaymentStatus
from terminals.models import TerminalPayment
from terminals.selectors import terminals
from terminals.services import asking, lines, rows


def release_terminal(
    *, organization: Organization, terminal_id: UUID, by: str = "", cause: Cause, now: datetime
) -> TerminalPayment | None:
    """Free a reader of the payment that holds it; return that payment, None if none does.

    A try that was never sent is ended by it; one that was is asked about first, and while nobody
    knows what became of it, the reader stays held: the card may still be charged.

    Raises:
        NotFound: no such reader of this organization.
        PaymentPending: what became of the payment is not known yet.
    """
    terminal = terminals.get_terminal(organization, terminal_id)
    held = TerminalPayment.objects.for_org(organization).filter(
        terminal=terminal, holds_reader=True
    )
    payment = held.first()
    if payment is None:
        return None
    asking.ask_now(organization=organization, payment_id=payment.pk, cause=cause, now=now)
    with transaction.atomic():
        locked = rows.lock(payment.pk)
        live = locked.live
        if live is not None and live.state in rows.UNDECIDED:
            raise abandon.pending(live, now=now)
        if locked.payment.holds_reader:
            _free(locked, by, cause, now)
        return locked.payment


def _free(locked: rows.Locked, by: str, cause: Cause, now: datetime) -> None:
    payment, live = locked.payment, locked.live
    if live is not None and live.state == AttemptState.CREATED:
        settlement.end_attempt(attempt=live, state=AttemptState.CANCELED, now=now)
    payment.holds_reader, payment.held_since = False, None
    if payment.status in (PaymentStatus.IN_PROGRESS, PaymentStatus.UNKNOWN):
        payment.status = PaymentStatus.REQUIRES_TERMINAL
    payment.save()
    lines.tell(payment=payment, verb="released", cause=cause, now=now, who=by)
