"""The journey's part about changes: previews, credit, schedules, discounts."""

from typing import Any

import stripe

DAY = 86_400


def go(traveller: Any, price: Any, customer: Any) -> None:
    """Drive what changes a running subscription, or shows what a change would cost."""
    previews(traveller, price, customer)
    schedules(traveller, price, customer)
    discounts(traveller, price, customer)


def previews(traveller: Any, price: Any, customer: Any) -> None:
    v1 = traveller.v1
    made = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    item = made["items"].data[0].id
    yearly = v1.prices.create(
        {
            "product": price.product,
            "currency": "usd",
            "unit_amount": 29_000,
            "recurring": {"interval": "year"},
        }
    )
    traveller.simulator.advance(5 * DAY)
    at = traveller.simulator.now()
    wanted: list[dict[str, Any]] = [
        {"items": [{"id": item, "quantity": 4}]},
        {"items": [{"id": item, "quantity": 4}], "proration_behavior": "always_invoice"},
        {"items": [{"id": item, "price": yearly.id}], "proration_date": at},
        {"items": [{"id": item, "deleted": True}, {"price": yearly.id}]},
        {"cancel_now": True},
        {"billing_cycle_anchor": "now"},
        {"trial_end": at + 9 * DAY},
    ]
    for details in wanted:
        v1.invoices.create_preview({"subscription": made.id, "subscription_details": details})
    v1.invoices.create_preview(
        {"customer": customer.id, "subscription_details": {"items": [{"price": price.id}]}}
    )
    v1.invoices.create_preview({"customer": customer.id, "preview_mode": "recurring"})
    v1.subscriptions.update(
        made.id, {"items": [{"id": item, "price": yearly.id}], "proration_date": at}
    )
    v1.subscriptions.update(
        made.id,
        {"items": [{"id": item, "price": price.id}], "proration_behavior": "always_invoice"},
    )
    moved = v1.customers.balance_transactions.list(customer.id).data[0]
    v1.customers.balance_transactions.retrieve(customer.id, moved.id)
    v1.customers.balance_transactions.update(customer.id, moved.id, {"metadata": {"a": "1"}})
    v1.customers.balance_transactions.create(customer.id, {"amount": 5, "currency": "usd"})
    v1.subscriptions.cancel(made.id, {"prorate": True, "invoice_now": True})
    traveller.refused(
        stripe.InvalidRequestError, v1.invoices.create_preview, {"subscription": made.id}
    )


def schedules(traveller: Any, price: Any, customer: Any) -> None:
    v1 = traveller.v1
    made = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    cheap = v1.prices.create(
        {
            "product": price.product,
            "currency": "usd",
            "unit_amount": 900,
            "recurring": {"interval": "month"},
        }
    )
    v1.coupons.create({"percent_off": 5, "duration": "once", "id": "PHASE"})
    schedule = v1.subscription_schedules.create(
        {"from_subscription": made.id, "metadata": {"a": "1"}, "expand": ["subscription"]}
    )
    running = schedule.phases[0]
    phases = [
        {
            "items": [{"price": price.id, "quantity": 1, "metadata": {"b": "2"}}],
            "start_date": running.start_date,
            "end_date": running.end_date,
        },
        {
            "items": [{"price": cheap.id, "quantity": 2}],
            "duration": {"interval": "month", "interval_count": 1},
            "proration_behavior": "none",
            "metadata": {"c": "3"},
            "discounts": [{"coupon": "PHASE"}],
        },
    ]
    v1.subscription_schedules.update(
        schedule.id, {"phases": phases, "end_behavior": "release", "proration_behavior": "none"}
    )
    v1.invoices.create_preview({"schedule": schedule.id})
    v1.subscription_schedules.retrieve(
        schedule.id, {"expand": ["customer", "phases.items.price", "subscription"]}
    )
    traveller.simulator.advance(65 * DAY)
    assert v1.subscriptions.retrieve(made.id).schedule is None
    future = {
        "customer": customer.id,
        "start_date": traveller.simulator.now() + DAY,
        "phases": [{"items": [{"price": price.id}]}],
        "default_settings": {"collection_method": "charge_automatically"},
    }
    v1.subscription_schedules.cancel(v1.subscription_schedules.create(future).id)
    second = v1.subscription_schedules.create({"from_subscription": made.id})
    v1.subscription_schedules.release(second.id, {"preserve_cancel_date": True})
    third = v1.subscription_schedules.create({"from_subscription": made.id})
    v1.subscription_schedules.cancel(third.id, {"invoice_now": True, "prorate": True})
    v1.subscription_schedules.list({"customer": customer.id, "scheduled": False, "limit": 2})
    v1.subscription_schedules.create({**future, "end_behavior": "cancel"})
    traveller.simulator.advance(40 * DAY)


def discounts(traveller: Any, price: Any, customer: Any) -> None:
    v1 = traveller.v1
    half = v1.coupons.create(
        {
            "id": "HALF",
            "name": "Half",
            "percent_off": 50,
            "duration": "repeating",
            "duration_in_months": 2,
            "applies_to": {"products": [price.product]},
            "metadata": {"a": "1"},
        }
    )
    tenner = v1.coupons.create(
        {
            "amount_off": 1000,
            "currency": "usd",
            "duration": "once",
            "max_redemptions": 9,
            "currency_options": {"eur": {"amount_off": 900}},
        }
    )
    v1.coupons.update(half.id, {"name": "The half", "metadata": {"b": "2"}})
    v1.coupons.retrieve(half.id, {"expand": ["applies_to", "currency_options"]})
    v1.coupons.list({"limit": 1})
    code = v1.promotion_codes.create(
        {
            "promotion": {"type": "coupon", "coupon": tenner.id},
            "code": "TENNER",
            "restrictions": {"first_time_transaction": False},
            "expand": ["promotion.coupon"],
        }
    )
    v1.promotion_codes.retrieve(code.id)
    v1.promotion_codes.update(code.id, {"metadata": {"a": "1"}})
    v1.promotion_codes.list({"code": "tenner", "active": True, "coupon": tenner.id})
    both = [{"coupon": half.id}, {"promotion_code": code.id}]
    made = v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id, "quantity": 3}],
            "discounts": both,
            "expand": [
                "discounts.source.coupon",
                "discounts.promotion_code",
                "latest_invoice.total_discount_amounts.discount",
            ],
        }
    )
    v1.invoices.create_preview({"subscription": made.id, "discounts": both})
    item = made["items"].data[0].id
    change = {"id": item, "quantity": 5}
    v1.subscriptions.update(
        made.id, {"items": [change], "proration_behavior": "always_invoice", "discounts": both}
    )
    v1.subscriptions.delete_discount(made.id)
    v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": price.id, "quantity": 1}],
            "discounts": [{"coupon": half.id}],
            "success_url": "http://127.0.0.1/done",
        }
    )
    v1.coupons.delete(tenner.id)
    wish = {"customer": customer.id, "items": [{"price": price.id}]}
    refused = traveller.refused(
        stripe.InvalidRequestError,
        v1.subscriptions.create,
        {**wish, "discounts": [{"coupon": tenner.id}]},
    )
    assert refused.code == "resource_missing"
    v1.subscriptions.cancel(made.id)
