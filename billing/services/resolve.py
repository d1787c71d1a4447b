"""Unknown is a state: asking the provider what became of a call that had no answer."""

import dataclasses
import logging
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F

from billing import jobs
from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.enums import AttemptState, ObligationKind, SubscriptionStatus
from billing.models import PaymentAttempt, Subscription
from billing.selectors import payments
from billing.services import (
    abandon,
    given_up_changes,
    projection,
    refund_outcome,
    settlement,
    unanswered,
)
from billing.types import Cause, SubscriptionSnapshot

FIRST_QUESTION_AFTER_S = 5
_LONGEST_PAUSE_S = 60
# A provider may still be working on a call that nobody waits for any more. Stripe's own clients
# give up after 80 s; only after that does "there is none" mean that there will be none.
# Source: https://github.com/stripe/stripe-python (default timeout of the HTTP client: 80 s)
ABSENT_AFTER_S = 90
# A try that was written down but not sent within this time belongs to a process that died.
_UNSENT_AFTER_S = 180

_OPEN = (AttemptState.SENT, AttemptState.UNKNOWN)

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Asker:
    """How another app asks about debts that it keeps.

    `ask` says whether an attempt is decided, and may raise a `DriverError`: see `resolve_attempt`.
    `end_unsent` lets go of one that was never sent. `longest_pause_s` is between two questions.
    """

    ask: Callable[[PaymentAttempt, Cause, datetime], bool]
    end_unsent: Callable[[PaymentAttempt, datetime], None]
    longest_pause_s: int = _LONGEST_PAUSE_S


_askers: dict[str, Asker] = {}


def register(kind: ObligationKind, asker: Asker) -> None:
    """Leave the questions about debts of a kind to another app."""
    _askers[kind] = asker


def await_answer(*, attempt: PaymentAttempt, now: datetime) -> datetime:
    """Mark a sent attempt as unknown and have it asked about; return when."""
    resolve_after = now + timedelta(seconds=FIRST_QUESTION_AFTER_S)
    unanswered.mark_unknown(attempt=attempt, resolve_after=resolve_after, now=now)
    jobs.queue_attempt_resolution(attempt_id=str(attempt.pk), delay_s=FIRST_QUESTION_AFTER_S)
    logger.warning("attempt.unknown", extra={"attempt": str(attempt.pk)})
    return resolve_after


def resolve_due(*, now: datetime, limit: int = 50) -> int:
    """Ask about every attempt whose time has come; say how many were decided."""
    _end_unsent(now)
    cause = Cause("resolver")
    ids = payments.due_for_resolution(now=now, limit=limit)
    return sum(resolve_attempt(attempt_id=attempt_id, now=now, cause=cause) for attempt_id in ids)


def _end_unsent(now: datetime) -> None:
    """A try that was never sent can't have charged anything: the same key may try again."""
    unsent = PaymentAttempt.objects.filter(
        state=AttemptState.CREATED, created_at__lt=now - timedelta(seconds=_UNSENT_AFTER_S)
    )
    if not unsent.exists():  # as it is nearly always
        return
    for attempt in unsent.filter(obligation__kind=ObligationKind.CHANGE):
        given_up_changes.end(attempt=attempt, state=AttemptState.NOT_PROCESSED, now=now)
    for attempt in unsent.filter(obligation__kind=ObligationKind.REFUND):
        refund_outcome.end(attempt=attempt, state=AttemptState.NOT_PROCESSED, now=now)
    for attempt in unsent.filter(obligation__kind__in=_askers).select_related("obligation"):
        _askers[attempt.obligation.kind].end_unsent(attempt, now)
    unsent.update(state=AttemptState.NOT_PROCESSED, resolved_at=now, updated_at=now)


def resolve_attempt(
    *, attempt_id: uuid.UUID | str, now: datetime, cause: Cause, force: bool = False
) -> bool:
    """Ask the provider, by our reference, what became of one attempt; say whether it is decided.

    `force` asks now although its time has not come (somebody is waiting for the answer).
    """
    attempt = _claim(attempt_id, now, force=force)
    if attempt is None:
        return False
    try:
        return _ask(attempt, cause, now)
    except DriverError as error:
        logger.warning(
            "attempt.not_answered", extra={"attempt": str(attempt.pk), "code": error.code}
        )
        return False


def _ask(attempt: PaymentAttempt, cause: Cause, now: datetime) -> bool:
    if attempt.obligation.kind == ObligationKind.REFUND:
        return _ask_about_refund(attempt, cause, now)
    if attempt.obligation.kind in _askers:
        return _askers[attempt.obligation.kind].ask(attempt, cause, now)
    ask = _QUESTIONS.get(ObligationKind(attempt.obligation.kind))
    if ask is None or attempt.obligation.subscription is None:
        return False
    return ask(attempt, attempt.obligation.subscription, cause, now)


def _ask_about_refund(attempt: PaymentAttempt, cause: Cause, now: datetime) -> bool:
    """A refund that took effect shows on its payment; one that did not is asked for anew."""
    if refund_outcome.ask(attempt=attempt, cause=cause, now=now):
        return True
    if _may_still_arrive(attempt, now):
        return False
    refund_outcome.end(attempt=attempt, state=AttemptState.NOT_PROCESSED, now=now)
    return True


