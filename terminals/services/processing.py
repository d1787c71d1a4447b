"""Sending a payment to its reader: the reader is claimed and the try committed before any call."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from billing.drivers import registry
from billing.enums import AttemptKind, AttemptState
from billing.errors import PaymentNotPossible, TerminalBusy
from billing.models import PaymentAttempt
from billing.services import abandon, settlement
from billing.types import Cause
from orgs.errors import Conflict
from orgs.models import Organization
from terminals import jobs
from terminals.enums import OPEN_STATUSES, PaymentStatus
from terminals.models import Terminal, TerminalPayment
from terminals.selectors import payments
from terminals.services import lines, rows, running

_MAY_START = (PaymentStatus.REQUIRES_TERMINAL, PaymentStatus.DECLINED)


def process(
    *, organization: Organization, payment_id: UUID, cause: Cause, now: datetime
) -> TerminalPayment:
    """Send a payment to its reader; one that is there already stays there.

    A reader that answers at once is started here, also if whoever was to start it died before; one
    that has to be waited for by a worker.

    Raises:
        NotFound: no such payment of this organization.
        TerminalBusy: another payment holds the reader, or something else occupies it.
        TerminalOffline: the reader can't be reached.
        PaymentNotPossible: it is over, authorized, or was asked to be canceled.
        PaymentPending: what became of the last try is not known yet.
        Conflict: another payment with the same reference is open.
        ProviderRefused, ProviderBusy, ProviderFailed: provably not started.
    """
    known = payments.get_payment(organization, payment_id)
    with transaction.atomic():
        locked = rows.lock(known.pk)
        attempt = _under_way(locked) or claim(locked=locked, cause=cause, now=now)
    refusal = start(attempt=attempt, cause=cause, now=now)
    if refusal is not None:
        raise refusal
    return payments.get_payment(organization, payment_id)


def claim(*, locked: rows.Locked, cause: Cause, now: datetime) -> PaymentAttempt:
    """Take the reader for a locked payment, and write the try, in the caller's transaction.

    Raises:
        TerminalBusy, PaymentNotPossible, PaymentPending, Conflict: see `process`.
    """
    payment = locked.payment
    _refuse_unless_possible(locked, now)
    refuse_if_busy(terminal=payment.terminal, besides=payment)
    live = locked.live
    if live is not None:  # a till was to drive its reader itself
        settlement.end_attempt(attempt=live, state=AttemptState.CANCELED, now=now)
    attempt = settlement.new_attempt(
        obligation=locked.debt, kind=AttemptKind.TERMINAL, provider=payment.provider
    )
    payment.status, payment.decline_code = PaymentStatus.IN_PROGRESS, ""
    payment.holds_reader, payment.held_since = True, now
    payment.save()
    lines.tell(payment=payment, verb="started", cause=cause, now=now)
    if is_blocking(payment.provider):
        jobs.queue_sale(attempt.pk)
    return attempt


def start(*, attempt: PaymentAttempt, cause: Cause, now: datetime) -> Exception | None:
    """Start the reader of a claimed payment, unless a worker does; return why it was not.

    What was sent already is not sent again.
    """
    if is_blocking(attempt.provider):
        return None
    return running.run(attempt_id=attempt.pk, cause=cause, now=now)


def refuse_if_busy(*, terminal: Terminal, besides: TerminalPayment | None = None) -> None:
    """Go on only while no other payment holds a reader; the caller has locked the organization.

    Raises:
        TerminalBusy: one does: `fields` says which.
    """
    holding = TerminalPayment.objects.filter(
        organization=terminal.organization_id, terminal=terminal, holds_reader=True
    )
    holder = _besides(holding, besides).first()
    if holder is not None:
        since = holder.held_since.isoformat() if holder.held_since else ""
        fields = {
            "payment_id": [str(holder.pk)],
            "reference": [holder.reference],
            "started_by": [holder.started_by],
            "since": [since],
        }
        raise TerminalBusy(fields=fields, retry_after=running.TRY_AGAIN_S)


def is_blocking(provider: str) -> bool:
    """Say whether whoever starts a reader of a provider waits until the card was read."""
    return registry.get_driver(provider).capabilities.blocking_readers


def _under_way(locked: rows.Locked) -> PaymentAttempt | None:
    """Return the try with which a payment is at its reader, or about to be."""
    payment, live = locked.payment, locked.live
    is_there = payment.holds_reader and payment.status == PaymentStatus.IN_PROGRESS
    return live if is_there else None


def _refuse_unless_possible(locked: rows.Locked, now: datetime) -> None:
    payment, live = locked.payment, locked.live
    if live is not None and live.state != AttemptState.REQUIRES_ACTION:
        raise abandon.pending(live, now=now)
    if payment.cancel_requested_at is not None or payment.status not in _MAY_START:
        raise PaymentNotPossible(f"This payment is {payment.get_status_display().lower()}.")
    if payment.terminal.removed_at is not None:
        raise PaymentNotPossible("This reader was removed.")
    refuse_same_reference(
        organization=locked.organization, reference=payment.reference, besides=payment
    )


def refuse_same_reference(
    *, organization: Organization, reference: str, besides: TerminalPayment | None = None
) -> None:
    """Go on only while no other payment with a till's reference is open.

    Raises:
        Conflict: one is: `fields` names it.
    """
    if not reference:
        return
    same = TerminalPayment.objects.for_org(organization).filter(
        reference=reference, status__in=OPEN_STATUSES
    )
    other = _besides(same, besides).first()
    if other is not None:
        raise Conflict(
            "A payment with this reference is open already.", fields={"payment_id": [str(other.pk)]}
        )


def _besides(
    found: QuerySet[TerminalPayment], payment: TerminalPayment | None
) -> QuerySet[TerminalPayment]:
    return found if payment is None else found.exclude(pk=payment.pk)
