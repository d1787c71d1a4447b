"""The journey's part that leads over hosted pages: checkout and portal."""

import re
from typing import Any

import httpx

CARD = {
    "email": "ada@example.test",
    "number": "4242 4242 4242 4242",
    "expiry": "12 / 34",
    "cvc": "123",
    "name": "Ada",
    "postal": "12345",
}
URLS = {"success_url": "http://127.0.0.1/done?s={CHECKOUT_SESSION_ID}"}


def go(traveller: Any, price: Any) -> None:
    """Drive checkout and portal."""
    checkout(traveller, price)
    portal(traveller)


def submit(traveller: Any, url: str, number: str, *, passes: bool = True) -> httpx.Response:
    """Fill the hosted form and, if the issuer asks, answer the challenge."""
    with httpx.Client(timeout=10, trust_env=False) as browser:
        answer = browser.post(url, data={**CARD, "number": number})
        if "/3ds/" not in answer.headers.get("location", ""):
            return answer
        asked = browser.get(answer.headers["location"])
        secret = re.search(r'name="client_secret" value="([^"]+)"', asked.text)
        assert secret is not None
        outcome = {"client_secret": secret[1], "outcome": "pass" if passes else "fail"}
        answered = browser.post(answer.headers["location"], data=outcome)
        return browser.get(answered.headers["location"])


def checkout(traveller: Any, price: Any) -> None:
    v1 = traveller.v1
    lines = {"line_items": [{"price": price.id, "quantity": 2}]}
    session = v1.checkout.sessions.create({"mode": "subscription", **lines, **URLS})
    v1.checkout.sessions.update(session.id, {"metadata": {"a": "1"}})
    assert submit(traveller, session.url, "4000000000000002").status_code == 402
    assert submit(traveller, session.url, "4000002760003184", passes=False).status_code == 200
    done = submit(traveller, session.url, "4000002760003184")
    assert done.headers["location"] == f"http://127.0.0.1/done?s={session.id}"
    paid = v1.checkout.sessions.retrieve(
        session.id, {"expand": ["line_items", "subscription.latest_invoice", "customer"]}
    )
    assert (paid.status, paid.payment_status) == ("complete", "paid")
    assert paid.subscription.status == "active"
    v1.checkout.sessions.line_items.list(session.id)
    v1.checkout.sessions.list({"subscription": paid.subscription.id, "status": "complete"})
    trial = v1.checkout.sessions.create(
        {
            "mode": "subscription",
            **lines,
            **URLS,
            "subscription_data": {"trial_period_days": 7, "metadata": {"a": "1"}},
        }
    )
    submit(traveller, trial.url, "4242424242424242")
    once = {
        "currency": "usd",
        "unit_amount": 500,
        "product_data": {"name": "Once"},
    }
    payment = v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [{"price_data": once, "quantity": 1}],
            "payment_intent_data": {"metadata": {"a": "1"}, "description": "d"},
            **URLS,
        }
    )
    submit(traveller, payment.url, "5555555555554444")
    customer = v1.customers.create({"email": "setup@example.test"})
    setup = v1.checkout.sessions.create(
        {"mode": "setup", "currency": "usd", "customer": customer.id, **URLS}
    )
    submit(traveller, setup.url, "4242424242424242")
    for one in (trial, payment, setup):
        assert v1.checkout.sessions.retrieve(one.id).status == "complete"
    embedded = v1.checkout.sessions.create(
        {"mode": "subscription", **lines, "ui_mode": "embedded_page", "return_url": "http://x/"}
    )
    assert embedded.client_secret is not None
    v1.checkout.sessions.expire(embedded.id)


def portal(traveller: Any) -> None:
    v1 = traveller.v1
    made = v1.billing_portal.configurations.create(
        {
            "business_profile": {"headline": "h"},
            "features": {
                "invoice_history": {"enabled": True},
                "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
            },
        }
    )
    v1.billing_portal.configurations.retrieve(made.id)
    v1.billing_portal.configurations.update(made.id, {"default_return_url": "http://127.0.0.1/"})
    v1.billing_portal.configurations.list()
    found = v1.subscriptions.list({"status": "active"}).data[0]
    session = v1.billing_portal.sessions.create(
        {"customer": found.customer, "return_url": "http://127.0.0.1/back"}
    )
    with httpx.Client(timeout=10, trust_env=False, follow_redirects=True) as browser:
        assert "Cancel subscription" in browser.get(session.url).text
        shown = browser.post(f"{session.url}/cancel/{found.id}")
        assert "Keep subscription" in shown.text
        invoice = v1.invoices.retrieve(found.latest_invoice)
        assert browser.get(invoice.invoice_pdf).content.startswith(b"%PDF-1.4")
        assert str(invoice.number) in browser.get(invoice.hosted_invoice_url).text
    assert v1.subscriptions.retrieve(found.id).cancel_at is not None
    flows(v1, made, found)


def flows(v1: Any, configuration: Any, subscription: Any) -> None:
    item = subscription["items"].data[0]
    offer = {
        "product": item.price.product,
        "prices": [item.price.id],
        "adjustable_quantity": {"enabled": True},
    }
    v1.billing_portal.configurations.update(
        configuration.id,
        {
            "features": {
                "customer_update": {"enabled": True, "allowed_updates": ["email"]},
                "payment_method_update": {"enabled": True},
                "subscription_cancel": {
                    "enabled": True,
                    "cancellation_reason": {"enabled": True, "options": ["unused"]},
                },
                "subscription_update": {
                    "enabled": True,
                    "default_allowed_updates": ["quantity"],
                    "products": [offer],
                },
            }
        },
    )
    named = {"subscription": subscription.id}
    for flow in (
        {"type": "payment_method_update", "after_completion": {"type": "hosted_confirmation"}},
        {"type": "subscription_cancel", "subscription_cancel": named},
        {"type": "subscription_update", "subscription_update": named},
        {
            "type": "subscription_update_confirm",
            "subscription_update_confirm": {**named, "items": [{"id": item.id, "quantity": 3}]},
            "after_completion": {"type": "redirect", "redirect": {"return_url": "http://x/"}},
        },
    ):
        v1.billing_portal.sessions.create({"customer": subscription.customer, "flow_data": flow})
