"""What happens to a subscription later, and what moves no money: schedules, ends and pauses."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from billing.drivers.base import DriverRejected
from billing.engine import changing, ids, outcomes
from billing.engine.cycle_rows import find_price
from billing.engine.house import House, is_handled, lock_subscription, now_of
from billing.engine.models import EngineSubscription
from billing.enums import FINAL_STATUSES, SubscriptionStatus
from billing.types import ChangeSpec, SubscriptionSnapshot

Write = Callable[[EngineSubscription, datetime], None]


def schedule(house: House, spec: ChangeSpec, key: str) -> SubscriptionSnapshot:
    """Have price and seats change with the next period; replaces an earlier such change."""
    price = find_price(house.provider, spec.external_price_id)

    def write(row: EngineSubscription, now: datetime) -> None:
        del now
        if price.currency != row.price.currency:
            raise DriverRejected("INVALID_REQUEST", detail="other_currency")
        row.next_price, row.next_seats = price, spec.seats
        row.schedule_id = ids.new_id(house.provider, "sched")

    return _write(house, spec.external_subscription_id, key, write)


def unschedule(house: House, external_id: str, key: str) -> SubscriptionSnapshot:
    """Withdraw a change that waits for the next period."""

    def write(row: EngineSubscription, now: datetime) -> None:
        del now
        forget_schedule(row)

    return _write(house, external_id, key, write)


def end_at_period_end(
    house: House, external_id: str, *, reason: str, comment: str, key: str
) -> SubscriptionSnapshot:
    """Let a subscription end with its period."""

    def write(row: EngineSubscription, now: datetime) -> None:
        row.cancel_at_period_end, row.canceled_at = True, now
        row.cancel_reason, row.cancel_comment = reason[:100], comment
        forget_schedule(row)

    return _write(house, external_id, key, write)


def keep(house: House, external_id: str, key: str) -> SubscriptionSnapshot:
    """Take back that a subscription ends."""

    def write(row: EngineSubscription, now: datetime) -> None:
        del now
        row.cancel_at_period_end, row.canceled_at = False, None
        row.cancel_reason = row.cancel_comment = ""

    return _write(house, external_id, key, write)


def pause(
    house: House, external_id: str, *, resumes_at: datetime | None, key: str
) -> SubscriptionSnapshot:
    """Charge nothing until it is resumed; what falls due meanwhile is waived."""

    def write(row: EngineSubscription, now: datetime) -> None:
        del now
        if row.status not in (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAUSED):
            raise DriverRejected("INVALID_REQUEST", detail="subscription_not_active")
        row.status, row.resumes_at = SubscriptionStatus.PAUSED, resumes_at

    return _write(house, external_id, key, write)


def resume(house: House, external_id: str, key: str) -> SubscriptionSnapshot:
    """Go on with a paused subscription."""

    def write(row: EngineSubscription, now: datetime) -> None:
        del now
        end_pause(row)

    return _write(house, external_id, key, write)


def cancel(
    house: House, external_id: str, *, reason: str, comment: str, key: str
) -> SubscriptionSnapshot:
    """End a subscription now: nothing is charged, nothing is credited.

    Raises:
        OutcomeUnknown: the charge of a change is undecided.
    """
    changing.drop_unpaid(house, external_id)
    row = house.subscription(external_id)
    now = now_of(row.organization_id)
    with transaction.atomic(durable=True):
        row = lock_subscription(row)
        if row.status not in FINAL_STATUSES and not is_handled(key, row):
            row.cancel_reason, row.cancel_comment = reason[:100], comment
            end(row, now=now)
    return house.answer(row)


def end(row: EngineSubscription, *, now: datetime) -> None:
    """End a locked subscription. What it owes stays owed; nobody charges it by itself any more."""
    row.status = SubscriptionStatus.CANCELED
    row.canceled_at, row.ended_at = row.canceled_at or now, now
    forget_schedule(row)
    outcomes.plan(row, now=now)


def end_pause(row: EngineSubscription) -> None:
    """Let a paused subscription run; the caller saves it."""
    if row.status == SubscriptionStatus.PAUSED:
        row.status = SubscriptionStatus.ACTIVE
    row.resumes_at = None


def forget_schedule(row: EngineSubscription) -> None:
    """Withdraw what was chosen for the next period; the caller saves it."""
    row.next_price, row.next_seats, row.schedule_id = None, 0, ""


def _write(house: House, external_id: str, key: str, write: Write) -> SubscriptionSnapshot:
    row = house.subscription(external_id)
    now = now_of(row.organization_id)
    with transaction.atomic(durable=True):
        row = lock_subscription(row)
        if row.status in FINAL_STATUSES:
            raise DriverRejected("INVALID_REQUEST", detail="subscription_ended")
        if not is_handled(key, row):
            write(row, now)
            outcomes.plan(row, now=now)
    return house.answer(row)
