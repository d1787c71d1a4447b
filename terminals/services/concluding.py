"""Applying what a provider says of a payment in person: the one function that all writers use.

Whoever learns something (the one that started the reader, an event, a question, a capture, a void)
brings it here. What was approved is never taken back by an older answer; what is not approved is
dropped when its fetch began before that of the answer last applied.
"""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from billing.drivers.base import DriverError, DriverRejected, ReaderBusy, ReaderOffline
from billing.enums import AttemptKind, AttemptState, ObligationState
from billing.models import PaymentAttempt
from billing.services import resolve, settlement
from billing.types import Cause, SaleSnapshot
from terminals import jobs
from terminals.enums import PaymentStatus
from terminals.models import TerminalPayment
from terminals.services import approving, lines, rows

_APPROVED = ("requires_capture", "succeeded")
# How long a question about a payment in person waits for the next one, at most: what can be known
# is known within a minute.
LOOK_AGAIN_AFTER_S = 20


@dataclasses.dataclass(slots=True)
class _Word:
    """What was said of one try, with the locked rows it is about."""

    locked: rows.Locked
    attempt: PaymentAttempt
    snapshot: SaleSnapshot
    cause: Cause
    now: datetime

    @property
    def payment(self) -> TerminalPayment:
        return self.locked.payment


def conclude(
    *,
    attempt: PaymentAttempt,
    snapshot: SaleSnapshot,
    fetched_at: datetime,
    cause: Cause,
    now: datetime,
) -> TerminalPayment:
    """Apply what a provider says of one try, in a transaction of its own (or the caller's).

    `fetched_at` is `projection.database_now()` before the call, or after one that waited for the
    end of it. Returns the payment as it is now.
    """
    with transaction.atomic():
        locked = rows.lock(rows.of_attempt(attempt).pk)
        word = _Word(locked, locked.attempt(attempt.pk), snapshot, cause, now)
        if snapshot.state in _APPROVED:
            approving.approve(
                locked=locked, attempt=word.attempt, snapshot=snapshot, cause=cause, now=now
            )
        elif not _is_stale(locked.payment, fetched_at):
            _apply(word)
        else:
            return locked.payment
        payment = locked.payment
        payment.snapshot_at = max(fetched_at, payment.snapshot_at or fetched_at)
        payment.save()
        _follow_up(locked)
    return payment


def lose(*, attempt: PaymentAttempt, cause: Cause, now: datetime) -> datetime:
    """Write down that a call was sent and no usable answer came back; return when it is asked."""
    resolve_after = resolve.await_answer(attempt=attempt, now=now)
    mark_unknown(payment_id=rows.of_attempt(attempt).pk, cause=cause, now=now)
    return resolve_after


def mark_unknown(*, payment_id: UUID, cause: Cause, now: datetime) -> None:
    """Show a payment as unknown while a try at it is; what was authorized stays so."""
    with transaction.atomic():
        locked = rows.lock(payment_id)
        payment, live = locked.payment, locked.live
        is_unknown = live is not None and live.state in rows.UNDECIDED
        if not is_unknown or payment.status != PaymentStatus.IN_PROGRESS:
            return
        payment.status = PaymentStatus.UNKNOWN
        payment.save(update_fields=["status", "updated_at"])
        lines.tell(payment=payment, verb="unknown", cause=cause, now=now)


def give_up(
    *, attempt: PaymentAttempt, cause: Cause, now: datetime, error: DriverError | None = None
) -> TerminalPayment:
    """End a try that took nothing, provably: it never reached a reader, or is not to be found.

    `error` says why, None that nobody had heard of it. The payment may be tried again.
    """
    code = (error.detail or error.code) if error else ""
    is_final = isinstance(error, DriverRejected)
    state = AttemptState.FAILED if is_final else AttemptState.NOT_PROCESSED
    with transaction.atomic():
        locked = rows.lock(rows.of_attempt(attempt).pk)
        mine = locked.attempt(attempt.pk)
        if settlement.end_attempt(attempt=mine, state=state, now=now, error_code=code):
            _let_go(locked, mine, _plain(error) or code, cause, now)
        return locked.payment


def _plain(error: DriverError | None) -> str:
    """Return what readers of every provider have in common; the try keeps the provider's word."""
    if isinstance(error, ReaderBusy):
        return "reader_busy"
    return "reader_offline" if isinstance(error, ReaderOffline) else ""


def _let_go(
    locked: rows.Locked, attempt: PaymentAttempt, code: str, cause: Cause, now: datetime
) -> None:
    payment = locked.payment
    if attempt.kind == AttemptKind.TERMINAL and payment.status in (
        PaymentStatus.IN_PROGRESS,
        PaymentStatus.UNKNOWN,
    ):
        payment.status = PaymentStatus.REQUIRES_TERMINAL
        payment.decline_code = code[:100]
        payment.holds_reader, payment.held_since = False, None
        lines.tell(payment=payment, verb="not_started", cause=cause, now=now)
    payment.save()
    _follow_up(locked)


def _is_stale(payment: TerminalPayment, fetched_at: datetime) -> bool:
    return payment.snapshot_at is not None and fetched_at < payment.snapshot_at


