"""Unknown is a state: asking the provider what became of a call that had no answer."""

import logging
import uuid
from datetime import datetime, timedelta

from django.db.models import F

from billing import jobs
from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.enums import AttemptState, SubscriptionStatus
from billing.models import PaymentAttempt
from billing.selectors import payments
from billing.services import abandon, projection, settlement
from billing.types import Cause, SubscriptionSnapshot

FIRST_QUESTION_AFTER_S = 5
_LONGEST_PAUSE_S = 60
# A provider may still be working on a call that nobody waits for any more. Stripe's own clients
# give up after 80 s; only after that does "there is none" mean that there will be none.
# Source: https://github.com/stripe/stripe-python (default timeout of the HTTP client: 80 s)
ABSENT_AFTER_S = 90
# A try that was written down but not sent within this time belongs to a process that died.
_UNSENT_AFTER_S = 180

logger = logging.getLogger(__name__)


def await_answer(*, attempt: PaymentAttempt, now: datetime) -> datetime:
    """Mark a sent attempt as unknown and have it asked about; return when."""
    resolve_after = now + timedelta(seconds=FIRST_QUESTION_AFTER_S)
    settlement.mark_unknown(attempt=attempt, resolve_after=resolve_after, now=now)
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
    PaymentAttempt.objects.filter(
        state=AttemptState.CREATED, created_at__lt=now - timedelta(seconds=_UNSENT_AFTER_S)
    ).update(state=AttemptState.NOT_PROCESSED, resolved_at=now, updated_at=now)


def resolve_attempt(
    *, attempt_id: uuid.UUID | str, now: datetime, cause: Cause, force: bool = False
) -> bool:
    """Ask the provider, by our reference, what became of one attempt; say whether it is decided.

    `force` asks now although its time has not come (somebody is waiting for the answer).
    """
    attempt = _claim(attempt_id, now, force=force)
    if attempt is None:
        return False
    subscription = attempt.obligation.subscription
    if subscription is None:
        return False
    driver = registry.get_driver(attempt.provider)
    fetched_at = projection.database_now()
    try:
        snapshot = driver.find_subscription(
            our_id=str(subscription.pk),
            external_customer_id=subscription.customer.external_id,
        )
    except DriverError as error:
        logger.warning(
            "attempt.not_answered", extra={"attempt": str(attempt.pk), "code": error.code}
        )
        return False
    if snapshot is None:
        return _absent(attempt, now)
    return _found(snapshot, fetched_at, cause, now)


def _claim(attempt_id: uuid.UUID | str, now: datetime, *, force: bool) -> PaymentAttempt | None:
    """Take the question for ourselves, and set the time of the next one in case we die."""
    waiting = PaymentAttempt.objects.filter(
        pk=attempt_id, state__in=[AttemptState.SENT, AttemptState.UNKNOWN]
    )
    if not force:
        waiting = waiting.filter(resolve_after__lte=now)
    row = waiting.values("asked", "resolve_after").first()
    if row is None:
        return None
    pause = min(_LONGEST_PAUSE_S, FIRST_QUESTION_AFTER_S * 2 ** row["asked"])
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
    if attempt.sent_at and now - attempt.sent_at < timedelta(seconds=ABSENT_AFTER_S):
        return False
    settlement.end_attempt(attempt=attempt, state=AttemptState.NOT_PROCESSED, now=now)
    logger.info("attempt.not_processed", extra={"attempt": str(attempt.pk)})
    return True


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
