"""What happens to a subscription at Stripe later: a new plan, an end, a pause."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from billing.drivers.base import DriverRejected
from billing.drivers.stripe import calls, discounts, errors, subscriptions
from billing.drivers.stripe.calls import Json
from billing.drivers.stripe.snapshots import id_of
from billing.types import ChangeSpec, SubscriptionSnapshot

if TYPE_CHECKING:
    import stripe


def schedule(spec: ChangeSpec, *, idempotency_key: str) -> SubscriptionSnapshot:
    """Have another price or number of seats from the next period on.

    A schedule is laid over the subscription: its first phase is what runs now, the second one
    period of what comes, after which the subscription is let go with it.
    Source: https://docs.stripe.com/billing/subscriptions/subscription-schedules/use-cases#upgrading-subscriptions
    """
    raw = subscriptions.raw(spec.external_subscription_id)
    schedule_id = id_of(raw["schedule"])
    if not schedule_id:
        create: stripe.params.SubscriptionScheduleCreateParams = {
            "from_subscription": spec.external_subscription_id
        }
        created = calls.keyed(idempotency_key, "schedule")
        made = calls.write(lambda sdk: sdk.v1.subscription_schedules.create(create, created))
        schedule_id = made["id"]
    else:
        made = calls.read_one("subscription_schedules", schedule_id)
    params: stripe.params.SubscriptionScheduleModifyParams = {
        "end_behavior": "release",
        "proration_behavior": "none",
        "phases": _phases(made, raw, spec),
    }
    options = calls.keyed(idempotency_key)
    calls.write(lambda sdk: sdk.v1.subscription_schedules.update(schedule_id, params, options))
    with errors.after_write():
        return subscriptions.retrieve(spec.external_subscription_id)


def _phases(schedule: Json, raw: Json, spec: ChangeSpec) -> Any:
    current = _current_phase(schedule)
    kept = {"start_date": current["start_date"], "end_date": _period_end(raw)}
    following: dict[str, Any] = {
        "items": [{"price": spec.external_price_id, "quantity": spec.seats}],
        "proration_behavior": "none",
        "duration": {"interval": spec.interval or "month", "interval_count": 1},
    }
    running = [{"coupon": ref} for ref in _coupons(raw)]
    if running:
        kept["discounts"] = following["discounts"] = running
    if spec.discount:  # takes the place of what lies on it, as for a change now
        following["discounts"] = [discounts.as_param(spec.discount)]
    items = [
        {"price": id_of(item["price"]), "quantity": item["quantity"]} for item in current["items"]
    ]
    return [{**kept, "items": items, "proration_behavior": "none"}, following]


def _current_phase(schedule: Json) -> Json:
    running = schedule["current_phase"]
    phases: list[Json] = schedule["phases"]
    if running:
        for phase in phases:
            if phase["start_date"] == running["start_date"]:
                return phase
    return phases[0]


def _period_end(raw: Json) -> int:
    return min(int(item["current_period_end"]) for item in raw["items"]["data"])


def _coupons(raw: Json) -> list[str]:
    """Return the coupons that lie on the subscription: a phase that names none takes them off."""
    return [
        id_of(row["source"]["coupon"])
        for row in raw.get("discounts") or []
        if isinstance(row, dict)
    ]


def unschedule(external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
    """Let the subscription go from its schedule; it stays as it is."""
    schedule_id = id_of(subscriptions.raw(external_id)["schedule"])
    if schedule_id:
        options = calls.keyed(idempotency_key, "release")
        calls.write(lambda sdk: sdk.v1.subscription_schedules.release(schedule_id, {}, options))
    with errors.after_write():
        return subscriptions.retrieve(external_id)


def end_at_period_end(
    external_id: str, *, reason: str, comment: str, idempotency_key: str
) -> SubscriptionSnapshot:
    """Let a subscription end with its period.

    Source: https://docs.stripe.com/billing/subscriptions/cancel
    """
    params: stripe.params.SubscriptionModifyParams = {"cancel_at_period_end": True}
    details = subscriptions.cancellation_details(reason, comment)
    if details:
        params["cancellation_details"] = details
    return subscriptions.update(external_id, params, idempotency_key=idempotency_key)


def keep(external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
    """Take back that a subscription ends; one that was to end on a day of its own, too."""
    raw = subscriptions.raw(external_id)
    params: stripe.params.SubscriptionModifyParams = (
        {"cancel_at_period_end": False} if raw["cancel_at_period_end"] else {"cancel_at": ""}
    )
    return subscriptions.update(external_id, params, idempotency_key=idempotency_key)


def pause(
    external_id: str, *, resumes_at: datetime | None, idempotency_key: str
) -> SubscriptionSnapshot:
    """Stop collecting; what falls due meanwhile is void.

    Source: https://docs.stripe.com/billing/subscriptions/pause-payment
    """
    collection: stripe.params.SubscriptionModifyParamsPauseCollection = {"behavior": "void"}
    if resumes_at:
        collection["resumes_at"] = int(resumes_at.timestamp())
    params: stripe.params.SubscriptionModifyParams = {"pause_collection": collection}
    return subscriptions.update(external_id, params, idempotency_key=idempotency_key)


def resume(external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
    """Go on collecting, or with one that Stripe paused itself at the end of a trial without card.

    Source: https://docs.stripe.com/billing/subscriptions/pause-payment#unpause-collection and
    https://docs.stripe.com/api/subscriptions/resume
    """
    if subscriptions.raw(external_id)["status"] != "paused":
        params: stripe.params.SubscriptionModifyParams = {"pause_collection": ""}
        return subscriptions.update(external_id, params, idempotency_key=idempotency_key)
    again: stripe.params.SubscriptionResumeParams = {"billing_cycle_anchor": "now"}
    options = calls.keyed(idempotency_key)
    try:
        calls.write(lambda sdk: sdk.v1.subscriptions.resume(external_id, again, options))
    except DriverRejected:
        snapshot = subscriptions.retrieve(external_id)
        if snapshot.status == "paused":
            raise
        return snapshot
    with errors.after_write():
        return subscriptions.retrieve(external_id)
