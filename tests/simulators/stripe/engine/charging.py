"""Charging a card for a PaymentIntent: succeeded, declined, or first the cardholder's word."""

from dataclasses import dataclass

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.cards import UNAUTHENTICATED, Card, Decline
from tests.simulators.stripe.engine import cardholding, in_person
from tests.simulators.stripe.periods import DAY
from tests.simulators.stripe.world import World

_HOLD_DAYS = 7


@dataclass(frozen=True)
class Attempt:
    """How a card is tried. `authenticated`: the cardholder just passed the challenge."""

    payment_method: str
    off_session: bool = False
    authenticated: bool = False
    return_url: str | None = None


def must_authenticate(card: Card, memory: Json, attempt: Attempt) -> bool:
    """Say whether the issuer wants the cardholder's word first."""
    if attempt.authenticated or card.authenticates == "never":
        return False
    return card.authenticates == "always" or not memory["set_up"]


def foresee(world: World, payment_method: str, *, off_session: bool) -> Decline | None:
    """Return why a charge would not go through at once, without trying it."""
    card, memory = cardholding.card_of(world, payment_method)
    if must_authenticate(card, memory, Attempt(payment_method, off_session=off_session)):
        return UNAUTHENTICATED
    return card.charge


def challenge_action(world: World, intent: Json, return_url: str | None) -> Json:
    """Return the `next_action` that leads the cardholder to the simulated issuer."""
    url = f"{world.public_url}/3ds/{intent['id']}?client_secret={intent['client_secret']}"
    if return_url is not None:
        return {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": return_url, "url": url},
        }
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url},
    }


def try_card(world: World, intent: Json, attempt: Attempt) -> Decline | None:
    """Charge; the intent, its charge and their events afterwards say how it went.

    The caller lets the invoice of the intent follow.
    """
    card, memory = cardholding.card_of(world, attempt.payment_method)
    intent["payment_method"] = attempt.payment_method
    intent["last_payment_error"] = None
    intent["next_action"] = None
    world.touch(intent)
    decline = card.charge
    if must_authenticate(card, memory, attempt):
        if not attempt.off_session:
            intent["status"] = "requires_action"
            intent["next_action"] = challenge_action(world, intent, attempt.return_url)
            world.emit("payment_intent.requires_action", intent)
            return None
        decline = UNAUTHENTICATED
    if decline is not None:
        fail(world, intent, decline)
        return decline
    succeed(world, intent, attempt)
    return None


def fail(world: World, intent: Json, decline: Decline, *, charged: bool = True) -> None:
    """Put a declined attempt on the books."""
    error: Json = {"type": "card_error", "code": decline.code, "message": decline.message}
    if decline.decline_code is not None:
        error["decline_code"] = decline.decline_code
    error["payment_method"] = dict(
        world.store.get("payment_method", intent["payment_method"]),
    )
    if charged:
        charge = _charge(world, intent, intent["payment_method"], decline)
        intent["latest_charge"] = error["charge"] = charge["id"]
        world.add(charge, "charge.failed")
    intent["status"] = "requires_payment_method"
    intent["payment_method"] = None
    intent["next_action"] = None
    intent["last_payment_error"] = error
    world.touch(intent)
    world.emit("payment_intent.payment_failed", intent)


def succeed(world: World, intent: Json, attempt: Attempt) -> None:
    """Put an approved attempt on the books: taken, or held until it is captured."""
    captured = intent["capture_method"] != "manual"
    charge = _charge(world, intent, attempt.payment_method, None)
    charge["captured"] = captured
    charge["amount_captured"] = intent["amount"] if captured else 0
    intent["latest_charge"] = charge["id"]
    if captured:
        intent["status"], intent["amount_received"] = "succeeded", intent["amount"]
        book(world, charge, intent["amount"], "charge")
    else:
        intent["status"], intent["amount_capturable"] = "requires_capture", intent["amount"]
    world.add(charge, "charge.succeeded")
    saved = intent["setup_future_usage"] is not None and intent["customer"] is not None
    if saved:
        method = world.store.get("payment_method", attempt.payment_method)
        cardholding.keep(world, method, intent["customer"])
        if attempt.authenticated:
            cardholding.remember_set_up(world, attempt.payment_method)
    world.touch(intent)
    if captured:
        world.emit("payment_intent.succeeded", intent)
    else:
        held = in_person.capture_before(charge) or world.now() + _HOLD_DAYS * DAY
        world.schedule(held, "expire_authorization", intent["id"])
        world.emit("payment_intent.amount_capturable_updated", intent)


def book(world: World, source: Json, amount: int, type_: str, *, fee: int | None = None) -> Json:
    """Write the balance transaction of a charge (positive) or a refund (negative)."""
    if fee is None:
        fee = round(amount * 0.029) + 30 if amount > 0 else 0
    row = {
        "id": ids.new_id("balance_transaction"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": world.now() + 2 * 86_400,
        "balance_type": "payments",
        "created": world.now(),
        "currency": source["currency"],
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [
            {
                "amount": fee,
                "application": None,
                "currency": source["currency"],
                "description": "Dispute fee" if source["object"] == "dispute" else "Processing",
                "type": "stripe_fee",
            }
        ]
        if fee
        else [],
        "net": amount - fee,
        "reporting_category": type_,
        "source": source["id"],
        "status": "pending",
        "type": type_,
    }
    if source["object"] != "dispute":
        source["balance_transaction"] = row["id"]
    return world.add(row)


def _outcome(decline: Decline | None) -> Json:
    if decline is None:
        return {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 12,
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network",
        "reason": decline.decline_code or decline.code,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def _charge(world: World, intent: Json, method_id: str, decline: Decline | None) -> Json:
    method = world.store.get("payment_method", method_id)
    charge_id = ids.new_id("charge")
    return {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "SIMULATOR",
        "captured": False,
        "created": world.now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(decline),
        "paid": decline is None,
        "payment_intent": intent["id"],
        "payment_method": method_id,
        "payment_method_details": _details(world, intent, method, approved=decline is None),
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{world.public_url}/receipts/{charge_id}" if decline is None else None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "failed" if decline else "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def _details(world: World, intent: Json, method: Json, *, approved: bool) -> Json:
    """Return what a charge says of the card it was made with."""
    if method["type"] == in_person.TYPE:
        return in_person.details(world, intent, method, approved=approved)
    card = method["card"]
    shown = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    return {
        "card": {
            **{name: card[name] for name in shown},
            "amount_authorized": intent["amount"] if approved else None,
            "checks": card["checks"],
            "installments": None,
            "mandate": None,
            "network": card["brand"],
            "three_d_secure": None,
            "wallet": None,
        },
        "type": "card",
    }
