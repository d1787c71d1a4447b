"""The journey's first half: account, catalogue, customers, cards, intents, refunds, endpoints."""

from typing import Any

import stripe

EXPANDED = {"expand": ["latest_charge.refunds", "customer.subscriptions", "payment_method"]}


def go(traveller: Any) -> None:
    """Drive every endpoint of this half."""
    endpoints(traveller)
    account_and_catalogue(traveller)
    customer = customers(traveller)
    cards(traveller, customer)
    payments(traveller, customer)
    captures_and_refunds(traveller, customer)
    setups(traveller, customer)


def endpoints(traveller: Any) -> None:
    v1 = traveller.v1
    made = v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/never", "enabled_events": ["account.updated"]}
    )
    v1.webhook_endpoints.retrieve(made.id)
    v1.webhook_endpoints.update(made.id, {"description": "d", "metadata": {"a": "1"}})
    v1.webhook_endpoints.list()
    v1.webhook_endpoints.delete(made.id)


def account_and_catalogue(traveller: Any) -> None:
    v1 = traveller.v1
    v1.accounts.retrieve_current()
    product = v1.products.create(
        {
            "name": "P",
            "default_price_data": {
                "currency": "usd",
                "unit_amount": 100,
                "recurring": {"interval": "year"},
            },
        }
    )
    v1.products.retrieve(product.id, {"expand": ["default_price"]})
    v1.products.update(product.id, {"description": "d", "marketing_features": [{"name": "f"}]})
    v1.products.list({"active": True, "ids": [product.id]})
    v1.products.features.list(product.id)
    empty = v1.products.create({"name": "gone"})
    v1.products.delete(empty.id)
    price = v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 700, "lookup_key": "k"}
    )
    v1.prices.retrieve(price.id, {"expand": ["product", "currency_options"]})
    v1.prices.update(price.id, {"nickname": "n", "metadata": {"a": "1"}})
    v1.prices.create(
        {
            "product_data": {"name": "tiered"},
            "currency": "eur",
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": [
                {"up_to": 10, "unit_amount": 100},
                {"up_to": "inf", "unit_amount_decimal": "50.5", "flat_amount": 10},
            ],
            "recurring": {"interval": "month"},
            "lookup_key": "k",
            "transfer_lookup_key": True,
        }
    )
    found = v1.prices.list({"lookup_keys": ["k"], "expand": ["data.product", "data.tiers"]})
    assert [row.currency for row in found.data] == ["eur"]


def customers(traveller: Any) -> Any:
    v1 = traveller.v1
    customer = v1.customers.create(
        {"email": "ada@example.test", "name": "Ada", "address": {"country": "US", "city": "X"}}
    )
    v1.customers.update(customer.id, {"phone": "1", "preferred_locales": ["en"]})
    v1.customers.retrieve(customer.id, {"expand": ["subscriptions", "sources", "tax_ids"]})
    v1.customers.list({"email": "ada@example.test"})
    gone = v1.customers.create({"name": "gone"})
    v1.customers.delete(gone.id)
    v1.customers.retrieve(gone.id)
    return customer


def cards(traveller: Any, customer: Any) -> None:
    v1 = traveller.v1
    made = v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    v1.payment_methods.attach(made.id, {"customer": customer.id})
    v1.payment_methods.retrieve(made.id, {"expand": ["customer"]})
    v1.payment_methods.update(made.id, {"billing_details": {"name": "Ada"}})
    v1.payment_methods.list({"customer": customer.id, "type": "card"})
    v1.customers.payment_methods.list(customer.id)
    v1.customers.payment_methods.retrieve(customer.id, made.id)
    v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": made.id}})
    v1.payment_methods.detach(made.id)
    refusal = traveller.refused(
        stripe.CardError,
        v1.payment_methods.attach,
        "pm_card_chargeDeclined",
        {"customer": customer.id},
    )
    assert refusal.error.decline_code == "generic_decline"


