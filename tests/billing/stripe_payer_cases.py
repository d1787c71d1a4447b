"""Every write and every question of Stripe's driver about payers, ready to be disturbed."""

from tests.billing import stripe_builders as build
from tests.billing.stripe_cases import Call, Case
from tests.simulators.stripe.client import StripeSimulator


def update_customer(_: StripeSimulator) -> Call:
    customer, key = build.make_customer(), build.new_key()
    return lambda: build.driver().update_customer(
        customer, email="bills@acme.example", name="Acme Ltd", idempotency_key=key
    )


def retrieve_payer(_: StripeSimulator) -> Call:
    customer = build.make_customer()
    build.attach(customer)
    return lambda: build.driver().retrieve_payer(customer)


def attach_token(_: StripeSimulator) -> Call:
    customer = build.make_customer()
    return lambda: build.attach(customer, "tok_visa")


def create_setup_intent(_: StripeSimulator) -> Call:
    customer, key = build.make_customer(), build.new_key()
    return lambda: build.driver().create_setup_intent(customer, idempotency_key=key)


def set_default(_: StripeSimulator) -> Call:
    spec, key = build.subscription_spec(), build.new_key()
    started = build.driver().create_subscription(spec, idempotency_key=build.new_key())
    method = build.attach(spec.external_customer_id, "pm_card_mastercard")
    return lambda: build.driver().set_default_payment_method(
        external_customer_id=spec.external_customer_id,
        payment_method=method,
        external_subscription_id=started.external_id,
        idempotency_key=key,
    )


def detach(_: StripeSimulator) -> Call:
    method, key = build.attach(build.make_customer()), build.new_key()
    return lambda: build.driver().detach_payment_method(method, idempotency_key=key)


def create_portal(_: StripeSimulator) -> Call:
    customer, key = build.make_customer(), build.new_key()
    return lambda: build.driver().create_portal_session(
        customer, return_url="https://till.test/settings/billing", idempotency_key=key
    )


def create_configuration(stripe: StripeSimulator) -> Call:
    """The first portal of an account, whatever was opened there before."""
    for row in stripe.objects("billing_portal.configuration"):
        path = f"/v1/billing_portal/configurations/{row['id']}"
        stripe.api("POST", path, {"metadata[till_portal]": ""})
    return create_portal(stripe)


WRITES = {
    "update_customer": Case("POST", "/customers/cus_[^/]+$", update_customer),
    "attach_token": Case("POST", "/payment_methods$", attach_token),
    "create_setup_intent": Case("POST", "/setup_intents$", create_setup_intent),
    "set_default": Case("POST", "/subscriptions/", set_default),
    "detach": Case("POST", "/detach$", detach),
    "create_portal": Case("POST", "/billing_portal/sessions$", create_portal),
    "create_configuration": Case("POST", "/configurations$", create_configuration),
}

QUESTIONS = {
    "retrieve_payer": Case("GET", "/customers/cus_[^/]+$", retrieve_payer),
    "list_methods": Case("GET", "/customers/cus_[^/]+/payment_methods$", retrieve_payer),
    "find_configuration": Case("GET", "/configurations$", create_portal),
}

# What each call of the driver's protocol is here.
CALLS = {
    "update_customer": update_customer,
    "retrieve_payer": retrieve_payer,
    "create_setup_intent": create_setup_intent,
    "set_default_payment_method": set_default,
    "detach_payment_method": detach,
    "create_portal_session": create_configuration,
}
