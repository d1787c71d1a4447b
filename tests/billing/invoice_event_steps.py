"""A tenant with a paid invoice, whose events from Stripe are taken in."""

import json
from typing import Any

from billing.enums import Provider
from billing.models import BillingEvent, Invoice, Price
from billing.services import inbox, subscribe
from billing.types import Cause, VerifiedWebhook
from orgs import clock
from tests.billing.builders import make_organization
from tests.billing.dispatch_steps import drain
from tests.billing.stripe_invoice_cases import sent
from tests.simulators.stripe.client import StripeSimulator


class Shop:
    """A tenant that has paid its first invoice, and the events since then."""

    def __init__(self, stripe: StripeSimulator, price: Price) -> None:
        self.stripe = stripe
        self.subscription = subscribe.start_subscription(
            organization=make_organization(),
            request=subscribe.StartRequest(price=price, payment_method="pm_card_visa"),
            cause=Cause("request"),
            now=clock.now(),
        ).subscription
        self.organization = self.subscription.organization
        self.customer: str = self.subscription.customer.external_id
        self.seen = stripe.events_so_far()

    @property
    def invoice(self) -> Invoice:
        return Invoice.objects.get(external_id=self.subscription.latest_invoice_external_id)

    @property
    def charge(self) -> str:
        charges = [row for row in self.stripe.objects("charge") if row["customer"] == self.customer]
        return str(charges[-1]["id"])

    def news(self) -> list[dict[str, Any]]:
        """Return the events since the last call."""
        found = self.stripe.events(since=self.seen)
        self.seen += len(found)
        return found

    def deliver(self, *events: dict[str, Any]) -> int:
        """Store events and handle them; return how many were handled."""
        for event in events:
            inbox.receive_event(
                provider=Provider.STRIPE,
                account=None,
                webhook=VerifiedWebhook(event["id"], event["type"], json.dumps(event)),
                trace_id="",
            )
        return drain()

    def lines(self, *types: str) -> list[tuple[str, str]]:
        rows = BillingEvent.objects.filter(organization=self.organization, type__in=types)
        return list(rows.order_by("sequence").values_list("type", "summary"))


def asked_for(stripe: StripeSimulator, since: int, kind: str) -> list[str]:
    return [entry["path"] for entry in stripe.requests(since) if f"/v1/{kind}" in entry["path"]]


def manual_invoice(shop: Shop, amount: int = 1500) -> dict[str, Any]:
    """An invoice over a set-up fee, for no subscription, charged at once."""
    draft = sent(shop.stripe, "/v1/invoices", {"customer": shop.customer, "currency": "usd"})
    item = {"customer": shop.customer, "invoice": draft["id"], "amount": amount, "currency": "usd"}
    sent(shop.stripe, "/v1/invoiceitems", {**item, "description": "Set-up"})
    sent(shop.stripe, f"/v1/invoices/{draft['id']}/finalize")
    cards = [
        row for row in shop.stripe.objects("payment_method") if row["customer"] == shop.customer
    ]
    path = f"/v1/invoices/{draft['id']}/pay"
    return sent(shop.stripe, path, {"payment_method": cards[-1]["id"]})
