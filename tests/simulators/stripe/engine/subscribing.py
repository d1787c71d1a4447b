"""Starting a subscription: the matrix of trials, payment behaviours and cards."""

from dataclasses import dataclass, field

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.cards import UNAUTHENTICATED
from tests.simulators.stripe.engine import (
    bills,
    cardholding,
    charging,
    coupons,
    discounting,
    intents,
    invoicing,
    lines,
    settling,
    standing,
    waiting,
)
from tests.simulators.stripe.engine.coupons import Redemption
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.periods import next_end
from tests.simulators.stripe.world import World

INCOMPLETE_HOURS = 23


@dataclass(frozen=True)
class Wanted:
    """One item of a subscription to start."""

    price: Json
    quantity: int = 1
    metadata: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """What a new subscription is asked to be."""

    customer: Json
    items: list[Wanted]
    behavior: str = "allow_incomplete"
    collection_method: str = "charge_automatically"
    default_payment_method: str | None = None
    trial_end: int | None = None
    off_session: bool = False
    metadata: Json = field(default_factory=dict)
    details: Json = field(default_factory=dict)
    discounts: list[Redemption] = field(default_factory=list)


def start(world: World, wish: Start) -> Json:
    """Create a subscription with its first invoice, paid or waiting as the wish says."""
    now = world.now()
    trialing, charges = _outlook(world, wish)
    automatic = wish.collection_method == "charge_automatically"
    if charges and wish.behavior != "default_incomplete":
        method = cardholding.default_of(world, wish.customer["id"], wish.default_payment_method)
        _refuse_in_advance(world, wish, method)
    subscription, invoice = draft(world, wish)
    if not automatic and not trialing:
        world.schedule(now + world.settings["finalize_after_s"], "finalize_invoice", invoice["id"])
        return subscription
    invoicing.finalize(world, invoice)
    if charges and wish.behavior != "default_incomplete":
        settling.collect(world, invoice, off_session=wish.off_session)
    if subscription["status"] == "incomplete":
        world.schedule(now + INCOMPLETE_HOURS * 3600, "expire_incomplete", subscription["id"])
    return subscription


def draft(world: World, wish: Start) -> tuple[Json, Json]:
    """Add a subscription and its first invoice as a draft; nothing is collected yet."""
    trialing, charges = _outlook(world, wish)
    subscription = _make(world, wish, trialing=trialing, charges=charges)
    coupons.put_on(world, subscription, wish.discounts)
    invoice = _first_invoice(world, wish, subscription, trialing=trialing)
    world.add(subscription, "customer.subscription.created")
    bills.add(world, invoice)
    _set_customer_currency(world, wish.customer, subscription["currency"])
    _schedule(world, subscription)
    return subscription, invoice


def _outlook(world: World, wish: Start) -> tuple[bool, bool]:
    """Say whether a subscription begins with a trial, and whether with a charge."""
    trialing = wish.trial_end is not None and wish.trial_end > world.now()
    parts = [
        discounting.Part(lines.amount_of(wanted.price, wanted.quantity), wanted.price["product"])
        for wanted in wish.items
        if wanted.price["recurring"]["usage_type"] == "licensed"
    ]
    currency = wish.items[0].price["currency"]
    taken = discounting.foreseen(world, parts, wish.discounts, currency)
    due = sum(part.amount for part in parts) - sum(taken)
    automatic = wish.collection_method == "charge_automatically"
    due = 0 if trialing else due
    due += sum(entry["amount"] for entry in waiting.entries_for(world, wish.customer["id"]))
    # Credit that the customer has may pay the first invoice without any card.
    return trialing, automatic and due + wish.customer["balance"] > 0


def _refuse_in_advance(world: World, wish: Start, method: str | None) -> None:
    if method is None:
        raise Refusal(
            "This customer has no attached payment source or default payment method. Please "
            "consider adding a default payment method. For more information, visit "
            "https://stripe.com/docs/billing/subscriptions/payment-methods-setting"
            "#payment-method-priority.",
            code="resource_missing",
        )
    if wish.behavior == "error_if_incomplete":
        # Foreseen rather than tried: nothing of a refused subscription may be kept.
        _refuse_foreseen(world, method, off_session=wish.off_session)


def refuse_in_advance(world: World, subscription: Json, *, off_session: bool) -> None:
    """Refuse a change that its card would not pay, before anything is changed."""
    method = cardholding.default_of(
        world, subscription["customer"], subscription["default_payment_method"]
    )
    if method is not None:
        _refuse_foreseen(world, method, off_session=off_session)


