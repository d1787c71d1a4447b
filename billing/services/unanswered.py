"""Calls without a usable answer: leaving in time, and what follows where they did not come back."""

from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from billing.drivers import leaving
from billing.enums import LIVE_ATTEMPTS, AttemptState, ObligationKind, ObligationState
from billing.models import Obligation, PaymentAttempt
from orgs import clock
from orgs.models import Organization

# Stripe's own clients give up after 80 s, and after 90 s (`resolve.ABSENT_AFTER_S`) "there is none"
# counts: what was written down has to leave before that difference is used up.
LEAVE_WITHIN = timedelta(seconds=10)


def in_time(attempt: PaymentAttempt) -> AbstractContextManager[None]:
    """Call the driver inside this block: nothing leaves so late that it was taken for absent."""
    if attempt.sent_at is None:
        raise TypeError("A try is committed as sent before a driver is called.")
    return leaving.by(attempt.sent_at + LEAVE_WITHIN)


def mark_unknown(*, attempt: PaymentAttempt, resolve_after: datetime, now: datetime) -> None:
    """Write down that the call was sent and no usable answer came back.

    One that was taken for absent meanwhile is asked about again, as if it had been sent now, and
    its debt is open again; not if something else is being tried by now.
    """
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=attempt.organization_id)
        sent = PaymentAttempt.objects.filter(pk=attempt.pk, state=AttemptState.SENT)
        is_marked = sent.update(
            state=AttemptState.UNKNOWN, resolve_after=resolve_after, updated_at=now
        )
        if not is_marked:
            _reopen(attempt, resolve_after, now)
    attempt.refresh_from_db()


def _reopen(attempt: PaymentAttempt, resolve_after: datetime, now: datetime) -> None:
    debt = Obligation.objects.select_for_update(of=("self",)).get(pk=attempt.obligation_id)
    if _is_tried_otherwise(debt):
        return
    absent = PaymentAttempt.objects.filter(pk=attempt.pk, state=AttemptState.NOT_PROCESSED)
    reopened = absent.update(
        state=AttemptState.UNKNOWN,
        resolve_after=resolve_after,
        sent_at=clock.now(),  # `now` is when this work began
        resolved_at=None,
        error_code="",
        updated_at=now,
    )
    if reopened and debt.state == ObligationState.VOID:
        debt.state = ObligationState.OPEN
        debt.save(update_fields=["state", "updated_at"])


def _is_tried_otherwise(debt: Obligation) -> bool:
    """Say whether another try is live; of a change, whether another one is open."""
    if debt.attempts.filter(state__in=LIVE_ATTEMPTS).exists():
        return True
    if debt.kind != ObligationKind.CHANGE:
        return False
    others = Obligation.objects.filter(
        ~Q(pk=debt.pk), subscription=debt.subscription_id, kind=debt.kind
    )
    return others.filter(state=ObligationState.OPEN).exists()
