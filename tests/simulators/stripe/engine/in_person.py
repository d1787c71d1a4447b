"""Cards that were there: what a reader reads of them, and what its test amounts make of them.

Source: https://docs.stripe.com/terminal/references/testing (amounts and numbers),
https://docs.stripe.com/terminal/features/receipts (what a receipt says).
"""

from dataclasses import dataclass

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.cards import BY_NUMBER, GENERIC, Card, Decline
from tests.simulators.stripe.engine import cardholding
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.periods import DAY
from tests.simulators.stripe.world import World

TYPE = "card_present"
# Which reader an intent was last sent to: rows of the simulator's own.
AT_READER = "_at_reader"
_HOLD_DAYS = 2
_PHYSICAL = "4242424242424242"
_PIN = "Your card's PIN is incorrect."


@dataclass(frozen=True)
class Presented:
    """A card at a reader: its number (none is the physical test card), and the tip chosen there.

    `inserted`: into the slot, with a PIN; else held near. `declined`: its issuer says no.
    """

    number: str | None = None
    tip: int = 0
    inserted: bool = False
    declined: bool = False


def _declined(code: str, message: str = GENERIC.message) -> Decline:
    return Decline("card_declined", message, code)


# What the last two digits of an amount do to the physical test card.
_BY_AMOUNT = {
    1: _declined("call_issuer"),
    2: _declined("offline_pin_required"),
    3: _declined("online_or_offline_pin_required"),
    5: _declined("generic_decline"),
    55: _declined("incorrect_pin", _PIN),
    65: _declined("withdrawal_count_limit_exceeded"),
    75: _declined("pin_try_exceeded", _PIN),
}


def decline_of(presented: Presented, amount: int) -> Decline | None:
    """Return why a card is declined, by its number or, for the physical one, by the amount."""
    if presented.declined:
        return GENERIC
    if presented.number is None:
        return _BY_AMOUNT.get(amount % 100)
    return _card(presented).charge


def _card(presented: Presented) -> Card:
    card = BY_NUMBER.get((presented.number or _PHYSICAL).replace(" ", ""))
    if card is None:
        raise Refusal(
            "Your card number is incorrect.", param="card_present[number]", code="incorrect_number"
        )
    return card


def make_method(world: World, presented: Presented) -> Json:
    """Create the PaymentMethod that a reader makes of a card; it is used once."""
    made = cardholding.make_payment_method(world, _card(presented))
    card = made.pop("card")
    kept = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    made["type"] = TYPE
    made[TYPE] = {
        **{name: card[name] for name in kept},
        "brand_product": None,
        "cardholder_name": None,
        "description": None,
        "iin": None,
        "issuer": None,
        "networks": {"available": [card["brand"]], "preferred": None},
        "offline": None,
        "preferred_locales": ["en"],
        "read_method": "contact_emv" if presented.inserted else "contactless_emv",
        "wallet": None,
    }
    world.touch(made)
    return made


def details(world: World, intent: Json, method: Json, *, approved: bool) -> Json:
    """Return what a charge says of a card that was there."""
    card = method[TYPE]
    left_out = ("networks",)
    is_held = approved and intent["capture_method"] == "manual"
    reader = world.store.find(AT_READER, intent["id"]) or {}
    return {
        TYPE: {
            **{name: value for name, value in card.items() if name not in left_out},
            "amount_authorized": intent["amount"] if approved else None,
            "capture_before": world.now() + _HOLD_DAYS * DAY if is_held else None,
            "emv_auth_data": None,
            "generated_card": None,
            "incremental_authorization_supported": False,
            "location": reader.get("location"),
            "network": card["brand"],
            "network_transaction_id": ids.token(15) if approved else None,
            "overcapture_supported": False,
            "reader": reader.get("reader"),
            "receipt": _receipt(card, approved=approved),
        },
        "type": TYPE,
    }


_APPLICATIONS = {
    "visa": ("A0000000031010", "Visa Credit"),
    "mastercard": ("A0000000041010", "Mastercard"),
    "amex": ("A00000002501", "American Express"),
    "discover": ("A0000001523010", "Discover"),
}


def _receipt(card: Json, *, approved: bool) -> Json:
    application, name = _APPLICATIONS[card["brand"]]
    with_pin = card["read_method"] == "contact_emv"
    return {
        "account_type": "credit" if card["funding"] == "credit" else "checking",
        "application_cryptogram": ids.token(16).upper(),
        "application_preferred_name": name,
        "authorization_code": "123456" if approved else None,
        "authorization_response_code": "3030" if approved else "3035",
        "cardholder_verification_method": "offline_pin" if with_pin else "none",
        "dedicated_file_name": application,
        "terminal_verification_results": "8000008000",
        "transaction_status_information": "6800",
    }


def capture_before(charge: Json) -> int | None:
    """Return until when a charge of a card that was there can be captured."""
    made: int | None = charge["payment_method_details"].get(TYPE, {}).get("capture_before")
    return made