def payments(traveller: Any, customer: Any) -> None:
    v1 = traveller.v1
    intent = v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "customer": customer.id,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    v1.payment_intents.update(intent.id, {"amount": 1200, "metadata": {"a": "1"}})
    refusal = traveller.refused(
        stripe.CardError,
        v1.payment_intents.confirm,
        intent.id,
        {"payment_method": "pm_card_chargeCustomerFail"},
    )
    assert refusal.error.payment_intent.status == "requires_payment_method"
    v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    v1.payment_intents.retrieve(intent.id, EXPANDED)
    waiting = v1.payment_intents.create(
        {
            "amount": 900,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_authenticationRequired",
            "return_url": "http://127.0.0.1/back",
        }
    )
    assert waiting.next_action.redirect_to_url.return_url == "http://127.0.0.1/back"
    v1.payment_intents.cancel(waiting.id, {"cancellation_reason": "abandoned"})
    off_session = {
        "amount": 900,
        "currency": "usd",
        "confirm": True,
        "off_session": True,
        "payment_method": "pm_card_authenticationRequired",
    }
    refusal = traveller.refused(stripe.CardError, v1.payment_intents.create, off_session)
    assert refusal.code == "authentication_required"
    v1.payment_intents.list({"customer": customer.id, "expand": ["data.latest_charge"]})
    v1.charges.list({"customer": customer.id})
    v1.charges.list({"payment_intent": intent.id})


def captures_and_refunds(traveller: Any, customer: Any) -> None:
    v1 = traveller.v1
    intent = v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "capture_method": "manual",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "customer": customer.id,
        }
    )
    assert intent.status == "requires_capture"
    taken = v1.payment_intents.capture(intent.id, {"amount_to_capture": 600})
    assert (taken.status, taken.amount_received) == ("succeeded", 600)
    refund = v1.refunds.create({"payment_intent": intent.id, "amount": 100})
    v1.refunds.create({"charge": taken.latest_charge})
    traveller.refused(stripe.InvalidRequestError, v1.refunds.create, {"payment_intent": intent.id})
    v1.refunds.retrieve(refund.id, {"expand": ["charge", "balance_transaction"]})
    v1.refunds.update(refund.id, {"metadata": {"a": "1"}})
    v1.refunds.list({"charge": taken.latest_charge})
    v1.refunds.list({"payment_intent": intent.id})
    charge = v1.charges.retrieve(taken.latest_charge, {"expand": ["refunds"]})
    assert sum(row.amount for row in charge.refunds.data) == 600
    v1.balance_transactions.retrieve(charge.balance_transaction)
    released = v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "capture_method": "manual",
            "confirm": True,
            "payment_method": "pm_card_visa",
        }
    )
    v1.payment_intents.cancel(released.id)


def setups(traveller: Any, customer: Any) -> None:
    v1 = traveller.v1
    intent = v1.setup_intents.create(
        {
            "customer": customer.id,
            "usage": "off_session",
            "automatic_payment_methods": {"enabled": True},
        }
    )
    v1.setup_intents.update(intent.id, {"description": "d", "metadata": {"a": "1"}})
    refusal = traveller.refused(
        stripe.CardError,
        v1.setup_intents.confirm,
        intent.id,
        {"payment_method": "pm_card_chargeDeclined", "return_url": "http://127.0.0.1/"},
    )
    assert refusal.error.setup_intent.last_setup_error.code == "card_declined"
    v1.setup_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "return_url": "http://127.0.0.1/"}
    )
    v1.setup_intents.retrieve(intent.id, {"expand": ["payment_method", "customer"]})
    waiting = v1.setup_intents.create(
        {
            "confirm": True,
            "payment_method": "pm_card_authenticationRequiredOnSetup",
            "payment_method_types": ["card"],
        }
    )
    assert waiting.status == "requires_action"
    v1.setup_intents.cancel(waiting.id)
    v1.setup_intents.list({"customer": customer.id})
