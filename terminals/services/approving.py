"""What follows when a provider says that a payment in person was approved."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

from billing.enums import AttemptKind, AttemptState, ObligationState
from billing.models import PaymentAttempt
from billing.services import settlement
from billing.types import CardPresent, Cause, SaleSnapshot
from terminals.enums import PaymentStatus
from terminals.services import late_sales, lines, rows

# Stripe keeps an authorization in person for two days; a driver that knows better says so.
# Source: https://docs.stripe.com/terminal/payments/collect-card-payment (capture within 2 days)
_HELD_FOR = timedelta(days=2)


def approve(
    *,
    locked: rows.Locked,
    attempt: PaymentAttempt,
    snapshot: SaleSnapshot,
    cause: Cause,
    now: datetime,
) -> None:
    """Take an approval over, or keep it as one too many; the caller saves the payment.

    One that comes after the till asked to cancel is kept as authorized, and not shown as paid: it
    is given up next (`ending`).
    """
    payment = locked.payment
    is_known = payment.authorized_at is not None and payment.external_id == snapshot.external_id
    if is_known:
        _go_on(locked, snapshot, cause, now)
    elif _is_too_many(locked, attempt):
        late_sales.keep(locked=locked, attempt=attempt, snapshot=snapshot, cause=cause, now=now)
    else:
        _take_over(locked, attempt, snapshot, cause, now)


def shown(card: CardPresent | None) -> dict[str, Any]:
    """Return what a receipt may say of a card."""
    if card is None:
        return {}
    return dataclasses.asdict(dataclasses.replace(card, emv=dict(card.emv)))


def _is_too_many(locked: rows.Locked, attempt: PaymentAttempt) -> bool:
    """Say whether the basket is paid, given up, or at a reader, by something else than this try."""
    payment, live = locked.payment, locked.live
    is_over = payment.status == PaymentStatus.CANCELED or payment.authorized_at is not None
    return is_over or (live is not None and live.pk != attempt.pk)


def _take_over(
    locked: rows.Locked,
    attempt: PaymentAttempt,
    snapshot: SaleSnapshot,
    cause: Cause,
    now: datetime,
) -> None:
    payment, debt = locked.payment, locked.debt
    settlement.end_attempt(
        attempt=attempt, state=AttemptState.SUCCEEDED, now=now, external_id=snapshot.external_id
    )
    payment.external_id = debt.external_payment_id = snapshot.external_id
    debt.save(update_fields=["external_payment_id", "updated_at"])
    payment.authorized_minor = snapshot.authorized_minor
    payment.tip_minor = snapshot.tip_minor
    payment.card = shown(snapshot.card)
    payment.decline_code = ""
    payment.authorized_at = now
    payment.holds_reader, payment.held_since = False, None
    if snapshot.state == "succeeded":
        _take_money(locked, attempt, snapshot, now)
    else:
        payment.capture_before = snapshot.capture_before or now + _HELD_FOR
    if payment.cancel_requested_at is not None:
        payment.status = PaymentStatus.IN_PROGRESS
        return
    is_paid = snapshot.state == "succeeded"
    payment.status = PaymentStatus.SUCCEEDED if is_paid else PaymentStatus.REQUIRES_CAPTURE
    verb = "succeeded" if is_paid else "authorized"
    lines.tell(payment=payment, verb=verb, cause=cause, now=now)


def _go_on(locked: rows.Locked, snapshot: SaleSnapshot, cause: Cause, now: datetime) -> None:
    """More of a sale that we know: it was captured, or the last day to do so is known now."""
    payment = locked.payment
    if payment.captured_at is not None or payment.status == PaymentStatus.CANCELED:
        return
    payment.capture_before = snapshot.capture_before or payment.capture_before
    payment.card = shown(snapshot.card) or payment.card
    if snapshot.state != "succeeded":
        return
    live = locked.live
    capture = live if live is not None and live.kind == AttemptKind.CAPTURE else None
    _take_money(locked, capture, snapshot, now)
    if payment.cancel_requested_at is None:
        payment.status = PaymentStatus.SUCCEEDED
        lines.tell(payment=payment, verb="captured", cause=cause, now=now)


def _take_money(
    locked: rows.Locked, attempt: PaymentAttempt | None, snapshot: SaleSnapshot, now: datetime
) -> None:
    """Settle the debt; one that the till gave up on stays open until the money is back."""
    payment = locked.payment
    payment.authorized_minor = max(payment.authorized_minor, snapshot.captured_minor)
    payment.captured_minor = snapshot.captured_minor
    payment.captured_at = now
    if attempt is not None and attempt.state != AttemptState.SUCCEEDED:
        settlement.end_attempt(
            attempt=attempt, state=AttemptState.SUCCEEDED, now=now, external_id=snapshot.external_id
        )
    if payment.cancel_requested_at is None and locked.debt.state == ObligationState.OPEN:
        payment.finished_at = now
        settlement.settle(debt=locked.settle(attempt), now=now, external_id=snapshot.external_id)
