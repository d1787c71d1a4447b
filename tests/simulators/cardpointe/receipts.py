"""What an authorisation's answer holds on request: a receipt, and what the BIN says."""

import json

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.call import Call

_PRODUCTS = {"VISA": "V", "MC": "M", "AMEX": "A", "DISC": "D", "DINERS": "D", "JCB": "D"}


def extras(call: Call, card: Json, txn: Json) -> Json:
    """Return the parts of an answer that were asked for."""
    given, found = call.fields, {}
    if given["receipt"]:
        made = receipt(call.world.stamp(), name=given["name"])
        name = "receiptObj" if given["receipt"] == "json" else "receipt"
        found[name] = made if name == "receiptObj" else json.dumps(made)
    if given.is_set("bin") and not card["bank"]:
        found["binInfo"] = bin_info(card)
    if txn["respstat"] == "A" and (fields := call.body.get("userfields")) is not None:
        found["userfields"] = fields
    return found


def receipt(stamp: str, *, name: str) -> Json:
    """Return what is printed besides the amount."""
    return {
        "dba": "Till Test Merchant",
        "header": "",
        "footer": "",
        "dateTime": stamp,
        "nameOnCard": name,
        "orderNote": "",
        "items": "",
        "phone": "",
    }


def bin_info(card: Json) -> Json:
    """Return what is known of a card's first digits."""
    return {
        "country": "USA",
        "product": _PRODUCTS.get(card["brand"], "N"),
        "bin": card["first_six"],
        "cardusestring": "True credit (No PIN/Signature capability)",
        "gsa": False,
        "corporate": False,
        "fsa": False,
        "subtype": "",
        "purchase": False,
        "prepaid": False,
        "issuer": "Test Bank",
        "binlo": f"{card['first_six']}XXXXXX",
        "binhi": f"{card['first_six']}XXXXXX",
    }
