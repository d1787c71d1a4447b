"""What Stripe's driver does with a running subscription, ready to be disturbed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from billing.enums import Proration
from billing.types import ChangeSpec, SubscriptionSnapshot
from tests.billing import stripe_builders as build
from tests.billing.stripe_cases import Call, Case
from tests.simulators.stripe.client import StripeSimulator


def running(card: str = build.VISA) -> SubscriptionSnapshot:
    """A subscription to Starter that was just paid."""
    spec = build.subscription_spec(card=card)
    return build.driver().create_subscription(spec, idempotency_key=build.new_key())


def change_of(snapshot: SubscriptionSnapshot, **fields: Any) -> ChangeSpec:
    """Two seats more, invoiced at once."""
    wanted = {
        "external_customer_id": snapshot.external_customer_id,
        "external_subscription_id": snapshot.external_id,
        "external_price_id": snapshot.external_price_id,
        "seats": snapshot.seats + 2,
        "proration": Proration.INVOICE,
        "interval": "month",
    }
    return ChangeSpec(**{**wanted, **fields})


def preview(_: StripeSimulator) -> Call:
    spec = change_of(running())
    return lambda: build.driver().preview_change(spec)


def preview_start(_: StripeSimulator) -> Call:
    spec = ChangeSpec(
        external_customer_id=build.make_customer(),
        external_price_id=build.make_price().external_id,
        seats=3,
    )
    return lambda: build.driver().preview_change(spec)


def preview_renewal(_: StripeSimulator) -> Call:
    external_id = running().external_id
    return lambda: build.driver().preview_renewal(external_id)


def preview_ending(_: StripeSimulator) -> Call:
    later = change_of(running(), proration=Proration.NEXT_INVOICE)
    build.driver().change_subscription(later, idempotency_key=build.new_key())
    return lambda: build.driver().preview_ending(later.external_subscription_id)


def change(_: StripeSimulator) -> Call:
    spec, key = change_of(running()), build.new_key()
    return lambda: build.driver().change_subscription(spec, idempotency_key=key)


def waiting() -> str:
    """A change whose card has to be confirmed by its holder."""
    snapshot = running()
    card = build.attach(snapshot.external_customer_id, build.ASKS_EVERY_TIME)
    build.driver().set_default_payment_method(
        external_customer_id=snapshot.external_customer_id,
        payment_method=card,
        external_subscription_id=snapshot.external_id,
        idempotency_key=build.new_key(),
    )
    changed = build.driver().change_subscription(
        change_of(snapshot), idempotency_key=build.new_key()
    )
    assert changed.awaits_payment_of_change
    return snapshot.external_id


def drop(_: StripeSimulator) -> Call:
    external_id, key = waiting(), build.new_key()
    return lambda: build.driver().drop_unpaid_change(external_id, idempotency_key=key)


def schedule(_: StripeSimulator) -> Call:
    spec, key = change_of(running()), build.new_key()
    return lambda: build.driver().schedule_change(spec, idempotency_key=key)


def unschedule(_: StripeSimulator) -> Call:
    snapshot, key = running(), build.new_key()
    build.driver().schedule_change(change_of(snapshot), idempotency_key=build.new_key())
    return lambda: build.driver().unschedule_change(snapshot.external_id, idempotency_key=key)


def end(_: StripeSimulator) -> Call:
    external_id, key = running().external_id, build.new_key()
    return lambda: build.driver().end_at_period_end(
        external_id, reason="too_expensive", comment="Sorry", idempotency_key=key
    )


def keep(_: StripeSimulator) -> Call:
    external_id, key = running().external_id, build.new_key()
    build.driver().end_at_period_end(
        external_id, reason="", comment="", idempotency_key=build.new_key()
    )
    return lambda: build.driver().keep_subscription(external_id, idempotency_key=key)


def pause(stripe: StripeSimulator) -> Call:
    external_id, key = running().external_id, build.new_key()
    resumes_at = datetime.fromtimestamp(stripe.now(), UTC) + timedelta(days=40)
    return lambda: build.driver().pause_subscription(
        external_id, resumes_at=resumes_at, idempotency_key=key
    )


def resume(_: StripeSimulator) -> Call:
    external_id, key = running().external_id, build.new_key()
    build.driver().pause_subscription(external_id, resumes_at=None, idempotency_key=build.new_key())
    return lambda: build.driver().resume_subscription(external_id, idempotency_key=key)


WRITES = {
    "change": Case("POST", "/subscriptions/", change),
    "drop": Case("POST", "/void$", drop),
    "schedule": Case("POST", "/subscription_schedules/", schedule),
    "unschedule": Case("POST", "/release$", unschedule),
    "end_at_period_end": Case("POST", "/subscriptions/", end),
    "keep": Case("POST", "/subscriptions/", keep),
    "pause": Case("POST", "/subscriptions/", pause),
    "resume": Case("POST", "/subscriptions/", resume),
}
QUESTIONS = {
    "preview_change": Case("POST", "/create_preview$", preview),
    "preview_renewal": Case("POST", "/create_preview$", preview_renewal),
    "preview_ending": Case("POST", "/create_preview$", preview_ending),
}
CALLS = {
    "preview_change": preview,
    "preview_renewal": preview_renewal,
    "preview_ending": preview_ending,
    "change_subscription": change,
    "drop_unpaid_change": drop,
    "schedule_change": schedule,
    "unschedule_change": unschedule,
    "end_at_period_end": end,
    "keep_subscription": keep,
    "pause_subscription": pause,
    "resume_subscription": resume,
}
