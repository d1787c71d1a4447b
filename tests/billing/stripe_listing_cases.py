"""Every list that Stripe's driver asks for, ready to be disturbed."""

from datetime import UTC, datetime, timedelta

from tests.billing import stripe_builders as build
from tests.billing.stripe_cases import Call, Case
from tests.billing.stripe_invoice_cases import charge_of, paid, refund
from tests.simulators.stripe.client import StripeSimulator


def an_hour_ago(stripe: StripeSimulator) -> datetime:
    """A moment before whatever a test has just made."""
    return datetime.fromtimestamp(stripe.now(), UTC) - timedelta(hours=1)


def list_subscriptions(_: StripeSimulator) -> Call:
    customer = paid().external_customer_id
    return lambda: build.driver().list_subscriptions(external_customer_id=customer)


def list_payers(_: StripeSimulator) -> Call:
    build.make_customer()
    return lambda: build.driver().list_payers()


def list_invoices(stripe: StripeSimulator) -> Call:
    customer, since = paid().external_customer_id, an_hour_ago(stripe)
    return lambda: build.driver().list_invoices(created_since=since, external_customer_id=customer)


def list_refunds(stripe: StripeSimulator) -> Call:
    refund(stripe, charge_of(stripe, paid()), 500)
    since = an_hour_ago(stripe)
    return lambda: build.driver().list_refunds(created_since=since)


def list_events(stripe: StripeSimulator) -> Call:
    paid()
    since = an_hour_ago(stripe)
    return lambda: build.driver().list_events(created_since=since, only_undelivered=True)


def retrieve_event(stripe: StripeSimulator) -> Call:
    paid()
    event = stripe.events()[-1]["id"]
    return lambda: build.driver().retrieve_event(event)


WRITES: dict[str, Case] = {}
QUESTIONS = {
    "list_subscriptions": Case("GET", "/subscriptions$", list_subscriptions),
    "list_payers": Case("GET", "/customers$", list_payers),
    "list_invoices": Case("GET", "/invoices$", list_invoices),
    "list_refunds": Case("GET", "/refunds$", list_refunds),
    "list_events": Case("GET", "/events$", list_events),
    "retrieve_event": Case("GET", "/events/", retrieve_event),
}
CALLS = {
    "list_subscriptions": list_subscriptions,
    "list_payers": list_payers,
    "list_invoices": list_invoices,
    "list_refunds": list_refunds,
    "list_events": list_events,
    "retrieve_event": retrieve_event,
}
