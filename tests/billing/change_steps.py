"""A paid subscription that changes, for the tests of how that can end."""

import json
from typing import Any

from billing.enums import ObligationKind, Provider
from billing.models import Obligation, PaymentAttempt, Price, Quote, Subscription
from billing.services import changes, dispatch, inbox, payment_methods, quotes
from billing.services.quotes import Wanted
from billing.types import VerifiedWebhook
from orgs import clock
from orgs.models import Organization
from tests.billing.subscribe_steps import CAUSE, start
from tests.simulators.stripe.client import StripeSimulator


def subscribed(organization: Organization, price: Price) -> Subscription:
    """Two seats, paid by card."""
    row: Subscription = start(organization, price, "pm_card_visa", seats=2).subscription
    return row


def use_card(organization: Organization, card: str) -> None:
    payment_methods.attach_payment_method(
        organization=organization,
        payment_method=card,
        set_default=True,
        cause=CAUSE,
        now=clock.now(),
    )


def quote_for(organization: Organization, **wanted: Any) -> Quote:
    return quotes.make_quote(
        organization=organization, wanted=Wanted(**wanted), now=clock.now(organization)
    )


def change(
    organization: Organization, quote: Quote | None = None, **wanted: Any
) -> changes.Changed:
    return changes.change_subscription(
        organization=organization,
        wanted=Wanted(**wanted),
        quote_id=quote.pk if quote else None,
        cause=CAUSE,
        now=clock.now(organization),
    )


def change_attempt() -> PaymentAttempt:
    """The only try at a change so far."""
    return PaymentAttempt.objects.select_related("obligation").get(
        obligation__kind=ObligationKind.CHANGE
    )


def change_debts() -> list[tuple[str, int]]:
    rows = Obligation.objects.filter(kind=ObligationKind.CHANGE).order_by("created_at")
    return list(rows.values_list("state", "amount_minor"))


def invoices_of(stripe: StripeSimulator, row: Subscription) -> list[dict[str, Any]]:
    """What the provider has invoiced for changes, oldest first."""
    return [
        invoice
        for invoice in stripe.objects("invoice")
        if invoice["customer"] == row.customer.external_id
        and invoice["billing_reason"] == "subscription_update"
    ]


def deliver_all(stripe: StripeSimulator, row: Subscription) -> None:
    """Take in every event about a payer."""
    for event in stripe.events(about=row.customer.external_id):
        obj = event["data"]["object"]
        if row.customer.external_id in (obj.get("customer"), obj.get("id")):
            inbox.receive_event(
                provider=Provider.STRIPE,
                account=None,
                webhook=VerifiedWebhook(event["id"], event["type"], json.dumps(event)),
                trace_id="",
            )
    dispatch.drain_inbox(now=clock.now())


def confirm(stripe: StripeSimulator) -> None:
    """The payer pays what the change waits for, with a card that asks no more."""
    path = f"/v1/payment_intents/{change_attempt().external_id}/confirm"
    stripe.api("POST", path, {"payment_method": "pm_card_visa"}).raise_for_status()


def latest_invoice(stripe: StripeSimulator) -> dict[str, Any]:
    invoice_id = Subscription.objects.get().latest_invoice_external_id
    found: dict[str, Any] = stripe.api("GET", f"/v1/invoices/{invoice_id}").json()
    return found
