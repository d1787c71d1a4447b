"""From Stripe's intents and charges of cards that were there to our frozen facts.

Source: https://docs.stripe.com/terminal/features/receipts (what a receipt says of the card),
https://docs.stripe.com/payments/paymentintents/lifecycle (states).
"""

from datetime import UTC, datetime
from typing import Any

from billing.types import CardPresent, EntryMode, SaleSnapshot, SaleState, Verification

Json = dict[str, Any]

# In this state alone an intent does not say whether a reader is at it.
OPEN = "requires_payment_method"
_STATES: dict[str, SaleState] = {
    "requires_confirmation": "in_progress",
    "requires_action": "in_progress",
    "processing": "in_progress",
    "requires_capture": "requires_capture",
    "succeeded": "succeeded",
    "canceled": "canceled",
}
# What ended an action although no card was declined. After a connection error an authorization may
# still show: the intent alone says so, and the same one can be tried again.
# Source: https://docs.stripe.com/terminal/payments/collect-card-payment?terminal-sdk-platform=server-driven#payment-timeout
_BY_CUSTOMER = "customer_canceled"
_NOTHING_DECLINED = frozenset({"connection_error", "intent_invalid_state"})

_ENTRY_MODES: dict[str, EntryMode] = {
    "contact_emv": "chip",
    "contactless_emv": "contactless",
    "contactless_magstripe_mode": "contactless",
    "magnetic_stripe_fallback": "swipe",
    "magnetic_stripe_track2": "swipe",
}
_VERIFICATIONS: dict[str, Verification] = {
    "offline_pin": "pin",
    "offline_pin_and_signature": "pin",
    "online_pin": "pin",
    "signature": "signature",
    "approval": "none",
    "none": "none",
}
# The names that receipts use for what the chip answered.
_EMV = {
    "TVR": "terminal_verification_results",
    "TSI": "transaction_status_information",
    "ARC": "authorization_response_code",
    "AC": "application_cryptogram",
    "account_type": "account_type",
}


def sale(intent: Json, action: Json | None = None) -> SaleSnapshot:
    """Return an intent, its latest charge expanded, as ours.

    `action` is what a reader does about it, or last did; None when no reader does anything.
    """
    state = _STATES.get(intent["status"]) or _at_reader(intent, action)
    charge = intent["latest_charge"] if isinstance(intent["latest_charge"], dict) else {}
    is_approved = bool(charge.get("paid"))
    details = (charge.get("payment_method_details") or {}).get("card_present") or {}
    tip = (intent.get("amount_details") or {}).get("tip") or {}
    return SaleSnapshot(
        external_id=intent["id"],
        state=state,
        currency=intent["currency"].upper(),
        authorized_minor=_authorized(charge, details) if is_approved else 0,
        captured_minor=charge["amount_captured"] if is_approved else 0,
        tip_minor=tip.get("amount") or 0,
        client_secret=(intent["client_secret"] or "") if intent["status"] == OPEN else "",
        decline_code=_decline_code(intent, action) if state == "declined" else "",
        card=_card(details) if details and (is_approved or state == "declined") else None,
        capture_before=_moment(details.get("capture_before"))
        if state == "requires_capture"
        else None,
    )


def _authorized(charge: Json, details: Json) -> int:
    return int(details.get("amount_authorized") or charge["amount"])


def _at_reader(intent: Json, action: Json | None) -> SaleState:
    """Say how an intent without a card is doing, by the reader or by its last try.

    A reader that says "succeeded" knows more than the intent yet does.
    """
    if action is None:
        return "declined" if intent["last_payment_error"] else "requires_terminal"
    if action["status"] != "failed":
        return "in_progress"
    if action["failure_code"] == _BY_CUSTOMER:
        return "canceled"
    return "requires_terminal" if action["failure_code"] in _NOTHING_DECLINED else "declined"


def _decline_code(intent: Json, action: Json | None) -> str:
    """Return why the last card was not taken: the issuer's word, else the reader's."""
    error: Json = intent["last_payment_error"] or {}
    if action is not None and action["failure_code"] not in (None, error.get("code")):
        return str(action["failure_code"])
    return str(error.get("decline_code") or error.get("code") or "")


def _card(details: Json) -> CardPresent:
    receipt: Json = details.get("receipt") or {}
    return CardPresent(
        brand=details["brand"] or "",
        last4=details["last4"] or "",
        entry_mode=_ENTRY_MODES.get(details["read_method"] or "", ""),
        verification=_verification(details, receipt),
        application=receipt.get("application_preferred_name") or "",
        aid=receipt.get("dedicated_file_name") or "",
        auth_code=receipt.get("authorization_code") or "",
        emv={name: receipt[field] for name, field in _EMV.items() if receipt.get(field)},
    )


def _verification(details: Json, receipt: Json) -> Verification:
    """Return how the cardholder was known; a phone does that itself, and says no more."""
    found = _VERIFICATIONS.get(receipt.get("cardholder_verification_method") or "", "")
    return "device" if details.get("wallet") and found in ("none", "") else found


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
