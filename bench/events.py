"""The events that are sent and stored: of a fixed size, signed before the clock starts."""

import hashlib
import hmac
import json
import time

from bench import ids, objects
from bench.catalogue import Json

API_VERSION = "2026-08-26.dahlia"
BODY_BYTES = 3072
# What a provider sends when a subscription starts; the last one also comes alone, later on.
JOURNEY = (
    "customer.subscription.created",
    "invoice.paid",
    "invoice.payment_succeeded",
    "customer.subscription.updated",
)
UPDATED = JOURNEY[-1]


def event(event_id: str, type_: str, number: int) -> Json:
    """Return an event about the subscription (or its invoice) of this number."""
    subject = (
        objects.invoice(number) if type_.startswith("invoice.") else objects.subscription(number)
    )
    data: Json = {"object": subject}
    if type_ == UPDATED:
        data["previous_attributes"] = {"status": "incomplete"}
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": ids.START,
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": "req_bench", "idempotency_key": None},
        "type": type_,
    }


def body(event_id: str, type_: str, number: int) -> bytes:
    """Return an event as it is delivered: JSON of BODY_BYTES, by a note of the right length."""
    content = event(event_id, type_, number)
    subject = content["data"]["object"]
    subject["metadata"] = {**subject["metadata"], "note": ""}
    missing = BODY_BYTES - len(json.dumps(content, separators=(",", ":")))
    subject["metadata"]["note"] = "n" * max(0, missing)
    return json.dumps(content, separators=(",", ":")).encode()


def signature(payload: bytes, secret: str) -> str:
    """Return the `Stripe-Signature` of a delivery at this moment."""
    moment = int(time.time())
    signed = b"%d.%s" % (moment, payload)
    return f"t={moment},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
