"""Every write and every question of Stripe's driver about invoices, ready to be disturbed."""

from billing.types import SubscriptionSnapshot
from tests.billing import stripe_builders as build
from tests.billing.stripe_cases import Call, Case
from tests.simulators.stripe import Json
from tests.simulators.stripe.client import StripeSimulator


def unpaid() -> SubscriptionSnapshot:
    """A start whose first invoice waits for a card."""
    spec = build.subscription_spec(card="")
    return build.driver().create_subscription(spec, idempotency_key=build.new_key())


def paid() -> SubscriptionSnapshot:
    """A start whose first invoice was paid."""
    spec = build.subscription_spec()
    return build.driver().create_subscription(spec, idempotency_key=build.new_key())


def charge_of(stripe: StripeSimulator, started: SubscriptionSnapshot) -> str:
    """Return the id of the charge that paid for a start."""
    customer = started.external_customer_id
    charges = [row for row in stripe.objects("charge") if row["customer"] == customer]
    return str(charges[-1]["id"])


def refund(stripe: StripeSimulator, charge: str, amount: int | None = None) -> Json:
    """Give back a charge, or a part of it."""
    params = {"charge": charge} | ({"amount": amount} if amount else {})
    return sent(stripe, "/v1/refunds", params)


def credit(stripe: StripeSimulator, invoice: str, amount: int, **more: object) -> Json:
    """Take back a part of an invoice; once it is paid, `credit_amount` goes to the balance."""
    return sent(stripe, "/v1/credit_notes", {"invoice": invoice, "amount": amount, **more})


def sent(stripe: StripeSimulator, path: str, params: Json | None = None) -> Json:
    """Send a write to the simulator, as somebody does in Stripe's dashboard."""
    answer = stripe.api("POST", path, params or {})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def retrieve(_: StripeSimulator) -> Call:
    external_id = unpaid().latest_invoice_id
    return lambda: build.driver().retrieve_invoice(external_id)


def pay(_: StripeSimulator) -> Call:
    started, key = unpaid(), build.new_key()
    method = build.attach(started.external_customer_id)
    return lambda: build.driver().pay_invoice(
        started.latest_invoice_id, payment_method=method, idempotency_key=key
    )


def retrieve_charge(stripe: StripeSimulator) -> Call:
    charge = charge_of(stripe, paid())
    refund(stripe, charge, 500)
    return lambda: build.driver().retrieve_charge(charge)


def payment_of(started: SubscriptionSnapshot) -> str:
    """Return the id of the payment of a start."""
    assert started.latest_payment is not None
    return started.latest_payment.external_id


def retrieve_payment(stripe: StripeSimulator) -> Call:
    started = paid()
    refund(stripe, charge_of(stripe, started), 500)
    return lambda: build.driver().retrieve_payment(payment_of(started))


def refund_payment(_: StripeSimulator) -> Call:
    payment, key = payment_of(paid()), build.new_key()
    return lambda: build.driver().refund_payment(
        payment, amount_minor=500, reason="duplicate", reference="ref", idempotency_key=key
    )


def retrieve_credit_note(stripe: StripeSimulator) -> Call:
    note = credit(stripe, paid().latest_invoice_id, 500, credit_amount=500)
    return lambda: build.driver().retrieve_credit_note(note["id"])


def retrieve_dispute(stripe: StripeSimulator) -> Call:
    dispute = stripe.dispute(charge_of(stripe, paid()))
    return lambda: build.driver().retrieve_dispute(dispute["id"])


def settle_by_hand(_: StripeSimulator) -> Call:
    external_id, key = unpaid().latest_invoice_id, build.new_key()
    return lambda: build.driver().settle_by_hand(
        external_id, amount_minor=2900, reference="ZB-77", idempotency_key=key
    )


def write_off(_: StripeSimulator) -> Call:
    external_id, key = unpaid().latest_invoice_id, build.new_key()
    return lambda: build.driver().write_off_invoice(external_id, idempotency_key=key)


WRITES = {
    "settle_by_hand": Case("POST", "/pay$", settle_by_hand),
    "write_off_invoice": Case("POST", "/mark_uncollectible$", write_off),
    "pay_invoice": Case("POST", "/pay$", pay),
    "refund_payment": Case("POST", "/refunds$", refund_payment),
}
QUESTIONS = {
    "retrieve_invoice": Case("GET", "/invoices/", retrieve),
    "retrieve_charge": Case("GET", "/charges/", retrieve_charge),
    "retrieve_payment": Case("GET", "/payment_intents/", retrieve_payment),
    "retrieve_credit_note": Case("GET", "/credit_notes/", retrieve_credit_note),
    "retrieve_dispute": Case("GET", "/disputes/", retrieve_dispute),
}
CALLS = {
    "retrieve_invoice": retrieve,
    "pay_invoice": pay,
    "retrieve_charge": retrieve_charge,
    "retrieve_payment": retrieve_payment,
    "refund_payment": refund_payment,
    "settle_by_hand": settle_by_hand,
    "write_off_invoice": write_off,
    "retrieve_credit_note": retrieve_credit_note,
    "retrieve_dispute": retrieve_dispute,
}
