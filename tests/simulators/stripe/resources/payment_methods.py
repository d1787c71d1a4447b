"""/v1/payment_methods."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.cards import BY_NAME, BY_NUMBER, luhn_valid
from tests.simulators.stripe.engine import cardholding
from tests.simulators.stripe.engine.cardholding import EMPTY_ADDRESS
from tests.simulators.stripe.errors import Refusal, card_refusal, no_such
from tests.simulators.stripe.resources.customers import live_customer
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World


def billing_details(params: Params) -> Json:
    """Return billing details with every part present."""
    address = params.inside("address")
    return {
        "address": {name: address.text(name) for name in EMPTY_ADDRESS},
        "email": params.text("email"),
        "name": params.text("name"),
        "phone": params.text("phone"),
        "tax_id": None,
    }


def _wrong(code: str, message: str, param: str) -> Refusal:
    refusal = card_refusal(code, message, decline_code=None, extra={})
    refusal.param = param
    return refusal


def card_from_number(world: World, params: Params, *, billing: Json) -> Json:
    """Make a PaymentMethod from what a cardholder typed; only simulator pages may send this."""
    number = (params.text("number") or "").replace(" ", "")
    if not number or not luhn_valid(number):
        raise _wrong("incorrect_number", "Your card number is incorrect.", params.name("number"))
    month, year = params.integer("exp_month") or 0, params.integer("exp_year") or 0
    year += 2000 if 0 < year < 100 else 0
    if not 1 <= month <= 12:
        raise _wrong(
            "invalid_expiry_month",
            "Your card's expiration month is invalid.",
            params.name("exp_month"),
        )
    if not 2025 <= year <= 2075:
        raise _wrong(
            "invalid_expiry_year",
            "Your card's expiration year is invalid.",
            params.name("exp_year"),
        )
    card = BY_NUMBER.get(number)
    if card is None:
        raise card_refusal(
            "card_declined",
            "Your card was declined. Your request was in test mode, but used a non test card. "
            "For a list of valid test cards, visit: https://stripe.com/docs/testing.",
            decline_code="test_mode_live_card",
            extra={},
        )
    return cardholding.make_payment_method(
        world,
        card,
        exp_month=month,
        exp_year=year,
        cvc_given=bool(params.text("cvc")),
        billing_details=billing,
    )


@route("POST", "/v1/payment_methods", browser=True)
def create_payment_method(call: Call) -> Json:
    """Create a PaymentMethod: a number from the browser, a token from anywhere."""
    params = call.params
    if (params.text("type") or "card") != "card":
        raise Refusal("The simulator only makes cards.", param="type")
    card = params.inside("card")
    billing = billing_details(params.inside("billing_details"))
    token = card.text("token")
    if token is not None:
        # Stripe's test tokens are named as its test cards are: tok_visa, pm_card_visa.
        name = f"pm_card_{token.removeprefix('tok_')}"
        if name not in BY_NAME:
            raise no_such("token", token, param=card.name("token"), status=400)
        method = cardholding.make_payment_method(call.world, BY_NAME[name])
        method["billing_details"] = billing
    elif not call.publishable:
        raise Refusal(
            "Sending credit card numbers directly to the Stripe API is generally unsafe. We "
            "suggest you use test tokens that map to the test card you are using, see "
            "https://stripe.com/docs/testing.",
            status=402,
            kind="invalid_request_error",
        )
    else:
        method = card_from_number(call.world, card, billing=billing)
    method["metadata"] = merge_metadata({}, params)
    if params.has("allow_redisplay"):
        method["allow_redisplay"] = params.text("allow_redisplay") or "unspecified"
    return method


@route("GET", "/v1/payment_methods/{}")
def get_payment_method(call: Call) -> Json:
    """Return a PaymentMethod."""
    return call.world.store.get("payment_method", call.id)


@route("POST", "/v1/payment_methods/{}")
def update_payment_method(call: Call) -> Json:
    """Change the billing details, the expiry or the metadata of a card."""
    method = call.world.store.get("payment_method", call.id)
    params = call.params
    with call.world.change(method, "payment_method.updated"):
        if params.has("billing_details"):
            method["billing_details"] = billing_details(params.inside("billing_details"))
        card = params.inside("card")
        for field in ("exp_month", "exp_year"):
            if card.has(field):
                method["card"][field] = card.integer(field)
        method["metadata"] = merge_metadata(method["metadata"], params)
    return method


@route("GET", "/v1/payment_methods")
def list_payment_methods(call: Call) -> Json:
    """Return cards, usually those of a customer."""
    customer, wanted = call.params.text("customer"), call.params.text("type")
    store = call.world.store
    if customer is not None:
        live_customer(call.world, customer, param="customer")
        rows = list(store.where("payment_method", "customer", customer))
    else:
        rows = list(store.rows("payment_method"))
    found = [row for row in rows if wanted in (None, row["type"])]
    return listing(call, found, kind="payment_method")


@route("POST", "/v1/payment_methods/{}/attach")
def attach_payment_method(call: Call) -> Json:
    """Save a card to a customer."""
    customer = live_customer(call.world, call.params.need("customer"), param="customer")
    method = cardholding.resolve(call.world, call.id, param=None)
    return cardholding.attach(call.world, method, customer["id"])


@route("POST", "/v1/payment_methods/{}/detach")
def detach_payment_method(call: Call) -> Json:
    """Take a card off its customer, for good."""
    world = call.world
    method = world.store.get("payment_method", call.id)
    customer_id = method["customer"]
    if customer_id is None:
        raise Refusal(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
            param="payment_method",
        )
    world.store.put("_detached", call.id, {"id": call.id})
    customer = world.store.get("customer", customer_id)
    with world.change(method, "payment_method.detached"):
        method["customer"] = None
    if customer.get("invoice_settings", {}).get("default_payment_method") == call.id:
        with world.change(customer, "customer.updated"):
            customer["invoice_settings"]["default_payment_method"] = None
    for subscription in world.store.where("subscription", "customer", customer_id):
        if subscription["default_payment_method"] == call.id:
            with world.change(subscription, "customer.subscription.updated"):
                subscription["default_payment_method"] = None
    return method
