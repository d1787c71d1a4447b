"""The attempt behind a charge: the one a service committed, or one that is opened here.

Services write down the debt and the try before they call a driver; the engine charges with that
try's reference. What nobody asked for through a service (a renewal, a retry by policy) gets both
here, in the transaction that also marks the invoice as being charged.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Max

from billing import transitions
from billing.engine.models import EngineInvoice
from billing.enums import (
    LIVE_ATTEMPTS,
    AttemptKind,
    AttemptState,
    ObligationKind,
    ObligationState,
)
from billing.models import Obligation, PaymentAttempt
from orgs import references
from orgs.base import insert_once, rows_where
from orgs.models import Organization
from orgs.selectors import parse_uuid

# After this the process that called the rail is taken for dead, and the rail is asked.
RESOLVE_AFTER = timedelta(seconds=60)
# The other kinds have their attempts ended by the services that opened them.
_OURS = (ObligationKind.RENEWAL, ObligationKind.INVOICE)
_OURS_IS = """
SELECT id FROM billing_subscription WHERE id = %s AND organization_id = %s AND provider = %s
"""


def by_key(key: str, *, organization_id: UUID, provider: str) -> PaymentAttempt | None:
    """Return the try that a service's idempotency key (`obligation:number`) stands for."""
    obligation, _, number = key.partition(":")
    obligation_id = parse_uuid(obligation)
    if obligation_id is None or not number.isdecimal():
        return None
    return PaymentAttempt.objects.filter(
        organization_id=organization_id,
        provider=provider,
        obligation=obligation_id,
        number=int(number),
    ).first()


def open_for(invoice: EngineInvoice, *, kind: AttemptKind, now: datetime) -> PaymentAttempt | None:
    """Open the next try at an invoice, as sent; None while another one is undecided.

    Runs in the caller's transaction.
    """
    mine = "id = %s FOR NO KEY UPDATE"
    [organization] = rows_where(Organization, mine, invoice.organization_id)
    debt, is_new = _debt(invoice, organization)
    number = 1 if is_new else _next_number(debt)
    if number is None:
        return None
    return PaymentAttempt.objects.create(
        organization=organization,
        obligation=debt,
        number=number,
        kind=kind,
        provider=invoice.provider,
        state=AttemptState.SENT,
        our_reference=references.new_reference(),
        sent_at=now,
        resolve_after=now + RESOLVE_AFTER if debt.subscription_id else None,
    )


def _next_number(debt: Obligation) -> int | None:
    """Return the number of the next try at a debt that was known; None while one is undecided."""
    if debt.attempts.filter(state__in=LIVE_ATTEMPTS).exists():
        return None
    if debt.state == ObligationState.VOID:
        debt.state = ObligationState.OPEN
        debt.save(update_fields=["state", "updated_at"])
    last: int = debt.attempts.aggregate(last=Max("number"))["last"] or 0
    return last + 1


def _debt(invoice: EngineInvoice, organization: Organization) -> tuple[Obligation, bool]:
    """Return the debt of an invoice, and whether it was written down just now."""
    subscription_id = _subscription_id(invoice)
    named: dict[str, Any] = {
        "organization": organization,
        "subscription_id": subscription_id,
        "kind": ObligationKind.RENEWAL if subscription_id else ObligationKind.INVOICE,
        "invoice_external_id": invoice.external_id,
    }
    owed = {"amount_minor": invoice.remaining_minor, "currency": invoice.currency}
    debt = Obligation(**named, **owed)
    # There is one for each renewal: a constraint says so, and spares a look and a savepoint.
    if subscription_id and insert_once(debt):
        return debt, True
    return Obligation.objects.get_or_create(**named, defaults=owed)


def _subscription_id(invoice: EngineInvoice) -> UUID | None:
    """Return billing's row of the subscription, where there is one in the same organization."""
    if invoice.subscription is None:
        return None
    our_id = parse_uuid(invoice.subscription.our_id)
    if our_id is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_OURS_IS, [our_id, invoice.organization_id, invoice.provider])
        found = cursor.fetchone()
    return found[0] if found else None


def end(
    attempt: PaymentAttempt,
    state: AttemptState,
    *,
    now: datetime,
    external_id: str = "",
    error_code: str = "",
    decline_code: str = "",
) -> None:
    """Carry a result over to a try at an invoice; a service's try is left to its service."""
    if attempt.obligation.kind not in _OURS:
        return
    allowed = [
        old for old in AttemptState if old != state and transitions.attempt_may_become(old, state)
    ]
    PaymentAttempt.objects.filter(pk=attempt.pk, state__in=allowed).update(
        state=state,
        external_id=external_id or attempt.external_id,
        error_code=error_code,
        decline_code=decline_code,
        resolve_after=_ask_again(attempt, state, now),
        resolved_at=None if state in LIVE_ATTEMPTS else now,
        updated_at=now,
    )


def reopen(attempt: PaymentAttempt, *, now: datetime) -> None:
    """Let a try at an invoice that counted as absent be asked about again: its process was slow.

    The one way back to a try that is live. If another one has been opened since, it stays as it
    is: one try of a debt is live at most.
    """
    if attempt.obligation.kind not in _OURS:
        return  # its service does
    tries = PaymentAttempt.objects.filter(obligation_id=attempt.obligation_id)
    if tries.filter(state__in=LIVE_ATTEMPTS).exists():
        return
    tries.filter(pk=attempt.pk, state=AttemptState.NOT_PROCESSED).update(
        state=AttemptState.UNKNOWN,
        sent_at=now,
        resolve_after=_ask_again(attempt, AttemptState.UNKNOWN, now),
        resolved_at=None,
        error_code="",
        updated_at=now,
    )


def settle(invoice: EngineInvoice, *, now: datetime) -> None:
    """Settle the debt of an invoice that was paid, if it was opened as one of its own."""
    Obligation.objects.filter(
        organization_id=invoice.organization_id,
        kind__in=_OURS,
        invoice_external_id=invoice.external_id,
        state=ObligationState.OPEN,
    ).update(state=ObligationState.SETTLED, settled_at=now, updated_at=now)


def _ask_again(attempt: PaymentAttempt, state: AttemptState, now: datetime) -> datetime | None:
    is_asked = state == AttemptState.UNKNOWN and attempt.obligation.subscription_id
    return now + timedelta(seconds=5) if is_asked else None