def _refuse_foreseen(world: World, method: str, *, off_session: bool) -> None:
    decline = charging.foresee(world, method, off_session=off_session)
    if decline is UNAUTHENTICATED:
        raise Refusal(
            "Payment for this subscription requires additional user action before it can be "
            "completed successfully. Payment can be completed using the PaymentIntent associated "
            "with `subscription.latest_invoice`.",
            status=402,
            kind="card_error",
            code="subscription_payment_intent_requires_action",
        )
    if decline is not None:
        raise cardholding.refuse(decline)


def _set_customer_currency(world: World, customer: Json, currency: str) -> None:
    if customer["currency"] is None:
        with world.change(customer, "customer.updated"):
            customer["currency"] = currency


def _make(world: World, wish: Start, *, trialing: bool, charges: bool) -> Json:
    now = world.now()
    anchor = wish.trial_end if trialing and wish.trial_end is not None else now
    subscription_id = ids.new_id("subscription")
    items = []
    for wanted in wish.items:
        recurring = wanted.price["recurring"]
        end = anchor
        if not trialing:
            end = next_end(anchor, recurring["interval"], recurring["interval_count"], now)
        item = lines.make_item(
            world,
            subscription=subscription_id,
            price=wanted.price,
            quantity=wanted.quantity,
            period=(now, end),
            metadata=wanted.metadata,
        )
        world.store.put("subscription_item", item["id"], item)
        items.append(item)
    subscription = _blank(world, wish, subscription_id, items)
    subscription["billing_cycle_anchor"] = anchor
    if trialing:
        subscription.update(status="trialing", trial_start=now, trial_end=wish.trial_end)
    elif charges:
        subscription["status"] = "incomplete"
    subscription.update(wish.details)
    if isinstance(subscription["cancel_at"], str):
        ends = [item["current_period_end"] for item in items]
        first = subscription["cancel_at"] == "min_period_end"
        subscription["cancel_at"] = min(ends) if first else max(ends)
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = standing.period_end(subscription)
        subscription["canceled_at"] = now
    automatic = wish.collection_method == "charge_automatically"
    if automatic and (trialing or not charges):
        subscription["pending_setup_intent"] = _pending_setup(world, wish)
    return subscription


def _pending_setup(world: World, wish: Start) -> str | None:
    """Return a SetupIntent when no card is known for the time after the trial."""
    if cardholding.default_of(world, wish.customer["id"], wish.default_payment_method) is not None:
        return None
    intent = intents.make_setup_intent(world, customer=wish.customer["id"])
    world.add(intent, "setup_intent.created")
    intent_id: str = intent["id"]
    return intent_id


def _blank(world: World, wish: Start, subscription_id: str, items: list[Json]) -> Json:
    now = world.now()
    return {
        "id": subscription_id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {
            "flexible": {"proration_discounts": "included"},
            "type": "flexible",
            "updated_at": now,
        },
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": wish.collection_method,
        "created": now,
        "currency": wish.items[0].price["currency"],
        "customer": wish.customer["id"],
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": wish.default_payment_method,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {
            "object": "list",
            "data": items,
            "has_more": False,
            "total_count": len(items),
            "url": f"/v1/subscription_items?subscription={subscription_id}",
        },
        "latest_invoice": None,
        "livemode": False,
        "metadata": dict(wish.metadata),
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": now,
        "status": "active",
        "test_clock": wish.customer["test_clock"],
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }


def _first_invoice(world: World, wish: Start, subscription: Json, *, trialing: bool) -> Json:
    now = world.now()
    first = [
        lines.item_line(
            world,
            item,
            period=(item["current_period_start"], item["current_period_end"]),
            trial=trialing,
        )
        for item in subscription["items"]["data"]
    ]
    invoice = bills.make_invoice(
        world,
        customer=wish.customer,
        reason="subscription_create",
        lines=[*waiting.lines_for_customer(world, wish.customer["id"]), *first],
        period=(now, now),
        subscription=subscription,
    )
    # The first invoice is tried once, at the start; afterwards only the customer can pay it.
    invoice["auto_advance"] = wish.collection_method == "send_invoice"
    if invoice["auto_advance"] and not trialing:
        invoice["automatically_finalizes_at"] = now + world.settings["finalize_after_s"]
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def _schedule(world: World, subscription: Json) -> None:
    standing.schedule_period(world, subscription)
    if subscription["cancel_at"] is not None and not subscription["cancel_at_period_end"]:
        world.schedule(subscription["cancel_at"], "cancel_at", subscription["id"])
