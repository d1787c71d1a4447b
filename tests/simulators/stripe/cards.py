"""The test cards: what each of them does when it is saved and when it is charged.

Source: https://docs.stripe.com/testing (numbers and `pm_card_*` names).
"""

from dataclasses import dataclass

from tests.simulators.stripe import Json


@dataclass(frozen=True)
class Decline:
    """Why an issuer says no."""

    code: str
    message: str
    decline_code: str | None = None


GENERIC = Decline("card_declined", "Your card was declined.", "generic_decline")
FUNDS = Decline("card_declined", "Your card has insufficient funds.", "insufficient_funds")
LOST = Decline("card_declined", "Your card was declined.", "lost_card")
STOLEN = Decline("card_declined", "Your card was declined.", "stolen_card")
EXPIRED = Decline("expired_card", "Your card has expired.", "expired_card")
CVC = Decline("incorrect_cvc", "Your card's security code is incorrect.", "incorrect_cvc")
PROCESSING = Decline(
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    "processing_error",
)
UNAUTHENTICATED = Decline(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "authentication_required",
)
FAILED_AUTHENTICATION = Decline(
    "payment_intent_authentication_failure",
    "We are unable to authenticate your payment method. "
    "Please choose a different payment method and try again.",
)
FAILED_SETUP = Decline(
    "setup_intent_authentication_failure",
    "We are unable to authenticate your payment method. "
    "Please choose a different payment method and try again.",
)


@dataclass(frozen=True)
class Card:
    """One test card.

    `authenticates`: never, until it was set up once, or at every payment. `disputes`: why its
    holder disputes what was charged at once; an `inquiry` takes no money.
    """

    number: str
    brand: str = "visa"
    funding: str = "credit"
    attach: Decline | None = None
    charge: Decline | None = None
    authenticates: str = "never"
    names: tuple[str, ...] = ()
    disputes: str | None = None
    inquiry: bool = False


def _declined(number: str, decline: Decline, *names: str) -> Card:
    return Card(number, attach=decline, charge=decline, names=names)


_CARDS = (
    Card("4242424242424242", names=("pm_card_visa", "pm_card_us")),
    Card("4000056655665556", funding="debit", names=("pm_card_visa_debit",)),
    Card("5555555555554444", "mastercard", names=("pm_card_mastercard",)),
    Card("378282246310005", "amex", names=("pm_card_amex",)),
    Card("6011111111111117", "discover", names=("pm_card_discover",)),
    _declined(
        "4000000000000002",
        GENERIC,
        "pm_card_chargeDeclined",
        "pm_card_visa_chargeDeclined",
    ),
    _declined(
        "4000000000009995",
        FUNDS,
        "pm_card_chargeDeclinedInsufficientFunds",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
    ),
    _declined("4000000000009987", LOST, "pm_card_visa_chargeDeclinedLostCard"),
    _declined("4000000000009979", STOLEN, "pm_card_visa_chargeDeclinedStolenCard"),
    _declined("4000000000000069", EXPIRED, "pm_card_chargeDeclinedExpiredCard"),
    _declined("4000000000000127", CVC, "pm_card_chargeDeclinedIncorrectCvc"),
    _declined("4000000000000119", PROCESSING, "pm_card_chargeDeclinedProcessingError"),
    Card("4000000000000259", names=("pm_card_createDispute",), disputes="fraudulent"),
    Card(
        "4000000000002685",
        names=("pm_card_createDisputeProductNotReceived",),
        disputes="product_not_received",
    ),
    Card(
        "4000000000001976",
        names=("pm_card_createDisputeInquiry",),
        disputes="general",
        inquiry=True,
    ),
    Card("4000000000000341", charge=GENERIC, names=("pm_card_chargeCustomerFail",)),
    Card(
        "4000002500003155",
        authenticates="until_set_up",
        names=("pm_card_authenticationRequiredOnSetup",),
    ),
    Card("4000002760003184", authenticates="always", names=("pm_card_authenticationRequired",)),
    Card("4000000000003220", authenticates="always", names=("pm_card_threeDSecure2Required",)),
    Card(
        "4000008400001629",
        charge=GENERIC,
        attach=None,
        authenticates="always",
        names=("pm_card_threeDSecureRequiredChargeDeclined",),
    ),
)
BY_NUMBER = {card.number: card for card in _CARDS}
BY_NAME = {name: card for card in _CARDS for name in card.names}


def luhn_valid(number: str) -> bool:
    """Say whether the check digit fits."""
    if not number.isdigit() or not 12 <= len(number) <= 19:
        return False
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def card_details(card: Card, *, exp_month: int, exp_year: int, cvc_given: bool) -> Json:
    """Return the `card` part of a PaymentMethod: nothing of the number but its last digits."""
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass" if cvc_given else None,
        },
        "country": "US",
        "display_brand": card.brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": f"Fp{card.brand[:2]}{card.number[-4:]}000000000"[:16],
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
