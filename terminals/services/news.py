"""Events about payments in person: asked about once, and applied like anything else.

This module is a `billing.handlers.SubjectHandler`.
"""

import dataclasses
from datetime import datetime
from uuid import UUID

from billing.drivers import registry
from billing.models import PaymentAttempt
from billing.types import Cause, SaleSnapshot, SubjectNews
from orgs import clock
from terminals.models import TerminalPayment
from terminals.services import concluding, rows

SUBJECT = "sale"


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a provider says of a payment of ours; no snapshot: it has none."""

    attempt: PaymentAttempt
    snapshot: SaleSnapshot | None


def ask(news: SubjectNews) -> Answer | None:
    """Ask how a payment is now; None for one that is nobody's of ours.

    Raises:
        DriverError: the provider did not answer.
    """
    payment = _payment(news)
    attempt = rows.attempt_about(payment, news.external_id) if payment else None
    if payment is None or attempt is None:
        return None
    order = dataclasses.replace(rows.order_of(payment, attempt), external_id=news.external_id)
    driver = registry.get_driver(news.provider)
    now = clock.now(payment.organization)
    return Answer(attempt, driver.find_sale(order, sent_at=attempt.sent_at, now=now))


def apply(
    news: SubjectNews,
    answer: Answer | None,
    *,
    fetched_at: datetime,
    cause: Cause,
    now: datetime,
) -> UUID | None:
    """Apply it, in the caller's transaction; return whose it is."""
    if answer is None:
        return None
    if answer.snapshot is not None and _counts(news, answer.attempt, answer.snapshot):
        concluding.conclude(
            attempt=answer.attempt,
            snapshot=answer.snapshot,
            fetched_at=fetched_at,
            cause=cause,
            now=now,
        )
    return answer.attempt.organization_id


def _counts(news: SubjectNews, attempt: PaymentAttempt, snapshot: SaleSnapshot) -> bool:
    """Say whether this is about the sale that the payment has; of others only an approval counts.

    One whose making had no answer is made again: the first stays at the provider, and no reader is
    ever asked for it.
    """
    name = rows.of_attempt(attempt).external_id
    is_approved = snapshot.state in ("requires_capture", "succeeded")
    return name in ("", news.external_id) or is_approved


def _payment(news: SubjectNews) -> TerminalPayment | None:
    """Find the payment by its provider's name, else by ours while it has none there."""
    payments = TerminalPayment.objects.select_related("terminal", "organization").filter(
        provider=news.provider
    )
    known = payments.filter(external_id=news.external_id).first()
    if known is not None or not news.our_id:
        return known
    try:
        our_id = UUID(news.our_id)
    except ValueError:
        return None
    return payments.filter(pk=our_id, external_id="").first()
