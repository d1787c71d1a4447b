"""Writing down what became of a debt and of the tries at settling it."""

import dataclasses
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max

from billing import transitions
from billing.enums import (
    LIVE_ATTEMPTS,
    AttemptKind,
    AttemptState,
    ObligationKind,
    ObligationState,
)
from billing.models import Obligation, PaymentAttempt, Subscription
from billing.types import PaymentOutcome
from orgs import references


def open_obligation(
    *, subscription: Subscription, kind: ObligationKind, amount_minor: int, currency: str
) -> Obligation:
    """Write down what a subscription owes (minor units)."""
    return Obligation.objects.create(
        organization_id=subscription.organization_id,
        subscription=subscription,
        kind=kind,
        amount_minor=amount_minor,
        currency=currency,
    )


def new_attempt(*, obligation: Obligation, kind: AttemptKind, provider: str) -> PaymentAttempt:
    """Write down the next try at an obligation whose organization the caller has locked.

    A second live try is refused by the database, not by a look before it.
    """
    last = obligation.attempts.aggregate(last=Max("number"))["last"] or 0
    return PaymentAttempt.objects.create(
        organization_id=obligation.organization_id,
        obligation=obligation,
        number=last + 1,
        kind=kind,
        provider=provider,
        our_reference=references.new_reference(),
    )


def mark_sent(*, attempt: PaymentAttempt, now: datetime, resolve_after_s: int) -> bool:
    """Commit that the provider is about to be called; False when somebody else ended the try.

    If this process dies now, the attempt counts as unknown from `resolve_after` on.
    """
    claimed = PaymentAttempt.objects.filter(pk=attempt.pk, state=AttemptState.CREATED).update(
        state=AttemptState.SENT,
        sent_at=now,
        resolve_after=now + timedelta(seconds=resolve_after_s),
        updated_at=now,
    )
    if claimed:
        attempt.refresh_from_db()
    return bool(claimed)


def mark_unknown(*, attempt: PaymentAttempt, resolve_after: datetime, now: datetime) -> None:
    """Write down that the call was sent and no usable answer came back."""
    PaymentAttempt.objects.filter(pk=attempt.pk, state=AttemptState.SENT).update(
        state=AttemptState.UNKNOWN, resolve_after=resolve_after, updated_at=now
    )
    attempt.refresh_from_db()


def end_attempt(
    *,
    attempt: PaymentAttempt,
    state: AttemptState,
    now: datetime,
    error_code: str = "",
    decline_code: str = "",
    external_id: str = "",
) -> bool:
    """Move an attempt on if the table of transitions allows it; say whether it moved."""
    allowed = [
        old for old in AttemptState if old != state and transitions.attempt_may_become(old, state)
    ]
    changes = {
        "state": state,
        "error_code": error_code[:100],
        "decline_code": decline_code[:100],
        "external_id": external_id or attempt.external_id,
        "resolve_after": None,
        "resolved_at": None if state in LIVE_ATTEMPTS else now,
        "updated_at": now,
    }
    moved = PaymentAttempt.objects.filter(pk=attempt.pk, state__in=allowed).update(**changes)
    if moved:
        for name, value in changes.items():
            setattr(attempt, name, value)
    return bool(moved)


@dataclasses.dataclass(slots=True)
class Start:
    """What a subscription's first invoice is to us: a debt, and the latest try at it."""

    obligation: Obligation
    attempt: PaymentAttempt | None = None


def lock_starts(subscriptions: Iterable[Subscription]) -> dict[UUID, Start]:
    """Lock the first debts of subscriptions that the caller has locked; by subscription."""
    debts = (
        Obligation.objects.select_for_update()
        .filter(subscription__in=subscriptions, kind=ObligationKind.SUBSCRIPTION_START)
        .order_by("pk")
    )
    starts = {row.pk: Start(row) for row in debts}
    for attempt in PaymentAttempt.objects.filter(obligation__in=starts).order_by("number"):
        starts[attempt.obligation_id].attempt = attempt
    newest_last = sorted(starts.values(), key=lambda start: start.obligation.created_at)
    return {
        start.obligation.subscription_id: start
        for start in newest_last
        if start.obligation.subscription_id is not None
    }


def apply_outcome(*, start: Start | None, outcome: PaymentOutcome, now: datetime) -> None:
    """Carry the provider's word on the first invoice over to our debt and its latest try."""
    if start is None:
        return
    obligation, attempt = start.obligation, start.attempt
    # Nothing tried yet and a secret at hand: the payer is the one to act.
    state = outcome.state or (AttemptState.REQUIRES_ACTION if outcome.client_secret else None)
    if attempt is not None and state is not None and not _is_settled_as(attempt, state):
        end_attempt(
            attempt=attempt,
            state=state,
            now=now,
            error_code=outcome.error_code,
            decline_code=outcome.decline_code,
            external_id=outcome.external_id,
        )
    if state is AttemptState.SUCCEEDED and obligation.state != ObligationState.SETTLED:
        obligation.state = ObligationState.SETTLED
        obligation.settled_at = now
        obligation.save(update_fields=["state", "settled_at", "updated_at"])


def _is_settled_as(attempt: PaymentAttempt, state: AttemptState) -> bool:
    """Say whether there is nothing left to write: what has succeeded stays so."""
    return attempt.state == state == AttemptState.SUCCEEDED


def void_obligations(*, subscription: Subscription, now: datetime) -> None:
    """Write off what a subscription that has ended still owed, and end the tries at it."""
    open_ones = Obligation.objects.select_for_update().filter(
        subscription=subscription, state=ObligationState.OPEN
    )
    for obligation in open_ones:
        for attempt in obligation.attempts.filter(state__in=LIVE_ATTEMPTS):
            end_attempt(attempt=attempt, state=AttemptState.CANCELED, now=now)
        obligation.state = ObligationState.VOID
        obligation.save(update_fields=["state", "updated_at"])
