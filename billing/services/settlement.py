"""Writing down what became of a debt and of the tries at settling it."""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, Max, OuterRef

from billing import transitions
from billing.enums import (
    LIVE_ATTEMPTS,
    AttemptKind,
    AttemptState,
    ObligationKind,
    ObligationState,
)
from billing.models import Obligation, PaymentAttempt, Quote, Subscription
from billing.types import InvoiceSnapshot, PaymentOutcome
from orgs import clock, references
from orgs.base import rows_where

_LOCKED = """
    (kind = 'subscription_start' OR state = 'open') AND subscription_id = ANY(%s)
    ORDER BY id FOR UPDATE
"""
_TRIES = "obligation_id = ANY(%s) ORDER BY number"


def open_obligation(
    *,
    subscription: Subscription,
    kind: ObligationKind,
    amount_minor: int,
    currency: str,
    quote: Quote | None = None,
    invoice_external_id: str = "",
) -> Obligation:
    """Write down what a subscription owes (minor units)."""
    return Obligation.objects.create(
        organization_id=subscription.organization_id,
        subscription=subscription,
        kind=kind,
        amount_minor=amount_minor,
        currency=currency,
        quote=quote,
        invoice_external_id=invoice_external_id,
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

    This is the last look at the debt: one that is settled or written off by now is left alone. If
    this process dies now, the attempt counts as unknown from `resolve_after` on. It counts as sent
    by the clock as it is here: work may have begun long before.
    """
    now = max(now, clock.now())
    # Not by a join: of two claims at once, the second must see the first one's state.
    owed = Obligation.objects.filter(pk=OuterRef("obligation_id"), state=ObligationState.OPEN)
    mine = PaymentAttempt.objects.filter(Exists(owed), pk=attempt.pk, state=AttemptState.CREATED)
    claimed = mine.update(
        state=AttemptState.SENT,
        sent_at=now,
        resolve_after=now + timedelta(seconds=resolve_after_s),
        updated_at=now,
    )
    if claimed:
        attempt.refresh_from_db()
    return bool(claimed)


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
class Debt:
    """A debt of a subscription, and the latest try at it."""

    obligation: Obligation
    attempt: PaymentAttempt | None = None


@dataclasses.dataclass(slots=True)
class Debts:
    """What a subscription owes or owed: its first invoice, and whatever is open besides."""

    start: Debt | None = None
    others: list[Debt] = dataclasses.field(default_factory=list)


def lock_debts(subscriptions: Iterable[Subscription]) -> dict[UUID, Debts]:
    """Lock the debts of subscriptions that the caller has locked; by subscription."""
    rows = rows_where(Obligation, _LOCKED, [row.pk for row in subscriptions])
    debts = {row.pk: Debt(row) for row in rows}
    _fetch_quotes([row for row in rows if row.quote_id])
    for attempt in rows_where(PaymentAttempt, _TRIES, list(debts)):
        debts[attempt.obligation_id].attempt = attempt
    found: dict[UUID, Debts] = {}
    for debt in sorted(debts.values(), key=lambda debt: debt.obligation.created_at):
        if debt.obligation.subscription_id is None:
            continue
        of_one = found.setdefault(debt.obligation.subscription_id, Debts())
        if debt.obligation.kind == ObligationKind.SUBSCRIPTION_START:
            of_one.start = debt
        else:
            of_one.others.append(debt)
    return found


def _fetch_quotes(promised: Sequence[Obligation]) -> None:
    """Fetch the promises behind debts; most have none, and are spared the joins."""
    if promised:
        quotes = Quote.objects.select_related("price__plan_version__plan")
        found = quotes.in_bulk([row.quote_id for row in promised])
        for row in promised:
            row.quote = found[row.quote_id]


def settle(*, debt: Debt, now: datetime, external_id: str = "") -> None:
    """Write down that a locked debt was paid, by its latest try if that may still have done it."""
    if debt.attempt is not None and debt.attempt.state != AttemptState.SUCCEEDED:
        end_attempt(
            attempt=debt.attempt, state=AttemptState.SUCCEEDED, now=now, external_id=external_id
        )
    obligation = debt.obligation
    if obligation.state != ObligationState.SETTLED:
        obligation.state = ObligationState.SETTLED
        obligation.settled_at = now
        obligation.save(update_fields=["state", "settled_at", "updated_at"])


def void(*, debt: Debt, now: datetime) -> None:
    """Write off a locked debt: it no longer has to be paid."""
    if debt.attempt is not None and debt.attempt.state in LIVE_ATTEMPTS:
        end_attempt(attempt=debt.attempt, state=AttemptState.CANCELED, now=now)
    debt.obligation.state = ObligationState.VOID
    debt.obligation.save(update_fields=["state", "updated_at"])


def agree_amount(*, start: Debt | None, invoice: InvoiceSnapshot | None) -> None:
    """Let the provider's first invoice have the last word on what a start owes.

    What we reckoned beforehand knows neither the provider's taxes and credit balances nor how it
    rounds a discount. Who pays by invoice owes nothing for the start as such.
    """
    if start is None or invoice is None or invoice.billing_reason != "subscription_create":
        return
    obligation = start.obligation
    asked = 0 if is_on_account(invoice) else invoice.amount_due_minor
    if obligation.state == ObligationState.OPEN and obligation.amount_minor != asked:
        obligation.amount_minor = asked
        obligation.save(update_fields=["amount_minor", "updated_at"])


def is_on_account(invoice: InvoiceSnapshot | None) -> bool:
    """Say whether an invoice was sent, to be paid by a date: it is a debt of its own then."""
    return invoice is not None and invoice.due_at is not None


def apply_outcome(*, start: Debt | None, outcome: PaymentOutcome, now: datetime) -> None:
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
