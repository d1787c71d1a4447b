"""Object ids: a prefix that tells the kind, and a random tail."""

import random
import string

_ALPHABET = string.ascii_letters + string.digits
_RANDOM = random.SystemRandom()

PREFIXES = {
    "charge": "ch",
    "balance_transaction": "txn",
    "billing_portal.configuration": "bpc",
    "billing_portal.session": "bps",
    "checkout.session": "cs_test",
    "coupon": "coupon",
    "credit_note": "cn",
    "credit_note_line_item": "cnli",
    "customer": "cus",
    "customer_balance_transaction": "cbtxn",
    "discount": "di",
    "dispute": "dp",
    "event": "evt",
    "invoice": "in",
    "invoice_payment": "inpay",
    "invoiceitem": "ii",
    "item": "li",
    "line_item": "il",
    "payment_intent": "pi",
    "payment_method": "pm",
    "price": "price",
    "product": "prod",
    "promotion_code": "promo",
    "refund": "re",
    "setup_intent": "seti",
    "subscription": "sub",
    "subscription_item": "si",
    "subscription_schedule": "sub_sched",
    "terminal.location": "tml",
    "terminal.reader": "tmr",
    "test_helpers.test_clock": "clock",
    "webhook_endpoint": "we",
}
KINDS = {prefix: kind for kind, prefix in PREFIXES.items()}
_SHORT = ("customer", "product", "subscription_item", "terminal.location", "terminal.reader")
_LENGTHS = {**dict.fromkeys(_SHORT, 14), "checkout.session": 58}


def token(length: int = 24) -> str:
    """Return random letters and digits."""
    return "".join(_RANDOM.choices(_ALPHABET, k=length))


def new_id(kind: str) -> str:
    """Return a fresh id for an object of this kind."""
    return f"{PREFIXES[kind]}_{token(_LENGTHS.get(kind, 24))}"


def kind_of(object_id: str) -> str | None:
    """Return the kind that an id's prefix announces, if it is one of ours."""
    prefix = object_id.rpartition("_")[0]
    return KINDS.get(prefix)
