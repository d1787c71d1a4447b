"""From a change of state to the lines of the timeline, in words a tenant understands."""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from billing.enums import LIVE_STATUSES, SubscriptionStatus
from billing.models import Subscription
from billing.services import discounts
from billing.services.timeline import Line
from billing.types import DiscountSnapshot

_S = SubscriptionStatus
_GIVING = (_S.ACTIVE, _S.TRIALING)


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """The part of a subscription whose changes people are told about."""

    status: SubscriptionStatus
    plan: str
    price_id: str
    seats: int
    current_period_end: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    pending_change: Mapping[str, Any] | None
    discount: DiscountSnapshot | None


def state_of(subscription: Subscription) -> State:
    """Take down the state before a change."""
    return State(
        status=SubscriptionStatus(subscription.status),
        plan=subscription.plan_version.plan.name,
        price_id=str(subscription.price_id),
        seats=subscription.seats,
        current_period_end=subscription.current_period_end,
        cancel_at_period_end=subscription.cancel_at_period_end,
        cancel_at=subscription.cancel_at,
        pending_change=subscription.pending_change,
        discount=discounts.stored(subscription.discount),
    )


def lines(before: State, subscription: Subscription, *, now: datetime) -> Iterator[Line]:
    """Yield one line for each thing that changed since `before`."""
    after = state_of(subscription)
    if after.status != before.status:
        verb, summary = _status_change(before, after)
        yield _line(subscription, verb, summary, now)
    if after.status in LIVE_STATUSES:
        is_start = before.status not in LIVE_STATUSES
        coupon = discounts.news(before.discount, after.discount, is_start=is_start)
        if coupon:
            yield _line(subscription, *coupon, now)
    if before.status not in LIVE_STATUSES or after.status not in LIVE_STATUSES:
        return  # the rest is news only for a subscription that goes on
    if (after.price_id, after.seats) != (before.price_id, before.seats):
        seats = f"{after.seats} seat{'s' if after.seats != 1 else ''}"
        yield _line(subscription, "updated", f"The plan is now {after.plan}, {seats}.", now)
    if _was_renewed(before, after):
        until = f"{after.current_period_end:%-d %B %Y}"
        yield _line(subscription, "renewed", f"{after.plan} was renewed until {until}.", now)
    yield from _cancellation(before, after, subscription, now)
    yield from _pending(before, after, subscription, now)


def _was_renewed(before: State, after: State) -> bool:
    """Say whether a new period began that is paid for: not one that is overdue, or paused."""
    return bool(
        after.status in _GIVING
        and before.current_period_end
        and after.current_period_end
        and after.current_period_end > before.current_period_end
    )


def _pending(
    before: State, after: State, subscription: Subscription, now: datetime
) -> Iterator[Line]:
    was, will = before.pending_change, after.pending_change
    if will and will != was:
        if will["kind"] == "scheduled":
            yield _line(subscription, "change_scheduled", _in_words(will), now)
        else:
            summary = f"A change of {after.plan} waits for its payment to be confirmed."
            yield _line(subscription, "change_pending", summary, now)
    is_done = (before.price_id, before.seats) != (after.price_id, after.seats)
    if was and not will and not is_done:
        yield _line(subscription, "change_withdrawn", f"{after.plan} stays as it is.", now)


def _in_words(pending: Mapping[str, Any]) -> str:
    seats = pending["seats"]
    day = datetime.fromisoformat(pending["effective_at"])
    return (
        f"The plan will be {pending['plan']['name']}, {seats} seat{'s' if seats != 1 else ''}, "
        f"from {day:%-d %B %Y}."
    )


def _cancellation(
    before: State, after: State, subscription: Subscription, now: datetime
) -> Iterator[Line]:
    had = before.cancel_at_period_end or before.cancel_at is not None
    has = after.cancel_at_period_end or after.cancel_at is not None
    if has and not had:
        ends = after.cancel_at or after.current_period_end
        on = f" on {ends:%-d %B %Y}" if ends else ""
        yield _line(subscription, "cancel_scheduled", f"{after.plan} will end{on}.", now)
    if had and not has:
        yield _line(subscription, "cancel_withdrawn", f"{after.plan} goes on after all.", now)


def _status_change(before: State, after: State) -> tuple[str, str]:
    if after.status in LIVE_STATUSES and before.status not in LIVE_STATUSES:
        return "activated", _ACTIVATED.get(after.status, "{plan} is active.").format(
            plan=after.plan
        )
    if after.status is _S.ACTIVE:
        verb, summary = _ACTIVE_AGAIN.get(before.status, ("recovered", "{plan} is active again."))
        return verb, summary.format(plan=after.plan)
    if after.status is _S.CANCELED and before.status is _S.INCOMPLETE:
        return "canceled", f"The start of {after.plan} was given up: it was never paid."
    verb, summary = _CHANGED[after.status]
    return verb, summary.format(plan=after.plan)


_ACTIVE_AGAIN = {
    _S.TRIALING: ("trial_ended", "The trial of {plan} has ended; it is active and paid for now."),
    _S.PAUSED: ("resumed", "{plan} goes on after its pause."),
}
_ACTIVATED = {_S.TRIALING: "The trial of {plan} has started."}
_CHANGED = {
    _S.INCOMPLETE: ("updated", "{plan} waits for its first payment."),
    _S.INCOMPLETE_EXPIRED: ("expired", "The start of {plan} was given up: it was never paid."),
    _S.TRIALING: ("updated", "{plan} is in its trial again."),
    _S.PAST_DUE: ("past_due", "A payment for {plan} failed and is overdue."),
    _S.UNPAID: ("unpaid", "{plan} is suspended: its invoice was not paid."),
    _S.PAUSED: ("paused", "{plan} is paused."),
    _S.CANCELED: ("canceled", "{plan} has ended."),
}


def _line(subscription: Subscription, verb: str, summary: str, now: datetime) -> Line:
    return Line(
        type=f"billing.subscription.{verb}",
        summary=summary,
        object_type="subscription",
        object_id=str(subscription.pk),
        occurred_at=now,
        provider=subscription.provider,
        data={"status": subscription.status, "plan": subscription.plan_version.plan.code},
    )
