"""Codes and numbers in the words of a tenant."""

from collections.abc import Mapping

from billing.selectors.plans import UNLIMITED, FeatureValue
from orgs.errors import DomainError, NotFound

_COUNTED = {
    "agents": ("agent", "agents", ""),
    "messages": ("message", "messages", " a month"),
    "users": ("user", "users", ""),
}
_SWITCHES = {
    "knowledge_base": "Knowledge base",
    "workflows": "Workflows",
    "fine_tuning": "Fine-tuning",
    "sso": "Single sign-on",
    "sla": "Service agreement (SLA)",
}
_MEGABYTES_PER_GIGABYTE = 1000

# Stripe asks not to tell a payer that a card is reported lost or stolen, or why a bank suspects
# fraud: those codes are not listed and read like any other refusal.
# Source: https://docs.stripe.com/declines/codes
_REFUSALS = {
    "insufficient_funds": "The card has insufficient funds. Please try another one.",
    "expired_card": "The card has expired. Please try another one.",
    "incorrect_cvc": "The card's security code (CVC) was not right. Please enter it again.",
    "invalid_cvc": "The card's security code (CVC) was not right. Please enter it again.",
    "incorrect_number": "The card's number was not right. Please enter it again.",
    "invalid_expiry_year": "The card's expiry date was not right. Please enter it again.",
    "invalid_expiry_month": "The card's expiry date was not right. Please enter it again.",
    "incorrect_zip": "The postal code does not match the card. Please enter it again.",
    "card_not_supported": "The card can't be used for this payment. Please try another one.",
    "currency_not_supported": "The card can't pay in this currency. Please try another one.",
    "processing_error": "The bank could not process the card just now. Please try again.",
    "authentication_required": "Your bank did not confirm the payment. Please try again.",
    "payment_intent_authentication_failure": (
        "Your bank did not confirm the payment. Please try again, or use another card."
    ),
    "setup_intent_authentication_failure": (
        "Your bank did not confirm the card. Please try again, or use another card."
    ),
    "INVALID_REQUEST": "The card was not accepted. Please check it, or try another one.",
    "RATE_LIMIT": "Too many requests. Please try again later.",
    "API_ERROR": "An error occurred with our payment provider. Please try again.",
    "CONFLICT": (
        "An earlier payment is still being confirmed. Please wait a moment before trying again."
    ),
    "COUPON_REFUSED": (
        "Your coupon can't be used any more and was taken off. Nothing was charged: please look at "
        "the price before you pay."
    ),
    "ALREADY_SUBSCRIBED": "This organization already has a subscription.",
}
_DECLINED = "Your card was declined. Please try another payment method."

_CAUSES = {
    "webhook": "reported by the payment provider",
    "request": "asked for by your organization",
    "resolver": "found out by asking the payment provider",
    "sweep": "found by a routine check",
    "staff": "done by our staff",
    "checkout": "done at the checkout",
}


def refusal(code: str) -> str:
    """Say why a payment was not taken, and what to do."""
    return _REFUSALS.get(code, _DECLINED)


def is_card_refusal(code: str) -> bool:
    """Say whether the card, and not the provider or we, stood in the way."""
    return code not in {
        "RATE_LIMIT",
        "API_ERROR",
        "CONFLICT",
        "ALREADY_SUBSCRIBED",
        "COUPON_REFUSED",
    }


def sentence(error: DomainError) -> str:
    """Say why something was not done; what a page offered a moment ago may be gone by now."""
    if isinstance(error, NotFound):
        return "There is no running subscription to do this with any more."
    return error.message


def reasons(error: DomainError) -> list[str]:
    """Return the reasons of a refusal, each with what it is about."""
    return [
        f"{_readable(name)}: {reason}" for name, found in error.fields.items() for reason in found
    ]


def cause(stored: Mapping[str, object]) -> str:
    """Say what set a change off."""
    return _CAUSES.get(str(stored.get("kind", "")), "")


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: `1 seat`, `1,200 seats`."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def features(given: Mapping[str, FeatureValue]) -> list[str]:
    """Say what a plan gives, one phrase each, in the catalogue's order."""
    phrases = (_feature(key, value) for key, value in given.items())
    return [phrase for phrase in phrases if phrase]


def feature_name(key: str) -> str:
    """Return what a feature is called."""
    return "Storage" if key == "storage_mb" else _readable(key)


def quantity(key: str, count: int) -> str:
    """Return how much of a feature: `10,000`, `1 GB`."""
    return _storage(count).removesuffix(" of storage") if key == "storage_mb" else f"{count:,}"


def _feature(key: str, value: FeatureValue) -> str:
    if not value:
        return ""
    if value is True:
        return _SWITCHES.get(key, _readable(key))
    if isinstance(value, str):
        return f"{value.capitalize()} {key.replace('_', ' ')}"
    return _storage(value) if key == "storage_mb" else _counted(key, value)


def _counted(key: str, count: int) -> str:
    plain = _readable(key).lower()
    one, many, period = _COUNTED.get(key, (plain, plain, ""))
    if count == UNLIMITED:
        return f"Unlimited {many}"
    return f"{count:,} {one if count == 1 else many}{period}"


def _storage(megabytes: int) -> str:
    if megabytes == UNLIMITED:
        return "Unlimited storage"
    if megabytes % _MEGABYTES_PER_GIGABYTE == 0:
        return f"{megabytes // _MEGABYTES_PER_GIGABYTE:,} GB of storage"
    return f"{megabytes:,} MB of storage"


def _readable(key: str) -> str:
    return key.replace("_", " ").capitalize()
