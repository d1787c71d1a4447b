"""The journey's second half: subscriptions, invoices, checkout, portal, clocks, events."""

from typing import Any

import stripe

from tests.contract import journey_changes, journey_invoices, journey_pages, journey_standing

DAY = 86_400
ALL = [
    "customer",
    "default_payment_method",
    "items.data.price.product",
    "latest_invoice.confirmation_secret",
    "latest_invoice.payments",
    "pending_setup_intent",
]


def go(traveller: Any) -> None:
    """Drive every endpoint of this half."""
    price = traveller.v1.prices.create(
        {
            "product_data": {"name": "Starter"},
            "currency": "usd",
            "unit_amount": 2900,
            "recurring": {"interval": "month"},
        }
    )
    create_matrix(traveller, price)
    changes(traveller, price)
    invoices(traveller, price)
    renewals(traveller, price)
    journey_changes.go(traveller, price, payer(traveller))
    journey_invoices.go(traveller, price, payer(traveller))
    journey_standing.go(traveller, price, payer(traveller))
    journey_pages.go(traveller, price)
    events(traveller)


def payer(traveller: Any, card: str | None = "pm_card_visa", **more: Any) -> Any:
    v1 = traveller.v1
    customer = v1.customers.create({"email": "payer@example.test", **more})
    if card is not None:
        method = v1.payment_methods.attach(card, {"customer": customer.id})
        v1.customers.update(
            customer.id, {"invoice_settings": {"default_payment_method": method.id}}
        )
    return customer


def subscribe(traveller: Any, customer: Any, price: Any, **more: Any) -> Any:
    wish = {"customer": customer.id, "items": [{"price": price.id}], "expand": ALL, **more}
    return traveller.v1.subscriptions.create(wish)


def create_matrix(traveller: Any, price: Any) -> None:
    rows: list[tuple[str | None, dict[str, Any], str]] = [
        ("pm_card_visa", {}, "active"),
        ("pm_card_visa", {"payment_behavior": "default_incomplete"}, "incomplete"),
        (None, {"payment_behavior": "default_incomplete"}, "incomplete"),
        ("pm_card_chargeCustomerFail", {}, "incomplete"),
        ("pm_card_authenticationRequired", {}, "incomplete"),
        ("pm_card_visa", {"trial_period_days": 14}, "trialing"),
        (None, {"trial_period_days": 14}, "trialing"),
        (None, {"collection_method": "send_invoice", "days_until_due": 7}, "active"),
        ("pm_card_visa", {"payment_behavior": "error_if_incomplete"}, "active"),
        ("pm_card_visa", {"billing_mode": {"type": "classic"}}, "active"),
    ]
    for card, more, status in rows:
        made = subscribe(traveller, payer(traveller, card), price, **more)
        assert made.status == status, (card, more, made.status)
    for card in ("pm_card_chargeCustomerFail", "pm_card_authenticationRequired"):
        wish = {
            "customer": payer(traveller, card).id,
            "items": [{"price": price.id}],
            "payment_behavior": "error_if_incomplete",
        }
        traveller.refused(stripe.CardError, traveller.v1.subscriptions.create, wish)


def changes(traveller: Any, price: Any) -> None:
    v1 = traveller.v1
    made = subscribe(traveller, payer(traveller), price)
    bigger = v1.prices.create(
        {
            "product": price.product,
            "currency": "usd",
            "unit_amount": 9900,
            "recurring": {"interval": "month"},
        }
    )
    item = made["items"].data[0].id
    v1.subscriptions.update(made.id, {"items": [{"id": item, "quantity": 3}]})
    v1.subscriptions.update(
        made.id,
        {"items": [{"id": item, "price": bigger.id}], "proration_behavior": "always_invoice"},
    )
    v1.subscriptions.update(made.id, {"items": [{"price": price.id}], "proration_behavior": "none"})
    v1.subscriptions.update(made.id, {"metadata": {"a": "1"}, "cancel_at_period_end": True})
    v1.subscriptions.update(made.id, {"cancel_at_period_end": False})
    v1.subscriptions.update(made.id, {"pause_collection": {"behavior": "void"}})
    v1.subscriptions.update(made.id, {"pause_collection": ""})
    v1.subscriptions.retrieve(made.id, {"expand": ALL})
    v1.subscriptions.list({"customer": made.customer.id, "price": bigger.id, "status": "all"})
    v1.subscription_items.list({"subscription": made.id})
    v1.subscription_items.retrieve(item, {"expand": ["price.product"]})
    v1.subscriptions.cancel(made.id, {"cancellation_details": {"comment": "c"}})


