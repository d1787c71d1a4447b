"""PaymentMethods: made from a number or a test name, saved to customers, remembered as set up."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.cards import BY_NAME, BY_NUMBER, Card, Decline, card_details
from tests.simulators.stripe.errors import Refusal, card_refusal
from tests.simulators.stripe.world import World

EMPTY_ADDRESS = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}
EMPTY_BILLING = {
    "address": EMPTY_ADDRESS,
    "email": None,
    "name": None,
    "phone": None,
    "tax_id": None,
}


def make_payment_method(
    world: World,
    card: Card,
    *,
    exp_month: int = 12,
    exp_year: int = 2034,
    cvc_given: bool = True,
    billing_details: Json | None = None,
) -> Json:
    """Create a PaymentMethod; which test card it is stays beside it, the number nowhere."""
    row: Json = {
        "id": ids.new_id("payment_method"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details or dict(EMPTY_BILLING),
        "card": card_details(card, exp_month=exp_month, exp_year=exp_year, cvc_given=cvc_given),
        "created": world.now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
    world.store.put("_card", row["id"], {"id": row["id"], "key": card.number[-4:], "set_up": False})
    return world.add(row)


_BY_LAST4 = {card.number[-4:]: card for card in BY_NUMBER.values()}


def card_of(world: World, payment_method_id: str) -> tuple[Card, Json]:
    """Return the test card behind a PaymentMethod and what is remembered about it."""
    memory = world.store.get("_card", payment_method_id)
    return _BY_LAST4[memory["key"]], memory


def resolve(world: World, reference: str, *, param: str | None) -> Json:
    """Return the PaymentMethod of an id; a `pm_card_…` test name makes a fresh one."""
    if reference in BY_NAME:
        return make_payment_method(world, BY_NAME[reference])
    return world.store.get("payment_method", reference, param=param)


def refuse(decline: Decline, **extra: object) -> Refusal:
    """Return the 402 of a declined card."""
    return card_refusal(
        decline.code, decline.message, decline_code=decline.decline_code, extra=dict(extra)
    )


def attach(world: World, payment_method: Json, customer_id: str) -> Json:
    """Save a card to a customer; cards whose issuer refuses even that answer 402."""
    if payment_method["customer"] not in (None, customer_id):
        raise Refusal(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
            param="payment_method",
        )
    if world.store.find("_detached", payment_method["id"]):
        raise Refusal(
            "This PaymentMethod was previously used without being attached to a Customer or was "
            "detached from a Customer, and may not be used again.",
            param="payment_method",
        )
    if payment_method["customer"] is None:
        card, _memory = card_of(world, payment_method["id"])
        if card.attach is not None:
            raise refuse(card.attach)
        keep(world, payment_method, customer_id)
    return payment_method


def keep(world: World, payment_method: Json, customer_id: str) -> None:
    """Link a card to a customer without asking its issuer (a payment just went through)."""
    if payment_method["customer"] is None:
        payment_method["customer"] = customer_id
        world.touch(payment_method)
        world.emit("payment_method.attached", payment_method)


def remember_set_up(world: World, payment_method_id: str) -> None:
    """Note that the cardholder authenticated this card for later use."""
    memory = world.store.get("_card", payment_method_id)
    memory["set_up"] = True
    world.store.touch("_card", payment_method_id)


def default_of(world: World, customer_id: str, own: str | None = None) -> str | None:
    """Return the PaymentMethod to charge: the subscription's own, or the customer's default."""
    if own is not None:
        return own
    customer = world.store.get("customer", customer_id)
    default: str | None = customer["invoice_settings"]["default_payment_method"]
    return default
