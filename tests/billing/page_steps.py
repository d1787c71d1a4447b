"""What the tests of the pages of a running subscription share."""

import re
from typing import Any

from django.test import Client

from billing.drivers import registry
from billing.enums import SubscriptionStatus
from billing.models import Price, Quote, Subscription
from billing.services import projection
from orgs import clock
from orgs.models import Organization
from tests.billing.subscribe_steps import CAUSE, start
from tests.simulators.stripe.client import StripeSimulator

OVERVIEW = "/settings/billing"
PLAN = f"{OVERVIEW}/plan"
CANCEL = f"{OVERVIEW}/cancel"
METHODS = f"{OVERVIEW}/payment-methods"
INVOICES = f"{OVERVIEW}/invoices"


def run(
    org: Organization, price: Price, *, method: str = "pm_card_visa", **more: Any
) -> Subscription:
    """Start a subscription that is paid."""
    started = start(org, price, method, **more)
    found: Subscription = started.subscription
    return found


def show(client: Client, address: str, status: int = 200) -> str:
    """Return a page as text, white space folded."""
    response = client.get(address)
    assert response.status_code == status, response
    assert response["Cache-Control"] == "no-store"
    return folded(response.content)


def send(client: Client, address: str, form: dict[str, Any] | None = None, *, to: str = "") -> str:
    """Send a form that succeeds; return the text of the page that it leads to."""
    response = client.post(address, form or {}, follow=True)
    assert response.redirect_chain, folded(response.content)
    if to:
        assert response.redirect_chain[-1] == (to, 302)
    assert response.status_code == 200
    return folded(response.content)


def refused(client: Client, address: str, form: dict[str, Any] | None, status: int) -> str:
    """Send a form that is refused; return the text of the page, which takes the focus."""
    response = client.post(address, form or {})
    assert response.status_code == status, (response.status_code, folded(response.content))
    text = folded(response.content)
    assert 'role="alert" tabindex="-1"' in text
    return text


def folded(content: bytes) -> str:
    return re.sub(r"\s+", " ", content.decode())


def asked(stripe: StripeSimulator, since: int) -> list[tuple[str, str]]:
    """Return what Stripe was asked since a number of requests."""
    return [(row["method"], row["path"]) for row in stripe.requests()[since:]]


def change_card(stripe: StripeSimulator, row: Subscription, name: str) -> None:
    """Have a running subscription charged to another card, behind our back."""
    customer = row.customer.external_id
    attached = stripe.api("POST", f"/v1/payment_methods/{name}/attach", {"customer": customer})
    assert attached.status_code == 200, attached.text
    params = {"default_payment_method": attached.json()["id"]}
    answer = stripe.api("POST", f"/v1/subscriptions/{row.external_id}", params)
    assert answer.status_code == 200, answer.text


def fall_behind(stripe: StripeSimulator, row: Subscription) -> None:
    """Have its next invoice come today, and its card declined."""
    change_card(stripe, row, "pm_card_chargeCustomerFail")
    params = {"billing_cycle_anchor": "now", "proration_behavior": "none"}
    answer = stripe.api("POST", f"/v1/subscriptions/{row.external_id}", params)
    assert answer.status_code == 200, answer.text
    look(row)
    assert row.status == SubscriptionStatus.PAST_DUE


def look(row: Subscription) -> None:
    """Take over what Stripe has now, as a webhook would."""
    fetched_at = projection.database_now()
    snapshot = registry.get_driver(row.provider).retrieve_subscription(row.external_id)
    projection.converge(snapshot=snapshot, fetched_at=fetched_at, cause=CAUSE, now=clock.now())
    row.refresh_from_db()


def quote_for(client: Client, **changed: Any) -> Quote:
    """Ask on the page what Professional for one costs, unless told otherwise."""
    form = {"plan": "professional", "interval": "month", "seats": "1", "effective": "now"}
    response = client.post(PLAN, {**form, **changed})
    assert response.status_code == 302, folded(response.content)
    return Quote.objects.get(pk=response["Location"].rpartition("/")[2])


def quote_address(quote: Quote, what: str = "") -> str:
    return f"{PLAN}/quotes/{quote.pk}{what}"


def plan_of(row: Subscription) -> str:
    """Return plan and seats by now: `starter x1`."""
    row = Subscription.objects.select_related("plan_version__plan").get(pk=row.pk)
    return f"{row.plan_version.plan.code} x{row.seats}"