def _ask_about_start(
    attempt: PaymentAttempt, subscription: Subscription, cause: Cause, now: datetime
) -> bool:
    driver = registry.get_driver(attempt.provider)
    fetched_at = projection.database_now()
    snapshot = driver.find_subscription(
        our_id=str(subscription.pk),
        external_customer_id=subscription.customer.external_id,
    )
    if snapshot is None:
        return _absent(attempt, now)
    return _found(snapshot, fetched_at, cause, now)


def _ask_about_change(
    attempt: PaymentAttempt, subscription: Subscription, cause: Cause, now: datetime
) -> bool:
    """A change that took effect, or waits for its payment, shows on the subscription."""
    snapshot = _look(attempt, subscription, cause, now)
    if attempt.state not in _OPEN:
        return True
    if snapshot is None:
        return False
    payment = snapshot.latest_payment
    if snapshot.awaits_payment_of_change and payment is not None:
        if payment.state is not AttemptState.FAILED:
            return False
        given_up_changes.drop(
            attempt=attempt, cause=cause, now=now, decline_code=payment.decline_code
        )
        return True
    if _may_still_arrive(attempt, now):
        return False
    given_up_changes.end(attempt=attempt, state=AttemptState.NOT_PROCESSED, now=now)
    return True


def _ask_about_renewal(
    attempt: PaymentAttempt, subscription: Subscription, cause: Cause, now: datetime
) -> bool:
    """An overdue invoice is paid, or it is not; what is not paid may be tried again."""
    snapshot = _look(attempt, subscription, cause, now)
    if attempt.state not in _OPEN:
        return True
    if snapshot is None or _may_still_arrive(attempt, now):
        return False
    settlement.end_attempt(attempt=attempt, state=AttemptState.NOT_PROCESSED, now=now)
    return True


def _look(
    attempt: PaymentAttempt, subscription: Subscription, cause: Cause, now: datetime
) -> SubscriptionSnapshot | None:
    """Take over what the provider says of the subscription; the attempt follows from it.

    None if somebody has taken over what was asked later: that may be from before the provider had
    decided, although it answered us after it had. Then nothing follows, and it is asked again.
    """
    fetched_at = projection.database_now()
    driver = registry.get_driver(attempt.provider)
    snapshot = driver.retrieve_subscription(subscription.external_id)
    done = projection.converge(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now)
    attempt.refresh_from_db()
    return snapshot if done.applied else None


_QUESTIONS: dict[
    ObligationKind, Callable[[PaymentAttempt, Subscription, Cause, datetime], bool]
] = {
    ObligationKind.SUBSCRIPTION_START: _ask_about_start,
    ObligationKind.CHANGE: _ask_about_change,
    ObligationKind.RENEWAL: _ask_about_renewal,
}


def _claim(attempt_id: uuid.UUID | str, now: datetime, *, force: bool) -> PaymentAttempt | None:
    """Take the question for ourselves, and set the time of the next one in case we die."""
    waiting = PaymentAttempt.objects.filter(pk=attempt_id, state__in=_OPEN)
    if not force:
        waiting = waiting.filter(resolve_after__lte=now)
    row = waiting.values("asked", "obligation__kind").first()
    if row is None:
        return None
    asker = _askers.get(row["obligation__kind"])
    longest = asker.longest_pause_s if asker else _LONGEST_PAUSE_S
    pause = min(longest, FIRST_QUESTION_AFTER_S * 2 ** row["asked"])
    claimed = waiting.filter(asked=row["asked"]).update(
        state=AttemptState.UNKNOWN,
        asked=F("asked") + 1,
        resolve_after=now + timedelta(seconds=pause),
        updated_at=now,
    )
    if not claimed:
        return None
    return PaymentAttempt.objects.select_related("obligation__subscription__customer").get(
        pk=attempt_id
    )


def _absent(attempt: PaymentAttempt, now: datetime) -> bool:
    """The provider has nothing: decided only once it can no longer be working on it.

    The subscription stays incomplete, so that the same key may try again.
    """
    if _may_still_arrive(attempt, now):
        return False
    settlement.end_attempt(attempt=attempt, state=AttemptState.NOT_PROCESSED, now=now)
    logger.info("attempt.not_processed", extra={"attempt": str(attempt.pk)})
    return True


def _may_still_arrive(attempt: PaymentAttempt, now: datetime) -> bool:
    sent_at = attempt.sent_at
    return sent_at is not None and now - sent_at < timedelta(seconds=ABSENT_AFTER_S)


def _found(
    snapshot: SubscriptionSnapshot,
    fetched_at: datetime,
    cause: Cause,
    now: datetime,
) -> bool:
    done = projection.converge(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now)
    payment = snapshot.latest_payment
    was_declined = payment is not None and payment.state is AttemptState.FAILED
    if was_declined and done.subscription.status == SubscriptionStatus.INCOMPLETE:
        abandon.give_up(subscription=done.subscription, cause=cause, now=now)
    return True