def invoices(traveller: Any, price: Any) -> None:
    v1 = traveller.v1
    customer = payer(traveller, None)
    made = subscribe(traveller, customer, price, payment_behavior="default_incomplete")
    invoice = made.latest_invoice
    traveller.refused(stripe.InvalidRequestError, v1.invoices.pay, invoice.id)
    for card in ("pm_card_chargeCustomerFail", "pm_card_authenticationRequired"):
        method = v1.payment_methods.attach(card, {"customer": customer.id})
        traveller.refused(
            stripe.CardError, v1.invoices.pay, invoice.id, {"payment_method": method.id}
        )
    method = v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    v1.invoices.pay(invoice.id, {"payment_method": method.id, "expand": ["payments"]})
    v1.invoices.retrieve(invoice.id, {"expand": ["customer", "payments", "confirmation_secret"]})
    v1.invoices.list({"customer": customer.id, "status": "paid"})
    v1.invoices.list({"subscription": made.id, "expand": ["data.payments"]})
    v1.invoices.line_items.list(invoice.id)
    payment = v1.invoice_payments.list({"invoice": invoice.id}).data[0]
    v1.invoice_payments.retrieve(payment.id, {"expand": ["invoice", "payment.payment_intent"]})
    v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": payment.payment.payment_intent}}
    )
    second = subscribe(traveller, customer, price, payment_behavior="default_incomplete")
    v1.invoices.void_invoice(second.latest_invoice.id)
    assert v1.subscriptions.retrieve(second.id).status == "incomplete_expired"
    manual = v1.invoices.create({"customer": customer.id, "description": "by hand"})
    v1.invoices.update(manual.id, {"metadata": {"a": "1"}, "description": "d"})
    v1.invoices.finalize_invoice(manual.id)
    draft = v1.invoices.create({"customer": customer.id, "auto_advance": False})
    v1.invoices.delete(draft.id)
    sent = subscribe(traveller, customer, price, collection_method="send_invoice", days_until_due=7)
    v1.invoices.finalize_invoice(sent.latest_invoice.id)
    v1.invoices.mark_uncollectible(sent.latest_invoice.id)
    v1.invoices.pay(sent.latest_invoice.id, {"paid_out_of_band": True})


def renewals(traveller: Any, price: Any) -> None:
    """Cross a trial's end, a period's end, declines, retries and the final cancellation."""
    v1, simulator = traveller.v1, traveller.simulator
    paying = subscribe(traveller, payer(traveller), price)
    trial = subscribe(traveller, payer(traveller), price, trial_period_days=5)
    unpaid = subscribe(traveller, payer(traveller, None), price, trial_period_days=5)
    paused = subscribe(
        traveller,
        payer(traveller, None),
        price,
        trial_period_days=5,
        trial_settings={"end_behavior": {"missing_payment_method": "pause"}},
    )
    authenticating = subscribe(
        traveller, payer(traveller, "pm_card_authenticationRequired"), price, trial_period_days=5
    )
    ending = subscribe(traveller, payer(traveller), price, cancel_at_period_end=True)
    simulator.advance(33 * DAY)
    found = {
        made.id: v1.subscriptions.retrieve(made.id).status
        for made in (paying, trial, unpaid, paused, authenticating, ending)
    }
    assert list(found.values()) == [
        "active",
        "active",
        "canceled",
        "paused",
        "canceled",
        "canceled",
    ]
    v1.subscriptions.resume(paused.id)
    clock = v1.test_helpers.test_clocks.create({"frozen_time": simulator.now(), "name": "c"})
    timed = payer(traveller, test_clock=clock.id)
    subscribe(traveller, timed, price)
    v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": clock.frozen_time + 40 * DAY})
    v1.test_helpers.test_clocks.retrieve(clock.id)
    v1.test_helpers.test_clocks.list()
    v1.test_helpers.test_clocks.delete(clock.id)


def events(traveller: Any) -> None:
    v1 = traveller.v1
    page = v1.events.list({"limit": 100, "types": ["invoice.paid", "customer.created"]})
    v1.events.list({"limit": 1, "delivery_success": False})
    v1.events.retrieve(page.data[0].id)
