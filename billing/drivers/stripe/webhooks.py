"""Who sent a webhook: nothing is believed before this, and nothing of it is repeated after."""

import json
import time
from collections.abc import Mapping
from typing import NoReturn

import stripe

from billing.drivers.base import SignatureInvalid
from billing.types import VerifiedWebhook

# Source: https://docs.stripe.com/webhooks/signature#replay-attacks (five minutes).
TOLERANCE_SECONDS = 300
_HEADER = "stripe-signature"


def _refuse(_constant: str) -> NoReturn:
    """NaN and Infinity are no JSON, although Python reads them."""
    raise ValueError


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def verify(body: bytes, headers: Mapping[str, str], *, secret: str) -> VerifiedWebhook:
    """Return what the inbox stores, if `body` was signed with `secret` and not long ago.

    Raises:
        SignatureInvalid: it was not; or it is no event of Stripe's.
    """
    header = headers.get(_HEADER, "")
    try:
        text = body.decode()
        stripe.WebhookSignature.verify_header(text, header, secret, TOLERANCE_SECONDS)
        signed_at = _signed_at(header)
        event = _DECODER.decode(text)
    except (stripe.SignatureVerificationError, ValueError, TypeError, RecursionError):
        raise SignatureInvalid from None
    # The SDK only refuses what is too old; a time far ahead could be replayed until then.
    if signed_at > time.time() + TOLERANCE_SECONDS:
        raise SignatureInvalid
    if not isinstance(event, dict) or event.get("object") != "event":
        raise SignatureInvalid
    event_id, type_ = event.get("id"), event.get("type")
    if not (isinstance(event_id, str) and isinstance(type_, str) and event_id and type_):
        raise SignatureInvalid
    return VerifiedWebhook(external_id=event_id, type=type_, body=text)


def _signed_at(header: str) -> int:
    """Return the time that the SDK checked: the first `t` of the header."""
    return next(int(part.split("=")[1]) for part in header.split(",") if part.startswith("t="))
