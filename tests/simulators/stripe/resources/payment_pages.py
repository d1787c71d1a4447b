"""/v1/payment_pages: how Stripe's own clients open and submit a hosted checkout.

Stripe does not document it. It is here because the Stripe CLI completes checkout sessions with it;
the answers hold no more than what the CLI reads.
"""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import cardholding
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.resources.checkout_completion import submit
from tests.simulators.stripe.routing import Call, route


def _session(call: Call) -> Json:
    session = call.world.store.get("checkout.session", call.id)
    customer = call.world.store.find("customer", session["customer"] or "")
    if customer is not None:
        call.world.follow_clock_of(customer)
    return session


@route("GET", "/v1/payment_pages/{}", documented=False)
def get_payment_page(call: Call) -> Json:
    """Return the session behind a page."""
    return _session(call)


@route("POST", "/v1/payment_pages/{}/confirm", documented=False)
def confirm_payment_page(call: Call) -> Json:
    """Submit a page with a card, as its button would."""
    session, params = _session(call), call.params
    if session["status"] != "open":
        raise Refusal("This Checkout Session is no longer active.")
    method_id = params.need("payment_method")
    method = cardholding.resolve(call.world, method_id, param="payment_method")
    expected = params.integer("expected_amount")
    if session["mode"] != "setup" and expected not in (None, session["amount_total"]):
        raise Refusal("The amount of the session is another one.", param="expected_amount")
    details = method["billing_details"]
    email = session["customer_email"] or details["email"]
    decline = submit(call.world, session, method, email=email, name=details["name"])
    if decline is not None:
        raise cardholding.refuse(decline)
    return session