def _apply(word: _Word) -> None:
    """Apply what is not an approval: it never takes back one."""
    if word.payment.authorized_at is not None:
        if word.snapshot.state == "canceled" and _is_its_sale(word):
            _released_at_provider(word)
        return
    if word.attempt.state in (*rows.UNDECIDED, AttemptState.REQUIRES_ACTION):
        _WORDS[word.snapshot.state](word)
    elif word.snapshot.state == "canceled" and _is_given_up(word):
        _cancel(word)


def _is_given_up(word: _Word) -> bool:
    """Say whether what was canceled is the payment itself, not just a try at it."""
    payment = word.payment
    is_same = payment.external_id != "" and payment.external_id == word.snapshot.external_id
    return is_same and word.locked.live is None and payment.status != PaymentStatus.CANCELED


def _is_its_sale(word: _Word) -> bool:
    is_open = word.payment.status != PaymentStatus.SUCCEEDED
    return is_open and word.snapshot.external_id in ("", word.payment.external_id)


def _released_at_provider(word: _Word) -> None:
    """What was authorized was given up: voided, or expired."""
    capture = word.locked.live
    if capture is not None:
        settlement.end_attempt(
            attempt=capture, state=AttemptState.FAILED, now=word.now, error_code="voided"
        )
    if word.payment.status != PaymentStatus.CANCELED:
        _cancel(word)


def _opened(word: _Word) -> None:
    """It exists, and no reader is at it: not any more, or (if it was not seen there) not yet."""
    word.payment.external_id = word.snapshot.external_id or word.payment.external_id
    if not word.payment.holds_reader:
        word.payment.status = PaymentStatus.REQUIRES_TERMINAL
        _end(word, AttemptState.REQUIRES_ACTION)
    elif word.attempt.external_id or _can_not_start_any_more(word):
        _end(word, AttemptState.NOT_PROCESSED)
        _let_go(word.locked, word.attempt, "", word.cause, word.now)


def _can_not_start_any_more(word: _Word) -> bool:
    sent_at = word.attempt.sent_at or word.attempt.created_at
    return word.now - sent_at >= timedelta(seconds=resolve.ABSENT_AFTER_S)


def _is_at_reader(word: _Word) -> None:
    """It is there: from now on a decline is one of this try. It is asked for too, beside events."""
    attempt, payment = word.attempt, word.payment
    payment.external_id = word.snapshot.external_id or payment.external_id
    payment.status = PaymentStatus.IN_PROGRESS
    attempt.external_id = word.snapshot.external_id
    attempt.resolve_after = word.now + timedelta(seconds=LOOK_AGAIN_AFTER_S)
    attempt.save(update_fields=["external_id", "resolve_after", "updated_at"])


def _is_of_an_earlier_try(word: _Word) -> bool:
    """Say whether a decline may be that of the try before, at the same payment of the provider."""
    name = word.payment.external_id
    others = [row for row in word.locked.attempts if row.pk != word.attempt.pk]
    is_shared = name != "" and any(row.external_id == name for row in others)
    is_seen = word.attempt.external_id != "" or word.attempt.state == AttemptState.REQUIRES_ACTION
    return is_shared and not is_seen and not _can_not_start_any_more(word)


def _declined(word: _Word) -> None:
    if _is_of_an_earlier_try(word):
        return
    payment = word.payment
    settlement.end_attempt(
        attempt=word.attempt,
        state=AttemptState.FAILED,
        now=word.now,
        error_code="CARD_DECLINED",
        decline_code=word.snapshot.decline_code,
        external_id=word.snapshot.external_id,
    )
    payment.status = PaymentStatus.DECLINED
    payment.decline_code = word.snapshot.decline_code[:100]
    payment.card = approving.shown(word.snapshot.card)
    payment.holds_reader, payment.held_since = False, None
    lines.tell(payment=payment, verb="declined", cause=word.cause, now=word.now)


def _canceled(word: _Word) -> None:
    _end(word, AttemptState.CANCELED)
    _cancel(word)


def _cancel(word: _Word) -> None:
    cancel(locked=word.locked, cause=word.cause, now=word.now)


def cancel(*, locked: rows.Locked, cause: Cause, now: datetime) -> None:
    """End a locked payment of which nothing is held and nothing was taken; the caller saves it."""
    payment = locked.payment
    payment.status, payment.finished_at = PaymentStatus.CANCELED, now
    payment.holds_reader, payment.held_since = False, None
    if locked.debt.state == ObligationState.OPEN:
        settlement.void(debt=locked.settle(locked.live), now=now)
    lines.tell(payment=payment, verb="canceled", cause=cause, now=now)


def _end(word: _Word, state: AttemptState) -> None:
    settlement.end_attempt(
        attempt=word.attempt, state=state, now=word.now, external_id=word.snapshot.external_id
    )


_WORDS: dict[str, Callable[[_Word], None]] = {
    "requires_terminal": _opened,
    "in_progress": _is_at_reader,
    "declined": _declined,
    "canceled": _canceled,
}


def _follow_up(locked: rows.Locked) -> None:
    """Have a payment ended that its till gave up on, now that something is known of it."""
    payment = locked.payment
    is_over = payment.status in (PaymentStatus.CANCELED, PaymentStatus.SUCCEEDED)
    if payment.cancel_requested_at is not None and not is_over:
        jobs.queue_cancel(payment.pk)
